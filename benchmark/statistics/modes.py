"""Which modes a policy takes: shares, coverage, evenness, and distance to what was demonstrated."""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from .rates import Interval
from .resampling import stratified_mean
from .tails import chi_squared_tail


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


@cache
def entropy_ceiling(k: int, n: int) -> float | None:
    """Return the mean of `normalised_entropy` for a policy that chooses evenly, at n samples of k modes.

    What a perfect policy reaches on a panel of this size; drawn 4,000 times with a fixed seed. None without
    a sample or with a single mode.
    """
    if k < 2 or n < 1:
        return None
    return float(np.mean([normalised_entropy(counts) or 0.0 for counts in _even_choices(k, n)]))


@cache
def minority_ceiling(k: int, n: int) -> float | None:
    """Return the mean of `minority_share` for a policy that chooses evenly; see `entropy_ceiling`."""
    if k < 2 or n < 1:
        return None
    return float(_even_choices(k, n).min(1).mean() / n)


def _even_choices(k: int, n: int) -> np.ndarray:
    """Return how often each of k modes is chosen by n even choices, drawn 4,000 times, (4000, k)."""
    return np.random.default_rng(0).multinomial(n, np.full(k, 1 / k), size=4_000)


def conditional_entropy(counts: ArrayLike) -> Interval | None:
    """Return how evenly the modes are chosen in one and the same scene: mean entropy over the scenes.

    H(m | c) = 1 / |C| sum_c H(m | c), each as `normalised_entropy`; scenes without a sample are left out.
    A perfect policy reaches `entropy_ceiling(k, samples a scene)`. The interval draws scenes again.
    An even choice over all scenes with H(m | c) = 0 is a policy whose choice depends on the scene alone.

    Args:
        counts: samples of each mode in each scene, (C, k).
    """
    known = [normalised_entropy(row) for row in np.asarray(counts)]
    values = np.array([value for value in known if value is not None])
    return stratified_mean([values]) if len(values) else None


def stuart_maxwell(a: ArrayLike, b: ArrayLike, k: int) -> float:
    """Return the p-value of "two policies take the modes equally often", on the same scenes.

    With n_ij the pairs in which a takes mode i and b mode j, d_i = n_i. - n_.i and
    S_ii = n_i. + n_.i - 2 n_ii, S_ij = -(n_ij + n_ji): d' S^- d is chi-squared with as many degrees as S has
    rank; 1 when no pair differs.

    Args:
        a: mode of each pair under the first policy, 0 ... k - 1, (N,) int.
        b: mode of each pair under the second policy, (N,) int.
        k: number of modes.

    Source: A. Stuart, Biometrika 42 (1955); A. E. Maxwell, Brit. J. Psychiatry 116 (1970).
    """
    table = np.zeros((k, k))
    np.add.at(table, (np.asarray(a, int), np.asarray(b, int)), 1)
    rows = table.sum(1)
    columns = table.sum(0)
    covariance = np.diag(rows + columns) - table - table.T
    degrees = int(np.linalg.matrix_rank(covariance))
    if degrees == 0:
        return 1.0
    difference = rows - columns
    statistic = float(difference @ np.linalg.pinv(covariance) @ difference)
    return chi_squared_tail(statistic, degrees)
