"""A part of docs/compare.md: how often intervals of a rate hold it, by the exact sum over the binomial."""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.special import bdtr, betaincinv

from ...statistics.rates import LEVEL, clopper_pearson, wilson
from .markdown import markdown_section

Bounds = Callable[[int, int], tuple[float, float]]
"""From successes and trials to the ends of an interval at `LEVEL`."""
TRIALS = (20, 50, 100)
RATES = (0.5, 0.75, 0.9, 0.95, 0.97, 0.99)
_GRID = np.arange(500, 1000) / 1000
"""Rates among which the worst is sought."""


@cache
def jeffreys(k: int, n: int) -> tuple[float, float]:
    """Return Jeffreys' interval: the middle `LEVEL` of Beta(k + 1/2, n - k + 1/2), 0 or 1 where all k agree.

    Source: L. Brown, T. Cai and A. DasGupta, Stat. Sci. 16 (2001), section 3.1.2.
    """
    tail = (1 - LEVEL) / 2
    low, high = (float(betaincinv(k + 0.5, n - k + 0.5, part)) for part in (tail, 1 - tail))
    return 0.0 if k == 0 else low, 1.0 if k == n else high


INTERVALS: dict[str, Bounds] = {
    "Clopper-Pearson": clopper_pearson,
    "Wilson": wilson,
    "Jeffreys": jeffreys,
}


def coverage(interval: Bounds, n: int, rate: float) -> float:
    """Return how often an interval of n trials holds the rate: the sum of P(k) where low <= rate <= high."""
    bounds = np.array([interval(k, n) for k in range(n + 1)])
    chances = np.diff(bdtr(np.arange(n + 1), n, rate), prepend=0.0)
    return float(chances[(bounds[:, 0] <= rate) & (rate <= bounds[:, 1])].sum())


def coverage_section() -> str:
    """Return the part. Called by its test, which also renews it."""
    rows = []
    for n in TRIALS:
        for name, interval in INTERVALS.items():
            shares = [coverage(interval, n, rate) for rate in RATES]
            worst = min(coverage(interval, n, float(rate)) for rate in _GRID)
            rows.append((str(n), name, *(_percent(share) for share in (*shares, worst))))
    header = ("n", "interval", *(f"{100 * rate:g} %" for rate in RATES), "worst")
    return markdown_section("compare_coverage", header=header, rows=rows)


def _percent(share: float) -> str:
    """Return a share in % to a tenth, bold where it is below the level by more than a point."""
    return f"**{100 * share:.1f}**" if share < LEVEL - 0.01 else f"{100 * share:.1f}"
