"""The statistics of the benchmark: pure functions on arrays, called by the metrics and the comparisons.

A rate never travels without its interval. The formulas are written out, with their sources: SciPy's take
longer to import than the leaderboard to print. The tests compare both.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
"""Confidence level of every interval unless said otherwise."""


class Interval(NamedTuple):
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float


# ----------------------------------------------------------------------------------- one proportion


@cache
def wilson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion; (0, 1) when there are no trials.

    With p = k / n and the normal quantile z:
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Source: E. B. Wilson, JASA 22 (1927); recommended by Brown, Cai and DasGupta, Stat. Sci. 16 (2001).
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


# -------------------------------------------------------------------------------------------- modes


def mode_counts(modes: ArrayLike, success: ArrayLike, k: int) -> np.ndarray:
    """Count the successes in each of k modes, (k,) int; successes without a mode (-1) count nowhere.

    Args:
        modes: realised mode of each episode, -1 for none, (N,).
        success: whether it succeeded, (N,) bool.
        k: number of the task's modes.
    """
    modes = np.asarray(modes, dtype=int)
    success = np.asarray(success, dtype=bool)
    return np.bincount(modes[success & (modes >= 0)], minlength=k)


def mode_shares(counts: ArrayLike) -> np.ndarray:
    """Return p_m = n_m / sum n over successes, (k,); NaN when nothing succeeded."""
    counts = np.asarray(counts, dtype=float)
    total = counts.sum()
    return counts / total if total else np.full(counts.shape, np.nan)


def minority_share(counts: ArrayLike) -> float | None:
    """Return min_m p_m, 1/k at best and 0 when a mode is never used.

    None when nothing succeeded, or when the task has a single mode: then the question has no answer.
    """
    shares = mode_shares(counts)
    return None if len(shares) < 2 or np.isnan(shares).any() else float(shares.min())


def commitment(modes: ArrayLike) -> float:
    """Return C = P(m != none): how often any mode was realised, whether or not it then succeeded."""
    return float(np.mean(np.asarray(modes) >= 0))


def coverage(counts: ArrayLike, floor: float = 0.05) -> float:
    """Return the share of the k modes whose p_m is at least `floor`; 0 when nothing succeeded."""
    shares = mode_shares(counts)
    return float(np.mean(np.nan_to_num(shares) >= floor))


def total_variation(shares: ArrayLike, prior: ArrayLike) -> float:
    """Return TV(p, q) = 1/2 sum_m |p_m - q_m|, in [0, 1].

    Unlike the Kullback-Leibler divergence it stays finite when a mode is missing.
    """
    return float(0.5 * np.abs(np.asarray(shares, dtype=float) - np.asarray(prior, dtype=float)).sum())


def normalised_entropy(counts: ArrayLike) -> float | None:
    """Return the entropy of the modes to base k, corrected for the number of samples and capped at 1.

    H = (-sum_m p_m ln p_m + (K - 1) / (2 n)) / ln k, with K the number of modes seen in n samples; None
    without a sample or with a single mode.

    Source: G. A. Miller and W. G. Madow (1955). The plug-in estimate alone reads 0.84 for a perfectly
    uniform choice among four modes at eight samples.
    """
    counts = np.asarray(counts, dtype=float)
    if len(counts) < 2 or counts.sum() == 0:
        return None
    p = counts[counts > 0] / counts.sum()
    entropy = -(p * np.log(p)).sum() + (len(p) - 1) / (2 * counts.sum())
    return float(min(entropy / np.log(len(counts)), 1.0))


# ------------------------------------------------------------------------- two policies, same seeds


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
    """Return p_a - p_b for outcomes on the same seeds (N,) bool, with Newcombe's interval.

    With d = p_a - p_b and Wilson intervals (l_a, u_a), (l_b, u_b), distances x_a = p_a - l_a and so on:
    low = d - sqrt(x_a^2 - 2 phi x_a y_b + y_b^2), y_b = u_b - p_b;
    high = d + sqrt(y_a^2 - 2 phi y_a x_b + x_b^2),
    where phi is the correlation of the paired outcomes, drawn towards 0 when it is positive:
    (max(0, n11 n00 - n10 n01 - n/2)) / sqrt of the product of the four margins.

    Source: R. G. Newcombe, Stat. Med. 17 (1998) 2635, method 10 (square-and-add).
    """
    a = np.asarray(a, dtype=bool)
    b = np.asarray(b, dtype=bool)
    discordant(a, b)
    n = len(a)
    if n == 0:
        return Interval(0.0, -1.0, 1.0)
    p_a = int(a.sum()) / n
    p_b = int(b.sum()) / n
    l_a, u_a = wilson(int(a.sum()), n, level)
    l_b, u_b = wilson(int(b.sum()), n, level)
    phi = _shrunk_phi(a, b)
    below = _square_and_add(p_a - l_a, u_b - p_b, phi)
    above = _square_and_add(u_a - p_a, p_b - l_b, phi)
    return Interval(p_a - p_b, p_a - p_b - below, p_a - p_b + above)


def _shrunk_phi(a: np.ndarray, b: np.ndarray) -> float:
    """Return Newcombe's estimate of the correlation of two paired outcomes; 0 when one never varies."""
    n = len(a)
    k_a = int(a.sum())
    k_b = int(b.sum())
    margins = k_a * (n - k_a) * k_b * (n - k_b)
    if margins == 0:
        return 0.0
    only_a, only_b = discordant(a, b)
    product = int((a & b).sum()) * int((~a & ~b).sum()) - only_a * only_b
    shrunk = max(0.0, product - n / 2) if product > 0 else float(product)
    return shrunk / float(np.sqrt(margins))


def _square_and_add(x: float, y: float, phi: float) -> float:
    return float(np.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y)))
