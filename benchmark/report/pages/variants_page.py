"""What perturbations are, and in which cells a task can still be done: terminal tables, docs/variants.md."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from rich.table import Table

from ....envs.perturbations.core.magnitudes import Part, written
from ....envs.perturbations.core.perturbation import LEVELS, Perturbation, overrides
from ....envs.perturbations.core.registry import perturbations
from ....envs.perturbations.core.variant import CLEAN, COMBINED
from ....envs.seed_ranges import TEST, TRAIN, VALIDATION
from ...certificate.feasibility import acting
from ...number_text import percent, short_name
from ...rich_table import plain_table
from ...scoring.feasible_cells import EPISODES, FLOORS, CellKey, FeasibilityCell
from ...suites import SUITES
from .markdown import markdown_page, markdown_section, markdown_table

ACTS_ON = {
    "perturb_scene": "the scene",
    "perturb_model": "numbers of the physics",
    "perturb_appearance": "what cameras see",
    "perturb_start": "where the hand starts",
    "joint_offsets": "where the arm starts",
    "episode_steps": "the episode's length",
    "perturb_observation": "what the policy sees",
    "perturb_instruction": "what the policy is told",
    "perturb_action": "what the robot is told",
    "perturb_simulation": "the running simulation",
}
"""Hooks of a perturbation, and what they act on."""
GROUPS = {
    "contact": "Contact",
    "sensing": "Sensing",
    "actuation": "Actuation",
    "horizon": "Horizon",
    "start": "Start",
    "scene": "Generated scenes",
    "language": "Language",
}
"""Groups of perturbations, in the order of the page; those of others follow under their own names."""
ABREAST = 6
"""Tasks side by side in a table."""

Marker = Callable[[str], str]
"""Marks a figure below its floor."""


# ---------------------------------------------------------------------------------------- one cell


class Notes:
    """Numbered reasons, each once."""

    def __init__(self) -> None:
        """Begin without any."""
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        """Return the number of a reason."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def figures(
    cells: Mapping[CellKey, FeasibilityCell], task: str, parts: Sequence[Part], notes: Notes, low: Marker
) -> str:
    """Return a task's successes [%] at some levels or magnitudes; a dash for what was not measured."""
    return " ".join(_figure(cells.get(CellKey(task, *part)), notes, low) for part in parts)


def rows_of(names: Sequence[str], keys: Iterable[CellKey]) -> dict[str, list[Part]]:
    """Return what stands in each row of a table: the levels of a perturbation, then its other magnitudes."""
    others = {key.part for key in keys if key.magnitude is not None}
    rows = {}
    for name in names:
        rows[name] = [Part(name, level) for level in FLOORS]
        some = [part for part in others if part.perturbation == name]
        some.sort(key=lambda part: abs(part.built().magnitude - perturbations()[part.perturbation].levels[0]))
        if some:
            rows[f"{name}={', '.join(written(part.built().magnitude) for part in some)}"] = some
    return rows


def _figure(cell: FeasibilityCell | None, notes: Notes, low: Marker) -> str:
    if cell is None:
        return "-"
    if cell.reason:
        return f"-[{notes.number(cell.reason)}]"
    text = percent(cell.success)
    return text if cell.feasible else low(text)


# --------------------------------------------------------------------------------------- terminal


def feasibility_tables(cells: Iterable[FeasibilityCell]) -> list[Table]:
    """Return what was measured for the terminal, reasons below; a red figure with `!` is below its floor."""
    known = {cell.key: cell for cell in cells}
    tasks = _unique(key.task for key in known)
    rows = rows_of(_unique(key.perturbation for key in known), known)
    tables = []
    notes = Notes()
    for some in _abreast(tasks):
        title = "Success [%] of the expert of the worst mode at levels 1, 2, 3, and at other magnitudes"
        table = plain_table(title, pad_edge=False)
        for column in ("perturbation", *map(_heading, some)):
            table.add_column(column, no_wrap=column == "perturbation")
        for name, parts in rows.items():
            row = [figures(known, task, parts, notes, "[red]{}![/]".format) for task in some]
            table.add_row(name, *(text.replace("-[", r"-\[") for text in row))
        tables.append(table)
    if tables:
        tables[-1].caption = "\n".join([f"{_FLOORS}; ! marks less", *_numbered(notes)]).replace("[", r"\[")
    return tables


# ------------------------------------------------------------------------------------------- page


def variants_page(tasks: Sequence[str], cells: Mapping[CellKey, FeasibilityCell]) -> str:
    """Return the page docs/variants.md; cells that are not there are shown as not measured."""
    sections = (perturbations_section(), kinds_section(), feasibility_section(tasks, cells), suites_section())
    return markdown_page("variants", sections=sections)


