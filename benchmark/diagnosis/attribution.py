"""Is a repair the cause, or was it luck? Exact tests of re-runs with a repair against re-runs without one."""

from collections.abc import Mapping
from math import comb

from ..statistics.many_policies import holm
from ..statistics.rates import ALPHA


def fisher(saved: int, n: int, baseline: int, m: int) -> float:
    """Return the one-sided p-value that a repair does nothing (Fisher's exact test, 1935).

    Given saved + baseline successes in all, p = P(X >= saved) with X hypergeometric: the successes that fall
    among the repair's n re-runs of all n + m.
    """
    total = saved + baseline
    ways = sum(comb(n, x) * comb(m, total - x) for x in range(saved, min(n, total) + 1))
    return ways / comb(n + m, total)


def adjusted(p_values: Mapping[str, float], tests: int) -> dict[str, float]:
    """Return p-values by name, adjusted by Holm for `tests` tests; those that were not made count as 1."""
    others = [1.0] * (tests - len(p_values))
    return dict(zip(p_values, holm([*p_values.values(), *others]), strict=False))


def hopeless(saved: int, left: int, n: int, baseline: int, tests: int) -> bool:
    """Return whether a repair can no longer be shown to be a cause, so that its other re-runs are not made.

    Not even if all that are `left` of its n succeed is Fisher's p below 5 % / `tests`.
    """
    return fisher(saved + left, n, baseline, n) > ALPHA / tests
