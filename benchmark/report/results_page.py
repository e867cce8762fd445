"""The page docs/results.md and the terminal tables of `bimodal results`."""

from collections.abc import Mapping, Sequence
from math import ceil, floor

from rich import box
from rich.table import Table

from ...envs.perturbations.core.perturbation import LEVELS
from ...envs.perturbations.core.registry import perturbations
from ...envs.specs import CONTROL_HZ
from ...tasks.core.outcomes import OUTCOMES
from ..certificate.causal_controls import METHODS as TAUGHT
from ..certificate.causal_controls import Found
from ..scoring.perturbation_effects import MeanEffect
from ..statistics import Interval
from ..studies.method_results import TIMED_ON, Result
from ..studies.mode_choice import PANEL, QUESTIONS, Choices
from ..studies.samplers import LENGTHS, SAMPLINGS, SEEDS, Sampled, Study
from .markdown import markdown_table
from .terms import short_name

NOTES = {
    "mse": "The hand comes straight down on what stands between the two grasps.",
    "mse_labelled": "It cuts the corner of the post, on the side that it was told.",
    "mse_step": "It gets past the middle and shuts the gripper too early, short of the object.",
    "mip": "The second pass keeps the mean: straight down on the middle.",
    "flow": "It lands on the cap while it turns from the start to a grasp: a plan between two modes.",
    "flow_1step": "Like regression: straight down on the middle.",
    "reflow": "It starts towards a grasp and comes down short of it: one step blurs the modes' border.",
    "diffusion": "The object is held up, but hand and object keep drifting and never count as at rest.",
    "diffusion_ddpm": "The pot is held up, drifts to the side with the hand and never counts as at rest.",
    "diffusion_unet": "It comes down on the mug while it still turns, and hits its side.",
    "mpc": "The hand stops beside the post and closes there: the way around is longer than it looks ahead.",
    "mpc_cem": "The hand comes straight down on the middle: the mean of good plans for either grasp.",
    "mpc_mppi": "The weighted mean of plans for either cube comes down on the wall between them.",
    "mpc_mismatched": "As with the right model: the hand stops beside the post and closes there.",
    "diffuser": "It touches the cap of the mug while it turns from the start to a grasp.",
    "veteran": "The fingers close late: the cube leaves the table as the time runs out.",
    "diffuser_lite": "The fingers stand around the knob and never close: each new plan begins by waiting.",
    "decision_diffuser": "The hand arrives around the object and waits: the plans drawn there stay there.",
    "nearest": "It replays a grasp of another scene, and closes beside the object.",
    "gmm": "One of its five answers lies between the lanes: straight into the post.",
}
"""What a person saw in videos of a method's most frequent failure; for the others, the verdict's meaning."""


