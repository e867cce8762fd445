"""Two policies on the same seeds: what differs, how much, and whether chance alone explains it."""

from functools import cache
from math import copysign, inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from .rates import LEVEL, Interval


def discordant(a: ArrayLike, b: ArrayLike) -> tuple[int, int]:
    """Return (seeds where only a succeeds, seeds where only b succeeds) for paired outcomes (N,) bool."""
    a = np.asarray(a, dtype=bool)
    b = np.asarray(b, dtype=bool)
    if a.shape != b.shape:
        raise ValueError(f"paired outcomes need the same seeds: shapes {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum())


@cache
def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Return the two-sided mid-p value of McNemar's test; 1 when no seed is discordant.

    With n = only_a + only_b, x = min(only_a, only_b) and X ~ Binomial(n, 1/2):
    p = 2 P(X <= x) - P(X = x)

    Source: Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13:91 (2013).
    """
    n = only_a + only_b
    x = min(only_a, only_b)
    # In whole numbers, which no n overflows: the binomial coefficients of 0, 1, ... x out of n.
    ways = tail = 1
    for i in range(x):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return min(1.0, (2 * tail - ways) / 2**n)


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = LEVEL) -> Interval:
    """Return p_a - p_b for outcomes on the same seeds (N,) bool, with Tango's interval."""
    only_a, only_b = discordant(a, b)
    return tango(only_a, only_b, len(np.asarray(a)), level)


@cache
def tango(only_a: int, only_b: int, n: int, level: float = LEVEL) -> Interval:
    """Return the difference of two paired rates with its score interval; -1 to 1 when there are no pairs.

    With x = only_a and y = only_b of n pairs, the bounds are the differences d at which
    T(d) = (x - y - n d) / sqrt(n (2 q + d (1 - d))) is z and -z, where q, the rate of "only b" that fits best
    if the true difference is d, is the larger root of 2 n q^2 + B q - y d (1 - d) = 0 with
    B = (2 n - x + y) d - x - y.

    Source: T. Tango, Stat. Med. 17 (1998) 891. It agrees with McNemar's test far more often than Newcombe's
    square-and-add, and covers as often as it says.
    """
    if n == 0:
        return Interval(0.0, -1.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    estimate = (only_a - only_b) / n
    low = _where_score_is(z, (only_a, only_b, n), -1.0, estimate)
    high = _where_score_is(-z, (only_a, only_b, n), estimate, 1.0)
    return Interval(estimate, low, high)


def _score(only_a: int, only_b: int, n: int, d: float) -> float:
    """Return Tango's statistic T(d), which falls with d; infinite where d is impossible."""
    b = (2 * n - only_a + only_b) * d - only_a - only_b
    q = (sqrt(max(b * b + 8 * n * only_b * d * (1 - d), 0.0)) - b) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    gap = only_a - only_b - n * d
    if variance <= 0:
        return 0.0 if gap == 0 else copysign(inf, gap)
    return gap / sqrt(variance)


def _where_score_is(z: float, counts: tuple[int, int, int], low: float, high: float) -> float:
    """Return where in an interval Tango's statistic falls through z, by bisection to 1e-12."""
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _score(*counts, middle) > z:
            low = middle
        else:
            high = middle
    return (low + high) / 2
