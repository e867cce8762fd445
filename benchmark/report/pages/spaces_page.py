"""Writes docs/spaces.md: what every number of an observation and of an action means."""

from ....envs.seed_ranges import UNNAMED
from ....envs.specs import ACTIONS, CONTROL_HZ, GRID, Spec, elements
from ....tasks import load_task
from ....tasks.core.registry import own_names
from .markdown import markdown_page, markdown_table


def spaces_page() -> str:
    """Return the page. Called by its test, which also renews it."""
    return markdown_page(
        "spaces",
        step_ms=1000 // CONTROL_HZ,
        grid=f"{GRID:g}",
        first=f"{UNNAMED.start:_}",
        last=f"{UNNAMED.stop - 1:_}",
        actions=ACTIONS,
        tasks=[load_task(name) for name in own_names()],
        elements=element_table,
    )


def element_table(specs: tuple[Spec, ...]) -> str:
    """Return a table with one row for every number of several components together."""
    rows = []
    for spec in specs:
        for element in elements(spec):
            limits = f"{spec.low:g}", f"{spec.high:g}"
            what = spec.description, spec.unit, spec.frame
            rows.append((str(len(rows)), f"`{spec.name}`", element, *what, *limits))
    header = ("index", "component", "element", "meaning", "unit", "frame", "min", "max")
    return markdown_table(header, rows)
