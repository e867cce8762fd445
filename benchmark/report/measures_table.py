"""What was measured of a run's episodes, for the terminal; `shown_value` also for the report."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from rich.table import Table

from ...envs.perturbations.core.variant import CLEAN
from ..measures.cell_summary import SHOWN, CellSummary, Shown
from ..number_text import bounds, percent, short_name
from ..rich_table import plain_table
from ..statistics.over_tasks import Value
from ..statistics.rates import Interval

DIGITS = 3
"""Significant digits of a mean and of the ends of its interval."""


def measures_table(cells: Sequence[CellSummary]) -> Table:
    """Return a row for every task and variant: rates in % of the episodes and means, with 95 % intervals."""
    table = plain_table(
        "What was measured of each episode",
        "with 95 % intervals; rates in % of the episodes, times of those that commit and succeed; unsafe:"
        " any of the events that follow, went on: and the episode did not end with it; limits and formulas:"
        " docs/measures.md",
        key_columns=2,
    )
    shown = [one for one in SHOWN if any(cell.values[one.name] is not None for cell in cells)]
    for name in ("task", "variant"):
        table.add_column(name, no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for one in shown:
        table.add_column(heading(one), justify="right", no_wrap=True)
    for cell in cells:
        texts = [shown_value(one, cell.values[one.name], "\n") for one in shown]
        variant = "" if cell.variant == CLEAN else cell.variant.replace("+", "\n+")
        table.add_row(short_name(cell.task), variant or CLEAN, str(cell.episodes), *texts)
    return table


def heading(shown: Shown) -> str:
    """Return a measure's heading with its unit, `%` left out."""
    return shown.title if shown.unit in ("%", "") else f"{shown.title}\n{shown.unit}"


def shown_value(shown: Shown, value: Value, between: str = " ") -> str:
    """Return a measure's value and its interval, a dash for None."""
    number = value.estimate if isinstance(value, Interval) else value
    if number is None:
        return percent(None)
    if shown.unit == "%":
        return percent(number) + (between + bounds(value) if isinstance(value, Interval) else "")
    if not isinstance(value, Interval):
        return significant(number)
    return f"{significant(number)}{between}[{significant(value.low, floor)},{significant(value.high, ceil)}]"


def significant(value: float, rounded: Callable[[float], int] = round) -> str:
    """Return a number with three significant digits; the ends of an interval `floor`ed and `ceil`ed."""
    if value == 0:
        return "0"
    unit = 10.0 ** (floor(log10(abs(value))) - DIGITS + 1)
    return f"{rounded(round(value / unit, DIGITS)) * unit:.{DIGITS}g}"
