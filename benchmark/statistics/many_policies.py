"""Several policies on one panel: whether they differ at all, who is best, and which ranks each may have."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from .paired import discordant, mcnemar_mid_p
from .rates import ALPHA
from .tails import chi_squared_tail


class Ranks(NamedTuple):
    """The ranks that a policy may have, 1 for the best."""

    best: int
    """1 + how many policies are better beyond doubt."""
    worst: int
    """How many policies there are, minus those that are worse beyond doubt."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the number of tests, each at most 1.

    With p sorted upwards, p'_(i) = max over j <= i of min(1, (m - j + 1) p_(j)).

    Source: S. Holm, Scand. J. Stat. 6 (1979).
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, float)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted.tolist()


def cochran_q(outcomes: np.ndarray) -> tuple[float, float]:
    """Return Cochran's Q of (N, K) outcomes, and the p-value of "all K policies are alike".

    With column sums C_k and row sums R_i: Q = (K - 1) (K sum C_k^2 - N^2) / (K N - sum R_i^2), N the number
    of successes, chi-squared with K - 1 degrees; 0 and 1 when no row tells policies apart.

    Source: W. G. Cochran, Biometrika 37 (1950).
    """
    hits = np.asarray(outcomes, int)
    k = hits.shape[1]
    columns = hits.sum(0)
    rows = hits.sum(1)
    spread = int(k * rows.sum() - (rows**2).sum())
    if spread == 0:
        return 0.0, 1.0
    q = (k - 1) * float(k * (columns**2).sum() - columns.sum() ** 2) / spread
    return q, chi_squared_tail(q, k - 1)


def better_pairs(outcomes: Mapping[str, np.ndarray], alpha: float = ALPHA) -> set[tuple[str, str]]:
    """Return (better, worse) for every two policies that the panel tells apart.

    McNemar's mid-p test on the pairs of episodes, adjusted by Holm over all pairs of policies.

    Args:
        outcomes: successes of each policy on the same episodes, (N,) bool.
        alpha: chance that any of the pairs is there without a difference.
    """
    pairs = list(combinations(outcomes, 2))
    counts = [discordant(outcomes[a], outcomes[b]) for a, b in pairs]
    adjusted = holm([mcnemar_mid_p(*count) for count in counts])
    return {
        (a, b) if only_a > only_b else (b, a)
        for (a, b), (only_a, only_b), p in zip(pairs, counts, adjusted, strict=True)
        if p <= alpha
    }


def rank_intervals(names: Sequence[str], better: set[tuple[str, str]]) -> dict[str, Ranks]:
    """Return between which ranks each policy lies, given who is better than whom beyond doubt."""
    ahead = {name: sum(worse == name for _, worse in better) for name in names}
    behind = {name: sum(first == name for first, _ in better) for name in names}
    return {name: Ranks(1 + ahead[name], len(names) - behind[name]) for name in names}
