"""Are two methods alike, each of several trainings? A test that knows how much trainings differ."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

from .paired import mcnemar_mid_p


def trainings_p(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Return the two-sided p-value that the means of two methods over tasks are alike.

    With T tasks, each trained by itself, the variance of the difference has a part of each task and method,
    s^2 / (S T^2), from the variance s^2 between its S trainings, and a part of each task from the scenes,
    r^2 / (N T^2), from the variance r^2 of the paired difference over its N scenes. The difference over the
    root of their sum is compared with Student's t, its degrees of freedom those of Satterthwaite.

    Args:
        a: of each task, success of each training on each scene, (S_a, N_t); two trainings at least.
        b: the same of the other method, (S_b, N_t).

    Source: B. L. Welch, Biometrika 34 (1947); F. E. Satterthwaite, Biometrics Bull. 2 (1946).
    """
    tasks = [(np.asarray(x, float), np.asarray(y, float)) for x, y in zip(a, b, strict=True)]
    difference = np.mean([y.mean() - x.mean() for x, y in tasks])
    parts = [part for task in tasks for part in _parts(*task)]
    variance = sum(size for size, _ in parts)
    if not variance:  # nothing scatters, and so few scenes still leave room
        scenes = sum(x.shape[1] for x, _ in tasks)
        return mcnemar_mid_p(round(abs(difference) * scenes), 0)
    degrees = variance**2 / sum(size**2 / free for size, free in parts)
    return float(2 * stdtr(degrees, -abs(difference) * len(tasks) / np.sqrt(variance)))


def _parts(x: np.ndarray, y: np.ndarray) -> list[tuple[float, int]]:
    """Return the parts of a task in the variance of its difference, each with its degrees of freedom."""
    between = [(float(one.mean(1).var(ddof=1)) / len(one), len(one) - 1) for one in (x, y)]
    paired = y.mean(0) - x.mean(0)
    return [*between, (float(paired.var(ddof=1)) / len(paired), len(paired) - 1)]
