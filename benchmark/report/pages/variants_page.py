"""What perturbations are, and in which cells a task can still be done: terminal tables, docs/variants.md."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from rich.table import Table

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


def figures(cells: Mapping[CellKey, FeasibilityCell], task: str, name: str, notes: Notes, low: Marker) -> str:
    """Return a task's successes [%] at the levels of a perturbation; a dash for what was not measured."""
    return " ".join(_figure(cells.get(CellKey(task, name, level)), notes, low) for level in FLOORS)


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
    names = _unique(key.perturbation for key in known)
    tables = []
    notes = Notes()
    for some in _abreast(tasks):
        title = "Success [%] of the expert of the worst mode at levels 1, 2, 3"
        table = plain_table(title, pad_edge=False)
        for column in ("perturbation", *map(short_name, some)):
            table.add_column(column, no_wrap=column == "perturbation")
        for name in names:
            row = [figures(known, task, name, notes, "[red]{}![/]".format) for task in some]
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
    """Return the table of success by task and perturbation, with the reasons of what is impossible."""
    names = acting()
    notes = Notes()
    tables = []
    for some in _abreast(tasks):
        rows = [
            (f"`{a}`", *(figures(cells, task, a, notes, "**{}**".format) for task in some)) for a in names
        ]
        tables.append(markdown_table(("perturbation", *map(short_name, some)), rows))
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
        names = (
            listed or "none" if len(shifts) < 20 else "every perturbation and the combination at every level"
        )
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
