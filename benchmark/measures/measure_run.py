"""Measures a finished run: every shard is stepped again, side by side; the rows are kept in its folder."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial

import numpy as np

from ...policies.core.wrapping import wrappers
from ..processes import run_in_processes
from ..provenance import cores
from ..rollout.shard import Shard
from ..scoring.run_episodes import Run
from ..suites import suite_from_record
from .episode_measures import EpisodeMeasures, measure_shard
from .measures_file import Measured, stored_measures, write_measures

Progress = Callable[[int, int], None]
"""progress(measured, all): episodes."""


def read_measures(
    run: Run, workers: int | None = None, progress: Progress | None = None, fresh: bool = False
) -> Measured:
    """Return what was measured of each cell's episodes, sorted by seed; measures first what is not kept.

    Args:
        run: a finished run.
        workers: processes; None for one a core, fewer than two for none but this one.
        progress: told how many episodes are measured.
        fresh: measure again what is kept.

    Raises:
        BimodalError: a trace is missing or damaged, or the task has changed since.
    """
    kept = None if fresh else stored_measures(run)
    if kept is not None:
        return kept
    shards = suite_from_record(run.record.suite).shards()
    total = sum(len(shard.seeds) for shard in shards)
    found: dict[Shard, EpisodeMeasures] = {}
    done = 0
    processes = min(cores() if workers is None else workers, len(shards))
    for shard, measures in run_in_processes(_calls(run, shards), processes):
        found[shard] = measures
        done += len(shard.seeds)
        if progress:
            progress(done, total)
    cells = {cell: _joined([found[s] for s in shards if (s.task, s.variant) == cell]) for cell in run.cells}
    write_measures(run, cells)
    return cells


def _calls(run: Run, shards: list[Shard]) -> dict[Shard, Callable[[], EpisodeMeasures]]:
    policy = run.record.policy
    how = (policy.action, policy.execute, "safe" in wrappers(policy.uri))
    known = {
        (cell, seed): digest
        for cell, episodes in run.cells.items()
        for seed, digest in zip(episodes.seeds.tolist(), episodes.digests.tolist(), strict=True)
    }
    return {
        shard: partial(
            measure_shard,
            run.folder,
            shard,
            tuple(known[(shard.task, shard.variant), seed] for seed in shard.seeds),
            *how,
        )
        for shard in shards
    }


def _joined(parts: list[EpisodeMeasures]) -> EpisodeMeasures:
    """Return the episodes of several shards as one, sorted by seed."""
    names = [one.name for one in fields(EpisodeMeasures)]
    whole = EpisodeMeasures(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})
    return whole.part(np.argsort(whole.seed))
