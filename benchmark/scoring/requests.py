"""What becomes of the instructions of a run that asks for modes, also of those that ask for a blocked one."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import Variant
from ...tasks import load_task
from ..metrics import Episodes, obedience
from ..statistics.rates import Interval, rate
from .episode_columns import Cell, EpisodeColumns


class BlockedRequests(NamedTuple):
    """The episodes of a cell that are asked for the mode in whose way something stands."""

    episodes: int
    """How many there are."""
    asked: int
    """Those that realise the mode all the same."""
    other: int
    """Those that realise another one, which is not asked for."""
    none: int
    """Those that realise none."""
    free: Interval
    """Success of the other episodes of the cell, which ask for a mode that is free."""

    @property
    def words(self) -> str:
        """What becomes of them, in words."""
        return f"{self.episodes}: {self.asked} do it, {self.other} take another mode, {self.none} none"


class Requests(NamedTuple):
    """What becomes of the instructions of one task in one variant."""

    task: str
    variant: str
    episodes: int
    success: Interval
    """The share of all episodes that end well in the mode that is asked for."""
    obedience: Interval | None
    """The share of those that realise a mode in which it is the one that is asked for; None without any."""
    blocked: BlockedRequests | None
    """Those that ask for what is blocked; None where nothing is."""


def requests(cells: Mapping[Cell, EpisodeColumns]) -> list[Requests]:
    """Return a row for every cell of a run that asks for modes, none for other runs."""
    return [_row(*cell, columns) for cell, columns in cells.items() if columns.asked is not None]


def _row(task: str, variant: str, columns: EpisodeColumns) -> Requests:
    k = len(load_task(task).modes)
    seen = Episodes(columns.labels.tolist(), columns.modes, columns.steps, k, asked=columns.asked)
    return Requests(
        task=task,
        variant=variant,
        episodes=len(columns.seeds),
        success=_rate(columns.succeeded),
        obedience=obedience(seen),
        blocked=_blocked(task, variant, columns),
    )


def _blocked(task: str, variant: str, columns: EpisodeColumns) -> BlockedRequests | None:
    worlds = Variant(variant)
    if not worlds.having("blocked_mode"):
        return None
    blocked = np.array([worlds.blocked_mode(load_task(task), int(seed)) for seed in columns.scenes])
    hit = blocked == columns.asked
    modes = columns.modes[hit]
    asked = int((modes == blocked[hit]).sum())
    none = int((modes < 0).sum())
    return BlockedRequests(
        int(hit.sum()), asked, len(modes) - asked - none, none, _rate(columns.succeeded[~hit])
    )


def _rate(hits: np.ndarray) -> Interval:
    return rate(int(hits.sum()), len(hits))
