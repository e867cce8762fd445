"""Compares where episodes begin and what is decided first, of an entry and of a run of its policy elsewhere.

On another processor no fingerprint need agree: a last bit of a network's answer may grow by contact into
another episode. What comes before contact may not: the scene of a seed, and the first decision in it. Called
by `reproduce.py` where the entry's trace archive lies beside it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...benchmark.number_text import short_name
from ...benchmark.records.shard_file import read_shard, shard_file
from ...benchmark.rollout.shard import STATE_EVERY, ShardResult
from ...benchmark.scoring.run_episodes import Cell, Run
from ...benchmark.suites import suite_from_record
from ...envs.specs import GRID as ACTION_GRID
from ...envs.specs import size
from ...tasks import load_task
from ..entry_model import Entry
from .trace_archive import GRID, CellTrace, cell_trace, on_grid, read_archive

START = 1e-6
"""Largest difference of a joint's position at the start [m] or [rad]."""
DECISION = 2e-3
"""Largest difference of a number of the first decision, in SI units: a rounding of a network's answer, and a
little more."""


def first_difference(entry: Entry, archive: Path, run: Run, decisions: bool = True) -> str:
    """Return how an episode of a run begins otherwise than the entry's, "" if none does.

    Without `decisions` only where it starts is compared: of a policy that was shown other pictures.

    Raises:
        BimodalError: the archive or a shard of the run is damaged.
    """
    _, arrays = read_archive(archive)
    places = {cell: number for number, cell in enumerate(suite_from_record(entry.suite).cells())}
    begun: dict[Cell, _Begun] = {}
    for shard in suite_from_record(run.record.suite).shards():
        cell = shard[:2]
        claim = entry.cells[cell]
        if cell not in begun:
            width = size(load_task(cell[0]).actions(entry.policy.action))
            trace = cell_trace(arrays, places[cell], width, claim.steps)
            begun[cell] = _Begun.of(trace, claim.steps, entry.policy.execute)
        found = read_shard(shard_file(run.folder, *shard[:3])).result
        if problem := begun[cell].problem(found, claim.rows_of(np.array(shard.seeds)), decisions):
            return f"{short_name(cell[0])} ({cell[1]}) {problem}"
    return ""


class _Begun(NamedTuple):
    """How the N episodes of a cell begin."""

    starts: np.ndarray
    """Positions of the joints before the first control step, in units of `GRID`, (N, nq)."""
    decisions: list[np.ndarray]
    """First decision of each, on the grid of actions, (K, A)."""

    @classmethod
    def of(cls, trace: CellTrace, steps: np.ndarray, execute: int) -> "_Begun":
        """Take the beginnings of episodes of these lengths, (N,)."""
        states = -(-steps // STATE_EVERY)
        first = np.cumsum(states) - states
        begin = np.cumsum(steps) - steps
        last = np.maximum(len(trace.positions) - 1, 0)
        return cls(
            starts=trace.positions[np.minimum(first, last)],
            decisions=[
                trace.actions[start : start + min(execute, count)]
                for start, count in zip(begin.tolist(), steps.tolist(), strict=True)
            ],
        )

    def problem(self, found: ShardResult, rows: np.ndarray, decisions: bool) -> str:
        """Return how an episode of a shard, in these rows of the cell, begins otherwise; "" if none does."""
        for place, row in enumerate(rows.tolist()):
            decided = self.decisions[row]
            count = min(len(decided), int(found.verdict.steps[place]))
            if not count:
                continue
            joints = on_grid(found.trace.states[place, 0, 1 : 1 + self.starts.shape[1]])
            apart = float(np.abs(joints - self.starts[row]).max() * GRID)
            if apart > START:
                return f"seed {found.shard.seeds[place]} begins {apart:.2g} away from where the entry's does"
            other = np.abs(found.trace.actions[place, :count] - decided[:count]).max() * ACTION_GRID
            if decisions and other > DECISION:
                return f"seed {found.shard.seeds[place]}: the first decision differs by {other:.2g}"
        return ""