def overview_rows(results: Sequence[Result], times: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return one row a method: name, success, averaging and what else `_OVERVIEW` names."""
    return [
        (
            one.policy,
            _interval(one.success),
            _interval(one.averaging),
            _percent(one.commitment),
            _percent(one.coverage),
            _percent(one.rarest),
            f"{one.switches:.2f}",
            *_speed(times.get(one.policy), one.execute),
        )
        for one in results
    ]


def task_rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return one row a method: name, then success with its interval and the rarest mode's share by task."""
    return [
        (one.policy, *(f"{_interval(c.success)}, {_percent(c.minority_share)}" for c in one.cells))
        for one in results
    ]


def seed_rows(seeds: Mapping[str, Sequence[Result]]) -> list[tuple[str, ...]]:
    """Return one row a method: name, success by training seed, and the rarest mode's smallest share."""
    return [
        (
            name,
            ", ".join(_percent(one.success.estimate) for one in found),
            ", ".join(_percent(one.rarest) for one in found),
        )
        for name, found in seeds.items()
        if len(found) > 1
    ]


def failure_rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return one row a method: name, most frequent failure, its share, where to see it, and what one sees."""
    rows = []
    for one in results:
        label, share, task, seed = one.failure
        if not label:
            rows.append((one.policy, "none", "", "", ""))
            continue
        told = NOTES.get(one.policy, OUTCOMES[label].meaning)
        rows.append((one.policy, f"`{label}`", _percent(share), f"{short_name(task)}, seed {seed}", told))
    return rows


def control_rows(found: Sequence[Found], tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """Return one row a task: success on one mode and on both, and the difference, by taught method."""
    rows = []
    for one in (one for one in found if one.task in tasks):
        cells = []
        for method in TAUGHT:
            uni, both = (one.success("controls", regime, method) for regime in ("uni", "bi50"))
            known = uni is not None and both is not None
            cells += [_percent(uni), _percent(both), f"{100 * (uni - both):+.0f}" if known else "–"]  # type: ignore[operator]
        rows.append((short_name(one.task), *cells))
    return rows


def sampling_rows(study: Study) -> list[tuple[str, ...]]:
    """Return one row a sampling: name, decision time, then success, rarest mode and switches by length."""
    cells = {(cell.name, cell.execute): cell for cell in study.cells}
    rows = []
    for name in (sampling.name for sampling in SAMPLINGS):
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


def results_tables(results: Sequence[Result], times: Mapping[str, float]) -> list[Table]:
    """Return the overview for the terminal."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Core suite, clean",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index, column in enumerate(_OVERVIEW):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in overview_rows(results, times):
        table.add_row(*row)
    return [table]


def results_page(
    results: Sequence[Result],
    times: Mapping[str, float],
    seeds: Mapping[str, Sequence[Result]],
    studies: Sequence[Study],
    controls: Sequence[Found],
    asked: Sequence[Choices],
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
    header = ("method", *map(short_name, tasks))
    samplings = [
        f"### {short_name(study.task)}\n\n{markdown_table(_SAMPLING, sampling_rows(study))}"
        for study in studies
    ]
    taught = [text for name in TAUGHT.values() for text in (f"{name}: one mode", "both", "difference")]
    return _PAGE.format(
        n=results[0].cells[0].episodes,
        tasks=", ".join(map(short_name, tasks)),
        overview=markdown_table(_OVERVIEW, overview_rows(results, times)),
        by_task=markdown_table(header, task_rows(results)),
        seeds=markdown_table(("method", "success by seed", "rarest mode by seed"), seed_rows(seeds)),
        controls=markdown_table(("task", *taught), control_rows(controls, tasks)),
        samplings="\n\n".join(samplings),
        choices=_choices(asked),
        chosen=len(PANEL.seeds),
        failures=markdown_table(
            ("method", "most frequent", "of its failures", "to see", "what happens"), failure_rows(results)
        ),
        sampled=len(SEEDS),
        timed_on=short_name(TIMED_ON),
        cpu=cpu,
    )


def choice_rows(asked: Sequence[Choices], axis: str) -> list[tuple[str, ...]]:
    """Return one row a method: name, then at every level who takes the mode, or changes it, and success."""
    rows = []
    for one in asked:
        answers = [one.answers[f"{axis}:{level}"] for level in LEVELS[1:]]
        rows.append((one.method, *map(_answer, answers)))
    return rows


def _answer(one: MeanEffect) -> str:
    if one.targeted is None:
        taken = _percent(one.changed_mode / one.realised if one.realised else None)
    else:
        taken = f"{_percent(one.targeted.clean)} → {_percent(one.targeted.perturbed)}"
    return f"{taken} ({_percent(one.success)})"


def _choices(asked: Sequence[Choices]) -> str:
    """Return a table for every question."""
    tables = []
    for axis, text in QUESTIONS.items():
        kind = perturbations()[axis]
        header = ("method", *(f"{magnitude:g} {kind.unit}" for magnitude in kind.levels[1:]))
        tables.append(f"**{text}** (`{axis}`)\n\n{markdown_table(header, choice_rows(asked, axis))}")
    return "\n\n".join(tables)


def _sampled(cell: Sampled) -> str:
    rarest = _percent(cell.rarest if cell.success else None)
    return f"{_percent(cell.success)}, {rarest}, {cell.switches:.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}"


def _interval(value: Interval) -> str:
    """Return an estimate and its interval, rounded outwards."""
    return f"{100 * value.estimate:.1f} [{floor(100 * value.low)}, {ceil(100 * value.high)}]"


def _speed(ms: float | None, execute: int) -> tuple[str, str, str]:
    needed = f"{CONTROL_HZ / execute:.3g}"
    return (
        ("–", "–", needed)
        if ms is None
        else (f"{ms:.2g}" if ms < 10 else f"{ms:.0f}", f"{1000 / ms:.0f}", needed)
    )


_PAGE = """\
# Results: every method on one seed panel

<!-- Generated: bimodal results --page docs/results.md -->

The same {n} clean seeds of every task, the same evaluator for every method; the last checkpoint counts,
training seed 0 unless said. Success and shares in percent, 95 % intervals in brackets. The tasks: {tasks}.
`bimodal leaderboard` prints what every variant changes. Methods without a row have no finished run yet.

## At a glance

{overview}

- **averaged**: episodes that failed by acting between the modes. **commits**: episodes in which a mode was
  realised, whether or not it then succeeded. **coverage**: share of the modes with at least one in twenty
  successes. **rarest mode**: its smallest share of the successes on any task; an even choice is 50 of two
  modes, 33 of three. **switches**: how often, per episode, the hand went over from one mode's side to
  another's.
- **ms, Hz**: median time of one decision for one episode on {timed_on}, on one core of {cpu};
  **needs Hz**: decisions a second that 20 Hz control asks for, with the actions that the method executes of
  each decision.
- `expert` flips a coin between the modes and is the ceiling of every measure of diversity; `mean` executes
  the average of the experts' plans and is the floor. Both read the simulator, as the `mpc` methods do;
  `mse_labelled` is told the mode.

## Task by task

Success with its interval, and the rarest mode's share of the successes.

{by_task}

## Training seeds

Mean success over the tasks, and the smallest share of a mode on any task, for training seeds 0, 1, 2.

{seeds}

## Is it the second mode?

The same networks, budgets and number of demonstrations; only what is demonstrated changes: one mode, or both
equally often ([validity.md](validity.md) has the other regimes and the limits).

{controls}

## Latency, success and mode balance

In each cell: success, the rarest mode's share of the successes, and switches of side an episode, by the
number of actions executed of each decision; {sampled} episodes. ms is the median time of one decision for one
episode on one core.

{samplings}

One undistilled step of a flow is close to regression: at the first step the network predicts the mean of
what may follow, and what is left of the drawn noise is all that tells its answers apart. Reflow trains the
same network on pairs of noise and sample, after which one step suffices. Executing one action at a time
draws a new chunk at every step: the hand may switch sides, and regression may look again before the middle
is reached.

## What makes it choose

In the first two tables, the share of the episodes that take the mode which is nearer or blocked: of the same
seeds clean, then shifted; in the third, the share that end in another mode than clean. In brackets: success.
{chosen} seeds of every task that can have the variant, mean over tasks. What reads the mode off the start
follows the first table's dose. On the way itself (0 cm) the blocked grasp cannot be had; who took the other
one instead would succeed as often as clean, but no observation shows the post. Who follows through after a
knock has no other mode.

{choices}

## How they fail

{failures}

`bimodal evaluate METHOD --task TASK` writes a report with videos of failures first.
"""
