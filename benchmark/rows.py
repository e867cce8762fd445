"""One line of a certificate, and how counts, intervals and curves are written in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .metrics import wilson


@dataclass(frozen=True)
class Row:
    """One line of a certificate."""

    gate: int
    """Number of the gate."""
    name: str
    """What was tried, in two or three words."""
    measured: str
    """What was measured."""
    value: str
    """What came out."""
    bound: str
    """What the gate asks for, "" for nothing."""
    passed: bool | None
    """Whether it came out as asked; None for information."""


Stage = tuple[str, Callable[[], list[Row]]]
"""What is being done, and the function that does it."""


def counted(successes: int, n: int, interval: bool = False) -> str:
    """Return a count as text, with Wilson's 95 % interval [%] if asked."""
    low, high = wilson(successes, n)
    return f"{successes}/{n}" + (f" ({100 * low:.1f}-{100 * high:.1f} %)" if interval else "")


def percent(*shares: float) -> str:
    """Return shares as text: `0 %, 12 %`."""
    return ", ".join(f"{100 * share:.0f} %" for share in shares)


def stretch(zone: tuple[float, float]) -> str:
    """Return an interval as text: `0.25-0.75`."""
    return f"{zone[0]:.2f}-{zone[1]:.2f}"


def bars(shares: np.ndarray) -> str:
    """Return shares as a row of bars."""
    return "".join("▁▂▃▄▅▆▇█"[round(7 * share)] for share in shares)
