"""What a panel of paired episodes can see: its power, its smallest detectable difference, its length.

Everything is exact for the test that judges, McNemar's mid-p: no normal approximation. Called by
`bimodal plan`, and under every table that compares, to say what it could not see.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.special import bdtr, gammaln, xlogy

from .rates import ALPHA

POWER = 0.8
"""How often a difference must be found to count as detectable."""
MOST_EPISODES = 20_000
"""Longest panel that is considered."""


def power(n: int, only_a: float, only_b: float, alpha: float = ALPHA) -> float:
    """Return how often McNemar's mid-p test rejects on n pairs.

    Args:
        n: paired episodes.
        only_a: probability that only a succeeds.
        only_b: probability that only b succeeds.
        alpha: level of the test, two-sided.
    """
    total = only_a + only_b
    if n == 0 or total <= 0:
        return 0.0
    chance = _binomial(n, total)
    rejected = [_rejected(m, only_a / total, alpha) if chance[m] > 1e-12 else 0.0 for m in range(n + 1)]
    return float(chance @ np.array(rejected))


def detectable_difference(n: int, rate: float, alpha: float = ALPHA) -> float | None:
    """Return the smallest fall of a success rate that n pairs detect with `POWER`; None if they detect none.

    The other policy is taken to fail and succeed independently: with rates p and p - d, only one of two
    succeeds with p (1 - p + d) and (p - d) (1 - p). Policies that agree more often are told apart sooner.

    Args:
        n: paired episodes.
        rate: success of the better policy.
        alpha: level of the test, two-sided.
    """

    def seen(d: float) -> bool:
        return power(n, rate * (1 - rate + d), (rate - d) * (1 - rate), alpha) >= POWER

    return _smallest(rate, seen)


def detectable_shift(n: int, discordance: float, alpha: float = ALPHA) -> float | None:
    """Return the smallest difference that n pairs detect with `POWER` where so many of them are discordant.

    Args:
        n: paired episodes.
        discordance: probability that only one of the two succeeds.
        alpha: level of the test, two-sided.

    Returns:
        The difference, or None if even a difference as large as the discordance is not detected.
    """
    return _smallest(
        discordance, lambda d: power(n, (discordance + d) / 2, (discordance - d) / 2, alpha) >= POWER
    )


def _smallest(most: float, seen: Callable[[float], bool]) -> float | None:
    """Return the smallest value up to `most` that is seen, to 0.0005, None for none."""
    if not seen(most):
        return None
    low = 0.0
    high = most
    while high - low > 5e-4:
        middle = (low + high) / 2
        if seen(middle):
            high = middle
        else:
            low = middle
    return high


@cache
def episodes_to_decide(only_a: float, only_b: float, alpha: float = ALPHA) -> int | None:
    """Return how many pairs show a difference with `POWER`; None if more than `MOST_EPISODES` are needed.

    Args:
        only_a: probability that only a succeeds.
        only_b: probability that only b succeeds.
        alpha: level of the test, two-sided.
    """
    if only_a == only_b or power(MOST_EPISODES, only_a, only_b, alpha) < POWER:
        return None
    low = 1
    high = MOST_EPISODES
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        if power(middle, only_a, only_b, alpha) >= POWER:
            high = middle
        else:
            low = middle
    return high


def _rejected(m: int, share: float, alpha: float) -> float:
    """Return how often the test rejects when m seeds are discordant, each for a with this probability."""
    most = _largest_rejected(m, alpha)
    if most < 0:
        return 0.0
    return float(bdtr(most, m, share) + bdtr(most, m, 1 - share))


@cache
def _largest_rejected(m: int, alpha: float) -> int:
    """Return the largest smaller count of m discordant seeds that the test still rejects, -1 for none."""
    low = -1
    high = m // 2 + 1
    while high - low > 1:
        middle = (low + high) // 2
        # McNemar's mid-p value, 2 P(X <= x) - P(X = x), quick for thousands of pairs
        mid_p = bdtr(middle, m, 0.5) + (bdtr(middle - 1, m, 0.5) if middle else 0.0)
        if middle * 2 < m and mid_p <= alpha:
            low = middle
        else:
            high = middle
    return low


def _binomial(n: int, p: float) -> np.ndarray:
    """Return P(X = k) for k = 0 ... n, (n + 1,)."""
    k = np.arange(n + 1)
    choices = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.exp(choices + xlogy(k, p) + xlogy(n - k, 1 - p))
