"""The page docs/audit.md and the terminal tables of `bimodal audit`."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from ...certificate.causal_controls import METHODS, TaskControls
from ...comparison.audit import BLIND, SHORTCUTS, Audit, Audited
from ...number_text import bounds, percent, points, short_name, signed_bounds
from ...rich_table import number_table
from ...statistics.rates import Interval
from .markdown import markdown_page, markdown_section

Rows = Sequence[tuple[str, ...]]
DEMONSTRATIONS = {"bi50": "half and half", "bi70": "70 to 30", "bi90": "90 to 10", "ctx": "told by the scene"}
DEMONSTRATIONS["uni"] = "one mode alone"
"""What the demonstrations of each kind show."""
COUNTS = {"100 demos": "100", "as certified": "300", "1,000 demos": "1,000"}
"""How many demonstrations the settings of that name have."""


def shortcut_rows(found: Audit) -> Rows:
    """Return a row for the best policy and each shortcut: what it sees, success, success by task."""
    rows = []
    for one in (found.best, *found.shortcuts):
        sees = "nothing of the scene" if one.uri in BLIND else "everything"
        rows.append((one.arm.name, sees, _share(one.success), *(percent(x.estimate) for x in one.cells)))
    return [*rows, *((name, "", "no entry and no run") for name in found.missing)]


def pair_rows(found: Audit) -> Rows:
    """Return a row for every two neighbours of the board."""
    return [
        (
            pair.better.arm.name,
            pair.worse.arm.name,
            f"{points(pair.difference.estimate)} {signed_bounds(pair.difference)}",
            "yes" if pair.told_apart else "no",
        )
        for pair in found.pairs
    ]


def fresh_rows(found: Audit) -> Rows:
    """Return a row for every policy that has a run on fresh seeds."""
    return [
        (
            one.public.arm.name,
            _share(one.public.success),
            _share(one.fresh.success),
            f"{points(one.difference.estimate)} {signed_bounds(one.difference)}",
            _seeds(one.fresh),
        )
        for one in found.fresh
    ]


def source_rows(found: Sequence[TaskControls]) -> Rows:
    """Return a row for every kind and number of demonstrations that was measured: mean success over tasks."""
    asked = [("controls", name, f"300, {told}") for name, told in DEMONSTRATIONS.items()]
    asked += [("limits", name, f"{count}, half and half") for name, count in COUNTS.items()]
    rows = []
    for table, condition, told in asked:
        by_method = [[one.success(table, condition, method) for one in found] for method in METHODS]
        known = [[x for x in values if x is not None] for values in by_method]
        if any(known):
            cells = (percent(sum(values) / len(values)) if values else "not measured" for values in known)
            rows.append((told, *cells, str(max(map(len, known)))))
    return rows


HEADERS = {
    "shortcuts": ("policy", "sees", "success"),
    "pairs": ("better", "worse", "difference", "told apart"),
    "fresh": ("policy", "public panel", "fresh seeds", "difference", "seeds a task"),
    "sources": ("demonstrations", *METHODS.values(), "tasks"),
}
"""Columns of the tables; those of tasks follow."""


def significance_section(found: Audit) -> str:
    """Return the part of the page that follows from the entries alone; renewed by tools/readme.py."""
    apart = sum(pair.told_apart for pair in found.pairs)
    return markdown_section(
        "audit_pairs",
        found=found,
        apart=apart,
        share=percent(apart / len(found.pairs)) if found.pairs else "",
        least="any number of" if found.detectable is None else f"{100 * found.detectable:.1f}",
        header=HEADERS["pairs"],
        rows=pair_rows(found),
    )


def audit_page(found: Audit, controls: Sequence[TaskControls]) -> str:
    """Return the page."""
    tasks = tuple(map(short_name, found.tasks))
    suite = found.best.arm.suite
    return markdown_page(
        "audit",
        found=found,
        suite=f"{suite.name} {suite.version}, `{suite.hash}`",
        blind=next((one for one in found.shortcuts if one.uri in BLIND), None),
        share=_share,
        shortcuts=SHORTCUTS,
        significance=significance_section(found),
        headers=HEADERS | {"shortcuts": (*HEADERS["shortcuts"], *tasks)},
        rows={
            "shortcuts": [row + ("",) * (3 + len(tasks) - len(row)) for row in shortcut_rows(found)],
            "fresh": fresh_rows(found),
            "sources": source_rows(controls),
        },
    )


def audit_tables(found: Audit, controls: Sequence[TaskControls]) -> Iterator[Table]:
    """Yield the tables for the terminal, those that have rows."""
    tasks = tuple(map(short_name, found.tasks))
    titles = {
        "shortcuts": ("Shortcuts beside the best entry", shortcut_rows(found)),
        "pairs": ("Neighbours of the board, on the same seeds", pair_rows(found)),
        "fresh": ("Public panel and fresh seeds", fresh_rows(found)),
        "sources": ("Success by demonstrations, mean over tasks", source_rows(controls)),
    }
    for name, (title, rows) in titles.items():
        if rows:
            header = (*HEADERS[name], *(tasks if name == "shortcuts" else ()))
            padded = [row + ("",) * (len(header) - len(row)) for row in rows]
            yield number_table(title, header, padded)


def _share(value: Interval) -> str:
    return f"{percent(value.estimate, 1)} {bounds(value)}"


def _seeds(one: Audited) -> str:
    panel = one.arm.suite.seeds
    return f"{panel.start} to {panel.start + panel.count - 1}"
