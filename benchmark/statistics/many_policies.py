"""Several policies on one panel: whether they differ at all, who is best, and which ranks each may have."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from .paired import discordant, mcnemar_mid_p
from .rates import ALPHA
from .tails import chi_squared_tail


class PairTest(NamedTuple):
    """Two policies of several on the same episodes."""

    a: str
    b: str
    only_a: int
    """Episodes in which only a succeeds."""
    only_b: int
    p_value: float
    """McNemar's mid-p."""
    adjusted: float
    """The same, adjusted by Holm over all pairs."""


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


def pair_tests(outcomes: Mapping[str, np.ndarray]) -> list[PairTest]:
    """Return McNemar's mid-p test of every two policies, adjusted by Holm over all of them.

    Args:
        outcomes: successes of each policy on the same episodes, (N,) bool.
    """
    pairs = list(combinations(outcomes, 2))
    counts = [discordant(outcomes[a], outcomes[b]) for a, b in pairs]
    p_values = [mcnemar_mid_p(*count) for count in counts]
    columns = zip(pairs, counts, p_values, holm(p_values), strict=True)
    return [PairTest(*pair, *count, p, adjusted) for pair, count, p, adjusted in columns]


def better_pairs(tests: Iterable[PairTest], alpha: float = ALPHA) -> set[tuple[str, str]]:
    """Return (better, worse) for every two policies that the panel tells apart.

    Args:
        tests: of all pairs, as `pair_tests` returns them.
        alpha: chance that any of the pairs is there without a difference.
    """
    return {
        (one.a, one.b) if one.only_a > one.only_b else (one.b, one.a)
        for one in tests
        if one.adjusted <= alpha
    }


def rank_intervals(names: Sequence[str], better: set[tuple[str, str]]) -> dict[str, Ranks]:
    """Return between which ranks each policy lies, given who is better than whom beyond doubt."""
    ahead = {name: sum(worse == name for _, worse in better) for name in names}
    behind = {name: sum(first == name for first, _ in better) for name in names}
    return {name: Ranks(1 + ahead[name], len(names) - behind[name]) for name in names}


def groups_alike(names: Sequence[str], better: set[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the largest groups of policies of which no two are told apart, in the order of the names.

    Every policy is in one at least; two that share none are told apart.

    Source: H.-P. Piepho, J. Comput. Graph. Stat. 13 (2004), insert and absorb.
    """
    place = {name: at for at, name in enumerate(names)}
    groups = {frozenset(names)} if names else set()
    for pair in sorted(better, key=lambda pair: sorted(map(place.__getitem__, pair))):  # so they stay few
        split = {group for group in groups if group.issuperset(pair)}
        pieces = {group - {one} for group in split for one in pair}
        groups -= split
        groups |= {piece for piece in pieces if not any(piece < other for other in groups | pieces)}
    found = [tuple(name for name in names if name in group) for group in groups]
    return sorted(found, key=lambda group: [place[name] for name in group])
