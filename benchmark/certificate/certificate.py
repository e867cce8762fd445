"""The record of a certificate: its checks, and how counts, intervals and curves are written in them."""

from dataclasses import dataclass

import numpy as np

from ..number_text import percent
from ..statistics.rates import wilson


@dataclass(frozen=True)
class Check:
    """One check of a gate: a line of a certificate."""

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


@dataclass(frozen=True)
class Certificate:
    """What was measured of one task, and on what."""

    task: str
    """Task id."""
    quick: bool
    """Whether only gates 1 to 4 were tried, on few seeds."""
    checks: tuple[Check, ...]
    """What was checked, gate by gate."""
    fingerprint: str
    """Of the task's scene and numbers; another one needs another certificate."""
    versions: dict[str, str]
    """Of the libraries that can change a figure."""
    machine: dict[str, str | int]
    """On which it was measured."""
    seconds: float
    """How long it took."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.passed is False)


def counted(successes: int, n: int, interval: bool = False) -> str:
    """Return a count as text, with Wilson's 95 % interval [%] if asked."""
    low, high = wilson(successes, n)
    return f"{successes}/{n}" + (f" ({percent(low, 1)}-{percent(high, 1)} %)" if interval else "")


def percents(*shares: float) -> str:
    """Return shares as text: `0, 12 %`."""
    return ", ".join(map(percent, shares)) + " %"


def zone_text(zone: tuple[float, float]) -> str:
    """Return an interval as text: `0.25-0.75`, or `none`."""
    return "none" if np.isnan(zone[0]) else f"{zone[0]:.2f}-{zone[1]:.2f}"


def bars(shares: np.ndarray) -> str:
    """Return shares as a row of bars."""
    return "".join("▁▂▃▄▅▆▇█"[round(7 * share)] for share in shares)
