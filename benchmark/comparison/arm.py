"""What is compared: the episodes of one policy on a suite, from a run folder or from an entry."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...envs.perturbations.core.variant import CLEAN
from ...envs.storage.npz import read_arrays
from ..records.run_record import SuiteRecord
from ..records.shard_file import shard_file
from ..scoring.run_episodes import EpisodeColumns, Run
from ..suites import suite_from_record

Cell = TypeVar("Cell")
VERSIONS = ("mujoco", "robosuite", "bimodal")
"""Packages whose versions must agree: they are what a score means; torch is the policy's business."""


class Arm(NamedTuple):
    """One policy's episodes."""

    name: str
    """Name of the policy."""
    source: str
    """The folder or file that was named."""
    suite: SuiteRecord
    """Which episodes were asked for."""
    versions: Mapping[str, str]
    """Packages that made them."""
    created: str
    """When its run was begun, ISO 8601 with the time zone."""
    training_seeds: frozenset[int]
    """Seeds of the trainings behind it, empty where nothing was trained."""
    cells: Mapping[tuple[str, str], EpisodeColumns]
    """Its episodes by (task, variant), sorted by seed."""
    run: Run | None = None
    """The run folder, where it is one; an entry holds outcomes alone."""

    def start(self, task: str, variant: str) -> np.ndarray | None:
        """Return the states in which a cell's episodes begin, (N, nstate); None where none are kept."""
        if self.run is None:
            return None
        shards = [shard for shard in suite_from_record(self.suite).shards() if shard[:2] == (task, variant)]
        files = [shard_file(self.run.folder, *shard[:3]) for shard in shards]
        if not all(file.is_file() for file in files):
            return None
        states = [read_arrays(file, left_out=("actions",))["states"] for file in files]
        return np.concatenate([part[:, 0] for part in states if part.shape[1]] or [np.zeros((0, 0))])


def clean_only(cells: Mapping[tuple[str, str], Cell]) -> dict[tuple[str, str], Cell]:
    """Return the cells of the clean world, all of them where a suite has none; whatever a cell holds."""
    return {cell: held for cell, held in cells.items() if cell[1] == CLEAN} or dict(cells)


def arm_of_run(run: Run) -> Arm:
    """Return the episodes of a finished run as one side of a comparison."""
    record = run.record
    return Arm(
        name=record.policy.name,
        source=str(run.folder),
        suite=record.suite,
        versions=record.versions,
        created=record.created,
        training_seeds=training_seeds(record.training),
        cells=run.cells,
        run=run,
    )


def training_seeds(training: Mapping[str, Any] | None) -> frozenset[int]:
    """Return the training seeds that a record of trainings names, task by task."""
    seeds = (told.get("seed") for told in (training or {}).values() if isinstance(told, Mapping))
    return frozenset(seed for seed in seeds if isinstance(seed, int))
