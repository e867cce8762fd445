"""Time to success: how many episodes have succeeded by a moment, for the plot of a run's report."""

from typing import NamedTuple

import numpy as np

from .rates import clopper_pearson


class SuccessCurve(NamedTuple):
    """The share of N episodes that have succeeded, after each of M moments at which one did."""

    times: np.ndarray
    """The moments, rising, in the unit of the times that were given, (M,)."""
    share: np.ndarray
    """Share of the episodes that had succeeded by then, (M,)."""
    low: np.ndarray
    """Lower end of its exact 95 % interval, (M,)."""
    high: np.ndarray
    """Upper end."""


def success_curve(times: np.ndarray, n: int) -> SuccessCurve:
    """Return 1 - S(t), S being the Kaplan-Meier estimate of not having succeeded yet.

    A failure is final, so it is censored at the horizon and not before. Then the product telescopes,
    S(t) = prod_{t_i <= t} (1 - d_i / n_i) = 1 - k(t) / n with k(t) the successes by t, and Clopper's and
    Pearson's interval of k(t) of n is exact at every t, also with no success and with one episode.

    Args:
        times: when each success came, (K,).
        n: all episodes, those that failed too.

    Source: E. L. Kaplan and P. Meier, JASA 53 (1958).
    """
    moments, counts = np.unique(np.asarray(times, float), return_counts=True)
    successes = np.cumsum(counts)
    bounds = np.array([clopper_pearson(int(k), n) for k in successes]).reshape(-1, 2)
    return SuccessCurve(moments, successes / max(n, 1), bounds[:, 0], bounds[:, 1])
