"""The page docs/results.md and the terminal tables of `bimodal results`."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from ....envs.perturbations.core.perturbation import LEVELS
from ....envs.perturbations.core.registry import perturbations
from ....envs.specs import CONTROL_HZ
from ....tasks.core.outcomes import OUTCOMES
from ...certificate.causal_controls import METHODS as TAUGHT
from ...certificate.causal_controls import TaskControls
from ...number_text import bounds, percent, points, short_name
from ...rich_table import number_table
from ...scoring.perturbation_effects import MeanEffect
from ...statistics.rates import Interval
from ...studies.method_results import TIMED_ON, MethodResult
from ...studies.mode_choice import PANEL, QUESTIONS, ModeChoices
from ...studies.samplers import LENGTHS, SAMPLERS, SEEDS, SamplerCell, SamplerStudy
from .markdown import markdown_page, markdown_table


def overview_rows(results: Sequence[MethodResult], times: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return one row a method: name, success, averaging and what else `_OVERVIEW` names."""
    return [
        (
            one.policy,
            _interval(one.success),
            _interval(one.averaging),
            percent(one.commitment),
            percent(one.coverage),
            percent(one.rarest),
            f"{one.switches:.2f}",
            *_speed(times.get(one.policy), one.n_action_steps),
        )
        for one in results
    ]


def task_rows(results: Sequence[MethodResult]) -> list[tuple[str, ...]]:
    """Return one row a method: name, then success with its interval and the rarest mode's share by task."""
    return [
        (one.policy, *(f"{_interval(c.success)}, {percent(c.minority_share)}" for c in one.cells))
        for one in results
    ]


def seed_rows(seeds: Mapping[str, Sequence[MethodResult]]) -> list[tuple[str, ...]]:
    """Return one row a method: name, success by training seed, and the rarest mode's smallest share."""
    return [
        (
            name,
            ", ".join(percent(one.success.estimate) for one in found),
            ", ".join(percent(one.rarest) for one in found),
        )
        for name, found in seeds.items()
        if len(found) > 1
    ]


def failure_rows(results: Sequence[MethodResult]) -> list[tuple[str, ...]]:
    """Return one row a method: name, most frequent failure, its share, where to see it, and its meaning."""
    rows = []
    for one in results:
        label, share, task, seed = one.failure
        if not label:
            rows.append((one.policy, "none", "", "", ""))
            continue
        meaning = OUTCOMES[label].meaning
        rows.append((one.policy, f"`{label}`", percent(share), f"{short_name(task)}, seed {seed}", meaning))
    return rows


