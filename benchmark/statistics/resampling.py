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
SWAPS_AT_ONCE = 1_000
"""Exchanges that are computed together."""


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


def seed_and_scene_mean(values: Sequence[np.ndarray], level: float = LEVEL) -> Interval:
    """Return the mean of a method over tasks, training seeds and scenes, with its two-level interval.

    See `seed_and_scene_difference`, with nothing to be compared with.
    """
    return seed_and_scene_difference([np.zeros((1, one.shape[1])) for one in values], values, level)


def seed_and_scene_difference(
    a: Sequence[np.ndarray], b: Sequence[np.ndarray], level: float = LEVEL
) -> Interval:
    """Return the mean of method b minus that of method a, with its two-level percentile interval.

    Scenes are drawn with replacement within each task, the same for both methods, and training seeds within
    each method. The mean of S values drawn from S scatters by sqrt((S - 1) / S) too little, so that its
    deviations are divided by that. A single training seed adds nothing: the interval is then that of this
    checkpoint, not of the method.

    Args:
        a: of each task, success or another number of each training seed on each scene, (S_a, N_t).
        b: the same of the other method, (S_b, N_t).
        level: confidence level.

    Source: A. Davison and D. Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    rng = np.random.default_rng(0)
    # 1. the means of every training seed on the scenes of every draw, (DRAWS, S), over the tasks
    drawn = [np.zeros((DRAWS, len(side[0]))) for side in (a, b)]
    for task in zip(a, b, strict=True):
        n = task[0].shape[1]
        weights = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) / n
        for means, values in zip(drawn, task, strict=True):
            means += weights @ np.asarray(values, float).T / len(a)
    # 2. training seeds drawn from them
    before, after = (_with_seeds_drawn(means, rng) for means in drawn)
    estimate = np.mean([y.mean() - x.mean() for x, y in zip(a, b, strict=True)])
    return _interval(float(estimate), after - before, level)


def _with_seeds_drawn(means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mean over drawn training seeds of (DRAWS, S) means, (DRAWS,), its deviations widened."""
    s = means.shape[1]
    middle = means.mean(1)
    if s == 1:
        return middle
    weights = rng.multinomial(s, np.full(s, 1 / s), size=DRAWS) / s
    return middle + np.sqrt(s / (s - 1)) * ((weights * means).sum(1) - middle)


def swap_p(a: np.ndarray, b: np.ndarray, distance: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """Return the p-value of "a and b are alike": how often they differ as much when exchanged at random.

    In every pair, a and b are exchanged with probability 1/2. Exact up to the number of draws:
    p = (1 + draws at least as far apart) / (1 + SWAPS).

    Args:
        a: values of each pair, (N, k); whole rows are exchanged.
        b: the other values of each pair, (N, k).
        distance: how far apart two samples are whose values sum to these, (D,) of (D, k) and (D, k).

    Source: R. A. Fisher, The Design of Experiments (1935), section 21.
    """
    moved = (b - a)[(a != b).any(1)].astype(float)
    if not len(moved):
        return 1.0
    rng = np.random.default_rng(0)
    sums = a.sum(0, keepdims=True), b.sum(0, keepdims=True)
    seen = distance(*sums)[0] - 1e-12
    further = 0
    for _ in range(0, SWAPS, SWAPS_AT_ONCE):
        change = (rng.random((SWAPS_AT_ONCE, len(moved))) < 0.5) @ moved
        further += int((distance(sums[0] + change, sums[1] - change) >= seen).sum())
    return (1 + further) / (1 + SWAPS)


def _interval(estimate: float, drawn: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(min(low, estimate)), float(max(high, estimate)))
