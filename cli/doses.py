"""`bimodal results --doses`: measures, shows, and writes docs/doses.md; called by results.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from ..benchmark.number_text import percent, short_name
from ..benchmark.provenance import cores, versions
from ..benchmark.report.pages.markdown import markdown_page, markdown_table
from ..benchmark.rich_table import number_table
from ..benchmark.statistics.rates import ALPHA
from ..benchmark.studies.dose_findings import CLIFF, choices, cliffs, first_felt, rates
from ..benchmark.studies.dose_limits import BEYOND, FLOOR, SEEDS, axes, possible
from ..benchmark.studies.doses import METHODS, PLANNERS, TASKS, Doses, asked, groups, measure_doses
from ..envs.perturbations.core.perturbation import overrides
from ..envs.perturbations.core.registry import perturbations
from ..envs.storage.atomic_write import write_text
from ..tasks import load_task
from ..tasks.core.fingerprint import fingerprint
from .console import console, progress_bar
from .curves_picture import Panel, curves_picture

Felt = Mapping[str, Mapping[str, float | None]]
"""First magnitude that is felt, by policy and perturbation."""
EXPERTS = "experts"
"""Name of the scripted experts' line."""
HEADER = ("perturbation", "unit", "levels", "experts' limit", *METHODS)
_CLIFFS = ("task", "perturbation", "policy", "magnitude: success [%]")


def study_doses(page: Path | None, fresh: bool, workers: int | None) -> int:
    """Measure success against the magnitude of every perturbation, show it and write the page."""
    processes = cores() if workers is None else workers
    with progress_bar("doses", "curves") as update:
        found = measure_doses(
            workers=processes, fresh=fresh, progress=lambda text, n, total: update(n, total, text)
        )
    for task in TASKS:
        console.print(doses_table(task, found))
    console.print(suite_list(found), markup=False, highlight=False, soft_wrap=True)
    if page:
        write_doses(page, found)
    return 0


def write_doses(page: Path, found: Sequence[Doses]) -> None:
    """Write the page and the picture of every task that was measured, in `images/` beside it."""
    tasks = [task for task in TASKS if _of(task, found)]
    images = page.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        for methods in _measured(_of(task, found)):
            picture = doses_picture(_of(task, found), methods)
            write_text(images / picture_name(task, methods), picture)
    write_text(page, doses_page(found))


def picture_name(task: str, methods: Sequence[str] = METHODS) -> str:
    """Return the name of the picture of a task and a group of policies."""
    return f"doses-{task}.svg" if methods == METHODS else f"doses-{task}-{methods[0]}.svg"


def doses_picture(found: Sequence[Doses], methods: Sequence[str] = METHODS) -> str:
    """Return the picture of one task's curves of some policies."""
    return curves_picture([_panel(one, methods) for one in found], (*methods, EXPERTS))


def _measured(found: Sequence[Doses]) -> list[tuple[str, ...]]:
    """Return the groups of which a policy was measured on one task."""
    known = {policy for one in found for policy in one.curves}
    return [methods for methods in groups() if known & {*methods}]


def _panel(one: Doses, methods: Sequence[str]) -> Panel:
    kind = perturbations()[one.perturbation]
    places = (kind.levels[0], *one.limit.ladder)
    named = {*kind.levels[1:]} if kind.levels[-1] in places[-2:] else {*kind.levels[1:], places[-1]}
    ticks = ("clean", *(f"{magnitude:g}" if magnitude in named else "" for magnitude in one.limit.ladder))
    curves = {policy: curve for policy, curve in one.curves.items() if policy in methods}
    shares = {policy: rates(curve, kind.levels[0]) for policy, curve in curves.items()}
    shares |= {EXPERTS: one.limit.experts} if one.limit.experts else {}
    lines = {policy: [known.get(place) for place in places] for policy, known in shares.items()}
    return Panel(one.perturbation, kind.unit, ticks, one.limit.borne + 1, lines)


def doses_rows(found: Sequence[Doses]) -> list[tuple[str, ...]]:
    """Return a row for each perturbation of one task: how far the experts go, and what each policy feels."""
    felt = {policy: first_felt(found, policy) for policy in METHODS}
    return [
        (
            one.perturbation,
            perturbations()[one.perturbation].unit,
            ", ".join(f"{magnitude:g}" for magnitude in perturbations()[one.perturbation].levels[1:]),
            _limit(one),
            *(_felt(felt[policy], one, policy) for policy in METHODS),
        )
        for one in found
    ]


def doses_table(task: str, found: Sequence[Doses]) -> Table:
    """Return the table of a task for the terminal."""
    return number_table(
        f"{short_name(task)}: first magnitude that is felt", HEADER, doses_rows(_of(task, found))
    )