def control_rows(found: Sequence[TaskControls], tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """Return one row a task: success on one mode and on both, and the difference, by taught method."""
    rows = []
    for one in (one for one in found if one.task in tasks):
        cells = []
        for method in TAUGHT:
            uni, both = (one.success("controls", regime, method) for regime in ("uni", "bi50"))
            known = uni is not None and both is not None
            cells += [percent(uni), percent(both), points(uni - both) if known else "–"]  # type: ignore[operator]
        rows.append((short_name(one.task), *cells))
    return rows


def sampling_rows(study: SamplerStudy) -> list[tuple[str, ...]]:
    """Return one row a sampling: name, decision time, then success, rarest mode and switches by length."""
    cells = {(cell.name, cell.n_action_steps): cell for cell in study.cells}
    rows = []
    for name in (sampling.name for sampling in SAMPLERS):
        found = [cells.get((name, length)) for length in LENGTHS]
        texts = [_sampled(cell) if cell else "–" for cell in found]
        ms = study.latency_ms.get(name)
        rows.append((name, "–" if ms is None else f"{ms:.1f}", *texts))
    return rows


_OVERVIEW = (
    "method",
    "success",
    "averaged",
    "commits",
    "coverage",
    "rarest mode",
    "switches",
    "ms",
    "Hz",
    "needs Hz",
)
_SAMPLING = ("sampling", "ms", *(f"executes {length}" for length in LENGTHS))


def results_tables(results: Sequence[MethodResult], times: Mapping[str, float]) -> list[Table]:
    """Return the overview for the terminal."""
    rows = overview_rows(results, times)
    return [number_table("Core suite, clean", _OVERVIEW, rows, no_wrap=True, padding=(0, 1, 0, 0))]


def results_page(
    results: Sequence[MethodResult],
    times: Mapping[str, float],
    seeds: Mapping[str, Sequence[MethodResult]],
    studies: Sequence[SamplerStudy],
    controls: Sequence[TaskControls],
    asked: Sequence[ModeChoices],
    cpu: str,
) -> str:
    """Return the page docs/results.md.

    Args:
        results: every method, in the order of the tables.
        times: median decision times [ms], by method.
        seeds: results of the training seeds, by method.
        studies: samplings against executed lengths, one a task.
        controls: findings of the validity studies.
        asked: what makes methods choose.
        cpu: on which decisions were timed.
    """
    tasks = [cell.task for cell in results[0].cells]
    taught = [text for name in TAUGHT.values() for text in (f"{name}: one mode", "both", "difference")]
    return markdown_page(
        "results",
        n=results[0].cells[0].episodes,
        tasks=", ".join(map(short_name, tasks)),
        overview=markdown_table(_OVERVIEW, overview_rows(results, times)),
        by_task=markdown_table(("method", *map(short_name, tasks)), task_rows(results)),
        seeds=markdown_table(("method", "success by seed", "rarest mode by seed"), seed_rows(seeds)),
        controls=markdown_table(("task", *taught), control_rows(controls, tasks)),
        samplings="\n\n".join(map(_samplings, studies)),
        choices=_choices(asked),
        chosen=len(PANEL.seeds),
        failures=failure_rows(results),
        sampled=len(SEEDS),
        timed_on=short_name(TIMED_ON),
        cpu=cpu,
    )


def _samplings(study: SamplerStudy) -> str:
    return f"### {short_name(study.task)}\n\n{markdown_table(_SAMPLING, sampling_rows(study))}"


def choice_rows(asked: Sequence[ModeChoices], perturbation: str) -> list[tuple[str, ...]]:
    """Return one row a method: name, then at every level who takes the mode, or changes it, and success."""
    rows = []
    for one in asked:
        answers = [one.answers[f"{perturbation}:{level}"] for level in LEVELS[1:]]
        rows.append((one.method, *map(_answer, answers)))
    return rows


def _answer(one: MeanEffect) -> str:
    if one.targeted is None:
        taken = percent(one.changed_mode / one.realised if one.realised else None)
    else:
        taken = f"{percent(one.targeted.clean)} → {percent(one.targeted.perturbed)}"
    return f"{taken} ({percent(one.success)})"


def _choices(asked: Sequence[ModeChoices]) -> str:
    """Return a table for every question."""
    tables = []
    for name, text in QUESTIONS.items():
        kind = perturbations()[name]
        header = ("method", *(f"{magnitude:g} {kind.unit}" for magnitude in kind.levels[1:]))
        tables.append(f"**{text}** (`{name}`)\n\n{markdown_table(header, choice_rows(asked, name))}")
    return "\n\n".join(tables)


def _sampled(cell: SamplerCell) -> str:
    rarest = percent(cell.rarest if cell.success else None)
    return f"{percent(cell.success)}, {rarest}, {cell.switches:.2f}"


def _interval(value: Interval) -> str:
    """Return an estimate and its interval, rounded outwards."""
    return f"{percent(value.estimate, 1)} {bounds(value)}"


def _speed(ms: float | None, n_action_steps: int) -> tuple[str, str, str]:
    """Return decision time, decisions a second, and how many of them 20 Hz control asks for."""
    needed = f"{CONTROL_HZ / n_action_steps:.3g}"
    if ms is None:
        return "–", "–", needed
    return f"{ms:.2g}" if ms < 10 else f"{ms:.0f}", f"{1000 / ms:.0f}", needed
