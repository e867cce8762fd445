"""Several policies on one panel: which ranks each may have; for `bimodal compare` and the board."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...envs.errors import NotComparable
from ..scoring.panel_limits import repeats_scenes
from ..scoring.run_episodes import EpisodeColumns
from ..statistics.many_policies import Ranks, better_pairs, cochran_q, pair_tests, rank_intervals
from ..statistics.rates import Interval, mean_interval, rate
from .arm import Arm, clean_only
from .gate import check_comparable


class RankedPolicy(NamedTuple):
    """One of several policies."""

    name: str
    success: Interval
    """Macro success in the clean world, every task weighing the same."""
    ranks: Ranks
    """The ranks that it may have."""

    @property
    def may_be_best(self) -> bool:
        """Whether no other policy is better beyond doubt."""
        return self.ranks.best == 1


class Ranking(NamedTuple):
    """Several policies, the highest success first."""

    policies: tuple[RankedPolicy, ...]
    q: float
    """Cochran's Q."""
    p_value: float
    """Of "all are alike"."""
    episodes: int
    """Clean episodes that all of them ran."""


def clean_successes(cells: Mapping[tuple[str, str], EpisodeColumns]) -> np.ndarray:
    """Return the successes of all tasks in the clean world, one after another, (N,) bool."""
    return np.concatenate([columns.succeeded for columns in clean_only(cells).values()])


def rank_arms(arms: Sequence[Arm]) -> Ranking:
    """Rank three or more policies.

    Raises:
        NotComparable: they are not of the same experiment.
    """
    check_comparable(arms)
    if any(map(repeats_scenes, arms[0].cells.values())):
        raise NotComparable("a panel that plays scenes several times is compared two policies at a time")
    names = unique_names(arms)
    outcomes = {name: clean_successes(arm.cells) for name, arm in zip(names, arms, strict=True)}
    ranks = rank_intervals(names, better_pairs(pair_tests(outcomes)))
    found = [RankedPolicy(name, _macro(arm), ranks[name]) for name, arm in zip(names, arms, strict=True)]
    table = np.stack(list(outcomes.values()), axis=1)
    order = sorted(found, key=lambda one: (one.ranks, -one.success.estimate, one.name))
    return Ranking(tuple(order), *cochran_q(table), len(table))


def unique_names(arms: Sequence[Arm]) -> list[str]:
    """Return the policies' names, with the source where two share one."""
    names = [arm.name for arm in arms]
    return [f"{arm.name} ({arm.source})" if names.count(arm.name) > 1 else arm.name for arm in arms]


def _macro(arm: Arm) -> Interval:
    hits = [columns.succeeded for columns in clean_only(arm.cells).values()]
    mean = mean_interval([rate(int(one.sum()), len(one)) for one in hits])
    return Interval(mean.estimate, max(mean.low, 0.0), min(mean.high, 1.0))
