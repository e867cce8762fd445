"""Intervals and tests by drawing again: for means over tasks, times, modes, repeats and training seeds.

Every draw comes from a generator with a fixed seed, so the same episodes always give the same numbers.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .rates import LEVEL, Interval

DRAWS = 2_000
"""Panels that are drawn for an interval."""
SWAPS = 10_000
"""Exchanges that are drawn for a test; p-values below 1 / (SWAPS + 1) cannot come out."""


def stratified_mean(values: Sequence[np.ndarray], level: float = LEVEL) -> Interval:
    """Return the mean over tasks of the means of paired values, with its percentile interval.

    Scenes are drawn with replacement within each task, so that every task keeps its weight.

    Args:
        values: of each task, one value a scene, (N_t,); e.g. the difference of two policies.
        level: confidence level.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    known = [np.asarray(one, float) for one in values if len(one)]
    if not known:
        return Interval(0.0, -np.inf, np.inf)
    rng = np.random.default_rng(0)
    drawn = np.mean([one[rng.integers(len(one), size=(DRAWS, len(one)))].mean(1) for one in known], axis=0)
    return _interval(float(np.mean([one.mean() for one in known])), drawn, level)


def seed_and_scene_mean(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Return the mean of a method over training seeds and scenes, with its two-level percentile interval.

    Training seeds are drawn with replacement, then scenes; with a single training seed the interval is that
    of this checkpoint, not of the method.

    Args:
        values: success or another number of each training seed on each scene, (seeds, N).
        level: confidence level.
    """
    table = np.asarray(values, float)
    rng = np.random.default_rng(0)
    drawn = np.empty(DRAWS)
    for i in range(DRAWS):
        some = table[rng.integers(len(table), size=len(table))]
        drawn[i] = some[:, rng.integers(some.shape[1], size=some.shape[1])].mean()
    return _interval(float(table.mean()), drawn, level)


def swap_p(a: np.ndarray, b: np.ndarray, distance: Callable[[np.ndarray, np.ndarray], float]) -> float:
    """Return the p-value of "a and b are alike": how often they differ as much when exchanged at random.

    In every pair, a and b are exchanged with probability 1/2. Exact up to the number of draws:
    p = (1 + draws at least as far apart) / (1 + SWAPS).

    Args:
        a: one value a pair, (N,) or (N, ...); whole rows are exchanged.
        b: the other value of each pair, of the same shape.
        distance: how far apart two such samples are.

    Source: R. A. Fisher, The Design of Experiments (1935), section 21.
    """
    rows = np.flatnonzero((a != b).reshape(len(a), -1).any(1))
    if not len(rows):
        return 1.0
    rng = np.random.default_rng(0)
    seen = distance(a, b)
    first = a.copy()
    second = b.copy()
    further = 0
    for _ in range(SWAPS):
        swap = rows[rng.random(len(rows)) < 0.5]
        first[rows] = a[rows]
        first[swap] = b[swap]
        second[rows] = b[rows]
        second[swap] = a[swap]
        further += distance(first, second) >= seen - 1e-12
    return (1 + further) / (1 + SWAPS)


def _interval(estimate: float, drawn: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(min(low, estimate)), float(max(high, estimate)))
