"""Several methods, each of several trainings: which are told apart, and which ranks each may have.

Called by `bimodal results --trainings`.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from ...envs.errors import WrongUse
from ..statistics.many_policies import Ranks, groups_alike, holm, rank_intervals
from ..statistics.rates import ALPHA
from ..statistics.trainings import trainings_p
from .gate import check_comparable
from .methods import Method, SeedSpread, seed_spread


class MethodPair(NamedTuple):
    """Two methods of several."""

    better: str
    """The one that succeeds more often, the first where both do so alike."""
    worse: str
    difference: float
    """Mean success of the former minus that of the latter."""
    p_value: float
    """That they are alike, adjusted by Holm over all pairs."""


class MethodRanking(NamedTuple):
    """Several methods, the highest mean success first."""

    spreads: tuple[SeedSpread, ...]
    ranks: dict[str, Ranks]
    """The ranks that each may have."""
    groups: tuple[tuple[str, ...], ...]
    """The largest groups of which no two are told apart."""
    pairs: tuple[MethodPair, ...]
    """Every two of them."""


def rank_methods(methods: Sequence[Method]) -> MethodRanking:
    """Rank methods of two trainings and more.

    Raises:
        NotComparable: their runs are not of the same experiment.
        WrongUse: a method has one training, or two runs of the same; two methods have one name.
    """
    check_comparable([arm for method in methods for arm in method.arms])
    names = [method.name for method in methods]
    for method in methods:
        if len(method.arms) < 2:
            raise WrongUse(f"{method.name} has one training; two are needed to know how trainings differ")
        if names.count(method.name) > 1:
            raise WrongUse(f"two methods are called {method.name}; name each once, with all its runs")
    spreads = sorted(map(seed_spread, methods), key=lambda one: -one.mean.estimate)
    pairs = _pairs(spreads, {method.name: method for method in methods})
    better = {(pair.better, pair.worse) for pair in pairs if pair.p_value <= ALPHA}
    order = [spread.name for spread in spreads]
    groups = tuple(groups_alike(order, better))
    return MethodRanking(tuple(spreads), rank_intervals(order, better), groups, tuple(pairs))


def _pairs(spreads: Sequence[SeedSpread], methods: dict[str, Method]) -> list[MethodPair]:
    """Return every two methods, the one that succeeds more often first."""
    outcomes = {name: method.outcomes() for name, method in methods.items()}
    pairs = list(combinations(spreads, 2))
    adjusted = holm([trainings_p(outcomes[b.name], outcomes[a.name]) for a, b in pairs])
    return [
        MethodPair(a.name, b.name, a.mean.estimate - b.mean.estimate, p)
        for (a, b), p in zip(pairs, adjusted, strict=True)
    ]