def doses_page(found: Sequence[Doses]) -> str:
    """Return the page docs/doses.md."""
    return markdown_page(
        "doses",
        methods=METHODS,
        planners=PLANNERS,
        episodes=len(SEEDS),
        floor=percent(FLOOR),
        alpha=ALPHA,
        fallen=round(100 * CLIFF),
        beyond=", ".join(f"{share:g}" for share in BEYOND),
        tasks=[_section(task, _of(task, found)) for task in TASKS if _of(task, found)],
        cliffs=markdown_table(_CLIFFS, cliff_rows(found)),
        choices=markdown_table(("perturbation", "unit", "`full` plays", "because"), choice_rows(found)),
        for_modes=[
            f"`{one.perturbation}`" for one in choices(found) if not one.parts and _targets(one.perturbation)
        ],
        blind=", ".join(f"`{name}`" for name in perturbations() if name not in axes()),
        missing=missing(found),
        prints=", ".join(
            f"{task} `{fingerprint(load_task(task))[:16]}`" for task in TASKS if _of(task, found)
        ),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
    )


def cliff_rows(found: Sequence[Doses]) -> list[tuple[str, ...]]:
    """Return a row for each cliff."""
    return [
        (
            short_name(one.task),
            f"`{one.perturbation}`",
            one.policy,
            ", ".join(
                f"{dose:g}: {percent(success)}" for dose, success in zip(one.doses, one.success, strict=True)
            ),
        )
        for one in cliffs(found)
    ]


def choice_rows(found: Sequence[Doses]) -> list[tuple[str, ...]]:
    """Return a row for each perturbation: at which magnitudes `full` plays it, and why, or why not."""
    rows = []
    for one in choices(found):
        kind = perturbations().get(one.perturbation)
        magnitudes = [part.built().magnitude if kind else part.level for part in one.parts]
        shown = ", ".join(f"{magnitude:g}" for magnitude in magnitudes) or "–"
        rows.append((f"`{one.perturbation}`", kind.unit if kind else "level", shown, one.why))
    return rows


def suite_list(found: Sequence[Doses]) -> str:
    """Return the choices as they are pasted into `DOSES` of benchmark/suite_lists.py."""
    lines = []
    for one in choices(found):
        text = " ".join(str(part).removeprefix(one.perturbation) for part in one.parts)
        lines += [f'    "{one.perturbation}": "{text}",'] if text else []
    return "\n".join(["DOSES = {", *lines, "}"])


def _targets(name: str) -> bool:
    """Return whether a perturbation favours or blocks a mode."""
    return overrides(perturbations()[name], "targeted_mode")


def missing(found: Sequence[Doses]) -> list[str]:
    """Return what was not measured so far, in words, a line a task and policy."""
    lines = []
    for task in TASKS:
        known = {one.perturbation: one for one in _of(task, found)}
        own = [name for name, kind in axes().items() if possible(load_task(task), kind)]
        for policy in (policy for methods in groups() for policy in methods):
            wanted = [
                name for name in own if name not in known or asked(policy, name, known[name].limit.ladder)
            ]
            names = [name for name in wanted if name not in known or policy not in known[name].curves]
            if names:
                text = "everything" if len(names) == len(wanted) else ", ".join(names)
                lines.append(f"{policy} on {short_name(task)}: {text}")
    return lines


def _section(task: str, found: Sequence[Doses]) -> dict[str, str | list[str]]:
    others = [methods for methods in _measured(found) if methods != METHODS]
    return {
        "name": short_name(task),
        "picture": f"images/{picture_name(task)}",
        "table": markdown_table(HEADER, doses_rows(found)),
        "others": [f"images/{picture_name(task, methods)}" for methods in others],
        "others_table": markdown_table(*_others_table(found, others)),
    }


def _others_table(
    found: Sequence[Doses], shown: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and a row for each perturbation: what the policies of some groups feel."""
    policies = [policy for methods in shown for policy in methods]
    felt = {policy: first_felt(found, policy) for policy in policies}
    rows = [(one.perturbation, *(_felt(felt[name], one, name) for name in policies)) for one in found]
    return ("perturbation", *policies), rows


def _limit(one: Doses) -> str:
    """Return the experts' limit, which may lie beyond all that was played."""
    if not one.limit.borne:
        return f"< {one.limit.ladder[0]:g}" if one.limit.ladder else "–"
    magnitude = f"{one.limit.ladder[one.limit.borne - 1]:g}"
    return f"all, to {magnitude}" if one.limit.borne == len(one.limit.ladder) else magnitude


def _felt(felt: Mapping[str, float | None], one: Doses, policy: str) -> str:
    if policy not in one.curves or one.perturbation not in felt:
        return "–"
    magnitude = felt[one.perturbation]
    return "not felt" if magnitude is None else f"{magnitude:g}"


def _of(task: str, found: Sequence[Doses]) -> list[Doses]:
    return [one for one in found if one.task == task]
