"""How the episodes of one task in one variant ended, as columns: what a run and an entry both hold."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from ...envs.seed_ranges import scene_seed
from ...tasks import load_task
from ...tasks.core.instructions import asked_modes
from ...tasks.core.outcomes import succeeded

Cell = tuple[str, str]
"""Task id, and name of the variant."""


@dataclass(frozen=True, eq=False)
class EpisodeColumns:
    """How the N episodes of one task in one variant ended: what a run and an entry both hold."""

    seeds: np.ndarray
    """Seed of each episode, (N,) int."""
    labels: np.ndarray
    """Name of its outcome, (N,) object."""
    modes: np.ndarray
    """Number of its realised mode, -1 for none, (N,) int."""
    steps: np.ndarray
    """Its length [control steps], (N,) int."""
    digests: np.ndarray
    """Its fingerprint, (N,) object."""
    asked: np.ndarray | None = field(default=None, kw_only=True)
    """Number of the mode that it was asked for, (N,) int; None where any would do."""

    @cached_property
    def succeeded(self) -> np.ndarray:
        """Which episodes succeeded, (N,) bool."""
        return succeeded(self.labels)

    @cached_property
    def scenes(self) -> np.ndarray:
        """Seed of the scene of each, (N,) int; several share one where scenes are repeated."""
        return np.array([scene_seed(seed) for seed in self.seeds.tolist()], int)

    def rows_of(self, seeds: np.ndarray) -> np.ndarray:
        """Return the row of each of M seeds, -1 for one that is not there, (M,) int."""
        rows = {seed: row for row, seed in enumerate(self.seeds.tolist())}
        return np.array([rows.get(seed, -1) for seed in seeds.tolist()], int)

    def successes_on(self, seeds: np.ndarray) -> int:
        """Return how many of the episodes of some seeds succeeded, of those that are there."""
        rows = self.rows_of(seeds)
        return int(self.succeeded[rows[rows >= 0]].sum())

    def part(self, rows: np.ndarray) -> "EpisodeColumns":
        """Return some of the episodes, by their numbers or by a mask (N,)."""
        return EpisodeColumns(
            *(one[rows] for one in (self.seeds, self.labels, self.modes, self.steps, self.digests)),
            asked=None if self.asked is None else self.asked[rows],
        )


Columns = TypeVar("Columns", bound=EpisodeColumns)


def instructed(task: str, columns: Columns) -> Columns:
    """Return the episodes of a suite that asks for modes, with what each was asked for, by its seed."""
    return replace(columns, asked=asked_modes(load_task(task), columns.seeds))