def perturbations_section() -> str:
    """Return what each perturbation is, where it acts, and its magnitudes."""
    header = ("perturbation", "what it is", "acts on", *(f"level {level}" for level in LEVELS[1:]), "unit")
    groups = []
    for group, some in perturbation_families().items():
        groups += [
            f"### {GROUPS.get(group, group)}",
            markdown_table(header, list(map(_perturbation_row, some))),
        ]
    return markdown_section(
        "variants_perturbations", groups=groups, names=", ".join(f"`{name}`" for name in COMBINED)
    )


def perturbation_families() -> dict[str, list[type[Perturbation]]]:
    """Return the perturbations by the first part of their names, in the order of `GROUPS`."""
    every = sorted(perturbations().values(), key=lambda kind: (_rank(kind), kind.name))
    grouped = groupby(every, key=lambda kind: kind.name.partition(".")[0])
    return {family: list(some) for family, some in grouped}


def kinds_section() -> str:
    """Return which kinds of things the scenes show, by the range of their seeds."""
    rows = [
        (f"`{kind.name}`", ", ".join(kind.family.seen), ", ".join(kind.family.unseen))
        for kind in perturbations().values()
        if kind.family
    ]
    ranges = ", ".join(
        f"{name} scenes {seeds.start} to {seeds.stop - 1}"
        for name, seeds in (("test", TEST), ("validation", VALIDATION), ("train", TRAIN))
    )
    return markdown_section("variants_kinds", ranges=ranges, rows=rows)


def _perturbation_row(kind: type[Perturbation]) -> tuple[str, ...]:
    what = " ".join((kind.__doc__ or "").split())
    acts = _unique(text for hook, text in ACTS_ON.items() if overrides(kind, hook))
    return f"`{kind.name}`", what, ", ".join(acts), *(f"{m:g}" for m in kind.levels[1:]), kind.unit


def _rank(kind: type[Perturbation]) -> int:
    order = list(GROUPS)
    group = kind.name.partition(".")[0]
    return order.index(group) if group in order else len(order)


def feasibility_section(tasks: Sequence[str], cells: Mapping[CellKey, FeasibilityCell]) -> str:
    """Return the tables of success by task and perturbation, with the reasons of what is impossible."""
    names = acting()
    notes = Notes()
    measured = [task for task in tasks if any(key.task == task for key in cells)]
    blind = ", ".join(f"`{name}`" for name in perturbations() if name not in names)
    return markdown_section(
        "variants_feasible",
        episodes=EPISODES,
        floors=_FLOORS,
        blind=blind,
        tables=[part for title, some in _groups(measured) for part in _tables(title, some, cells, notes)],
        notes=_numbered(notes),
        unknown=", ".join(f"`{task}`" for task in tasks if task not in measured),
    )


def _groups(tasks: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return tasks by the suite in which they are, the largest first, with headings; then the others."""
    left = list(tasks)
    groups = []
    for suite in sorted(SUITES.values(), key=lambda suite: -len(suite.tasks)):
        groups.append((f"Tasks of `{suite.name}`", [task for task in left if task in suite.tasks]))
        left = [task for task in left if task not in suite.tasks]
    return [(title, some) for title, some in (*groups, ("Other tasks", left)) if some]


def _tables(
    title: str, tasks: Sequence[str], cells: Mapping[CellKey, FeasibilityCell], notes: Notes
) -> Iterator[str]:
    """Yield the heading and the tables of some tasks."""
    yield f"### {title}"
    rows = rows_of(acting(), (key for key in cells if key.task in tasks))
    for some in _abreast(tasks):
        lines = [
            (f"`{name}`", *(figures(cells, task, parts, notes, "**{}**".format) for task in some))
            for name, parts in rows.items()
        ]
        yield markdown_table(("perturbation", *map(_heading, some)), lines)


def _heading(task: str) -> str:
    """Return a task's short name, with its version if that is not the first."""
    version = task.rpartition("-v")[2]
    return short_name(task) if version == "1" else f"{short_name(task)} v{version}"


def suites_section() -> str:
    """Return the variants of every suite; of many, what `full` says of itself."""
    rows = []
    for suite in SUITES.values():
        shifts = [variant for variant in suite.variants if variant != CLEAN]
        listed = ", ".join(f"`{name}`" for name in shifts)
        many = f"{len(shifts)}, from what policies feel to what experts bear ([doses.md](doses.md))"
        names = listed or "none" if len(shifts) < 20 else many
        seeds = f"{len(suite.seeds)} clean"
        seeds += f", {len(suite.panel(shifts[0]))} shifted" if shifts else ""
        rows.append((f"`{suite.name}`", suite.version, str(len(suite.tasks)), seeds, names))
    return markdown_section("variants_suites", rows=rows)


def _numbered(notes: Notes) -> list[str]:
    return [f"[{number}] {text}" for number, text in enumerate(notes.texts, 1)]


def _abreast(tasks: Sequence[str]) -> list[Sequence[str]]:
    return [tasks[begin : begin + ABREAST] for begin in range(0, len(tasks), ABREAST)]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


_FLOORS = "Asked for: " + ", ".join(f"{percent(share)} % at level {level}" for level, share in FLOORS.items())
