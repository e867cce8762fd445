"""Rates with their intervals: of one panel of episodes, and of the mean over tasks."""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from .tails import binomial_at_least

LEVEL = 0.95
"""Confidence level of every interval unless said otherwise."""
ALPHA = 0.05
"""Level of every test, two-sided."""


class Interval(NamedTuple):
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float


@cache
def clopper_pearson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact interval of a proportion; (0, 1) when there are no trials.

    With a = 1 - level, the low bound is the rate at which k successes or more have the probability a / 2, the
    high one that at which k or fewer have. It holds the true rate at least as often as it says, whatever that
    rate is; Wilson's does not near 0 and 1.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).
    """
    tail = (1 - level) / 2
    low = _rate_at(tail, successes, n) if successes else 0.0
    high = 1.0 - _rate_at(tail, n - successes, n) if successes < n else 1.0
    return low, high


def _rate_at(tail: float, k: int, n: int) -> float:
    """Return the rate p at which P(X >= k) of n is `tail`, by bisection."""
    low = 0.0
    high = 1.0
    for _ in range(36):
        middle = (low + high) / 2
        if binomial_at_least(k, n, middle) < tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def rate(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Return a share of n trials with its exact interval; 0 when there are no trials."""
    return Interval(successes / max(n, 1), *clopper_pearson(successes, n, level))


@cache
def wilson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion; (0, 1) when there are no trials.

    It is what entries of schema 1 hold (`wilson95`); everything that is shown is `clopper_pearson`.
    With p = k / n and the normal quantile z:
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Source: E. B. Wilson, JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The ends that are exact are not left to rounding.
    low = 0.0 if successes == 0 else centre - reach
    return low, 1.0 if successes == n else centre + reach


def mean_interval(parts: Sequence[Interval]) -> Interval:
    """Return the interval of the mean of independent estimates (the macro average over tasks).

    With x = mean x_i: low = x - sqrt(sum (x_i - low_i)^2) / T, and high likewise.

    Source: the method of variance estimates recovery, Zou and Donner, Stat. Med. 27 (2008).
    """
    x, low, high = np.array(parts, dtype=float).reshape(-1, 3).T
    below = float(np.sqrt(((x - low) ** 2).sum())) / len(x)
    above = float(np.sqrt(((high - x) ** 2).sum())) / len(x)
    mean = float(x.mean())
    return Interval(mean, mean - below, mean + above)


def independent_difference(a: Interval, b: Interval) -> Interval:
    """Return the interval of a - b, two independent estimates.

    low = a - b - sqrt((a - a_low)^2 + (b_high - b)^2), and high likewise.

    Source: the method of variance estimates recovery, Zou and Donner, Stat. Med. 27 (2008).
    """
    d = a.estimate - b.estimate
    low = d - sqrt((a.estimate - a.low) ** 2 + (b.high - b.estimate) ** 2)
    return Interval(d, low, d + sqrt((a.high - a.estimate) ** 2 + (b.estimate - b.low) ** 2))
