"""What the axes are, and in which cells a task can still be done: terminal tables and docs/variants.md."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from rich import box
from rich.table import Table

from ....envs.perturbations.core.perturbation import LEVELS, Perturbation, overrides
from ....envs.perturbations.core.registry import perturbations
from ....envs.perturbations.core.variant import CLEAN, COMBINED
from ....envs.seed_ranges import TEST, TRAIN, VALIDATION
from ...certificate.feasibility import acting
from ...scoring.feasible_cells import EPISODES, FLOORS, CellKey, FeasibilityCell
from ...suites import SUITES
from ..terms import short_name
from .markdown import markdown_page, markdown_section, markdown_table

ACTS_ON = {
    "perturb_scene": "the scene",
    "perturb_model": "numbers of the physics",
    "perturb_appearance": "what cameras see",
    "perturb_start": "where the hand starts",
    "joint_offsets": "where the arm starts",
    "episode_steps": "the episode's length",
    "perturb_observation": "what the policy sees",
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
}
"""Groups of axes, in the order of the page; those of other axes follow under their own names."""
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


def figures(cells: Mapping[CellKey, FeasibilityCell], task: str, axis: str, notes: Notes, low: Marker) -> str:
    """Return the successes [%] of a task in the levels of an axis; a dash for what was not measured."""
    return " ".join(_figure(cells.get(CellKey(task, axis, level)), notes, low) for level in FLOORS)


def _figure(cell: FeasibilityCell | None, notes: Notes, low: Marker) -> str:
    if cell is None:
        return "-"
    if cell.reason:
        return f"-[{notes.number(cell.reason)}]"
    text = f"{100 * cell.success:.0f}"
    return text if cell.feasible else low(text)


# --------------------------------------------------------------------------------------- terminal


def feasibility_tables(cells: Iterable[FeasibilityCell]) -> list[Table]:
    """Return what was measured for the terminal, reasons below; a red figure with `!` is below its floor."""
    known = {cell.key: cell for cell in cells}
    tasks = _unique(key.task for key in known)
    names = _unique(key.axis for key in known)
    tables = []
    notes = Notes()
    for some in _abreast(tasks):
        table = Table(
            box=box.SIMPLE_HEAD,
            title="Success [%] of the expert of the worst mode at levels 1, 2, 3",
            title_justify="left",
            caption_justify="left",
            pad_edge=False,
        )
        for column in ("axis", *map(short_name, some)):
            table.add_column(column, no_wrap=column == "axis")
        for axis in names:
            row = [figures(known, task, axis, notes, "[red]{}![/]".format) for task in some]
            table.add_row(axis, *(text.replace("-[", r"-\[") for text in row))
        tables.append(table)
    if tables:
        tables[-1].caption = "\n".join([f"{_FLOORS}; ! marks less", *_numbered(notes)]).replace("[", r"\[")
    return tables


# ------------------------------------------------------------------------------------------- page


def variants_page(tasks: Sequence[str], cells: Mapping[CellKey, FeasibilityCell]) -> str:
    """Return the page docs/variants.md; cells that are not there are shown as not measured."""
    sections = (axes_section(), kinds_section(), feasibility_section(tasks, cells), suites_section())
    return markdown_page("variants", sections=sections)


def axes_section() -> str:
    """Return what each axis is, where it acts, and its magnitudes."""
    every = sorted(perturbations().values(), key=lambda axis: (_rank(axis), axis.name))
    header = ("axis", "what it is", "acts on", *(f"level {level}" for level in LEVELS[1:]), "unit")
    groups = []
    for group, some in groupby(every, key=lambda axis: axis.name.partition(".")[0]):
        groups += [f"### {GROUPS.get(group, group)}", markdown_table(header, list(map(_axis_row, some)))]
    return markdown_section("variants_axes", groups=groups, names=", ".join(f"`{name}`" for name in COMBINED))


def kinds_section() -> str:
    """Return which kinds of things the scenes show, by the range of their seeds."""
    rows = [
        (f"`{axis.name}`", ", ".join(axis.family.seen), ", ".join(axis.family.unseen))
        for axis in perturbations().values()
        if axis.family
    ]
    ranges = ", ".join(
        f"{name} scenes {seeds.start} to {seeds.stop - 1}"
        for name, seeds in (("test", TEST), ("validation", VALIDATION), ("train", TRAIN))
    )
    return markdown_section("variants_kinds", ranges=ranges, rows=rows)


def _axis_row(axis: type[Perturbation]) -> tuple[str, ...]:
    what = " ".join((axis.__doc__ or "").split())
    acts = _unique(text for hook, text in ACTS_ON.items() if overrides(axis, hook))
    return f"`{axis.name}`", what, ", ".join(acts), *(f"{m:g}" for m in axis.levels[1:]), axis.unit


def _rank(axis: type[Perturbation]) -> int:
    order = list(GROUPS)
    group = axis.name.partition(".")[0]
    return order.index(group) if group in order else len(order)


def feasibility_section(tasks: Sequence[str], cells: Mapping[CellKey, FeasibilityCell]) -> str:
    """Return the table of success by task and axis, with the reasons of what is impossible."""
    names = acting()
    notes = Notes()
    tables = []
    for some in _abreast(tasks):
        rows = [
            (f"`{a}`", *(figures(cells, task, a, notes, "**{}**".format) for task in some)) for a in names
        ]
        tables.append(markdown_table(("axis", *map(short_name, some)), rows))
    blind = ", ".join(f"`{name}`" for name in perturbations() if name not in names)
    return markdown_section(
        "variants_feasible",
        episodes=EPISODES,
        floors=_FLOORS,
        blind=blind,
        tables=tables,
        notes=_numbered(notes),
    )


def suites_section() -> str:
    """Return the variants of every suite."""
    rows = []
    for suite in SUITES.values():
        shifts = [variant for variant in suite.variants if variant != CLEAN]
        listed = ", ".join(f"`{name}`" for name in shifts)
        names = listed if len(shifts) < 20 else "every axis and the combination at every level"
        seeds = f"{len(suite.seeds)} clean, {len(suite.panel(shifts[0]))} shifted" if shifts else "clean only"
        rows.append((f"`{suite.name}`", suite.version, str(len(suite.tasks)), seeds, names))
    return markdown_section("variants_suites", rows=rows)


def _numbered(notes: Notes) -> list[str]:
    return [f"[{number}] {text}" for number, text in enumerate(notes.texts, 1)]


def _abreast(tasks: Sequence[str]) -> list[Sequence[str]]:
    return [tasks[begin : begin + ABREAST] for begin in range(0, len(tasks), ABREAST)]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


_FLOORS = "Asked for: " + ", ".join(
    f"{100 * share:.0f} % at level {level}" for level, share in FLOORS.items()
)
