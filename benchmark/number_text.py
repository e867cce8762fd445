"""Numbers and names as they are printed: the same in the terminal, in the report and on the site.

One rule everywhere: an estimate is rounded to the nearest digit, the ends of an interval outwards to whole
per cent or points.
"""

from math import ceil, floor

from .metrics import Metric
from .statistics.over_tasks import Value, number
from .statistics.rates import Interval, rate

DECIMALS = 6
"""Decimals of every computed number in an entry. Rounding to them first keeps the last bits of a sum from
deciding a tie."""


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as per cent, a dash for None; never `100` or `0` for what only rounds to it.

    What would round to one of these has a decimal (`99.6`), cut to `99.9` or `0.1` if that rounds, too.
    """
    if value is None:
        return "–"
    value = round(value, DECIMALS)
    text = f"{100 * value:.{digits}f}"
    if float(text) in (0, 100) and 0 < value < 1:
        digits = max(digits, 1)
        step = 10.0**-digits
        text = f"{min(max(100 * value, step), 100 - step):.{digits}f}"
    return text


def success_and_rarest(success: float, n: int, rarest: float) -> str:
    """Return success in N episodes with its exact interval, and the rarest mode's share, for a table."""
    share = f"{percent(success)} {bounds(rate(round(success * n), n))}"
    return f"{share}, {percent(rarest if success else None)}"


def points(value: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{round(100 * round(value, DECIMALS)):+d}"


def bounds(value: Interval) -> str:
    """Return the interval of a share as whole per cent, rounded outwards: `[76,98]`."""
    return f"[{floor(100 * round(value.low, DECIMALS))},{ceil(100 * round(value.high, DECIMALS))}]"


def signed_bounds(value: Interval) -> str:
    """Return the interval of a difference in points, rounded outwards: `[-6,+2]`."""
    return f"[{floor(100 * round(value.low, DECIMALS)):+d},{ceil(100 * round(value.high, DECIMALS)):+d}]"


def metric_text(metric: Metric, value: Value) -> str:
    """Return a metric's value without unit and interval, a dash for None."""
    plain = number(value)
    if metric.unit == "%" or plain is None:
        return percent(plain, metric.digits)
    return f"{round(plain, DECIMALS):.{metric.digits}f}"


def p_text(p: float) -> str:
    """Return a p-value as it is printed."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def ranks_text(best: int, worst: int) -> str:
    """Return the ranks that a policy may have: `2 to 4`, or one number."""
    return str(best) if best == worst else f"{best} to {worst}"


def short_name(task: str) -> str:
    """Return a task id as words without robot and version: `PandaLiftPot-v1` is `Lift Pot`."""
    stem = task.removeprefix("Panda").rsplit("-v", 1)[0]
    return "".join(f" {c}" if c.isupper() and i else c for i, c in enumerate(stem)) or task


def harmless(cell: object) -> object:
    """Return a cell of a CSV: one line, with an apostrophe before a text that begins like a formula."""
    if not isinstance(cell, str):
        return cell
    text = " ".join(cell.split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
