"""Whether a shard's file is what a run of ours writes; called when a run resumes.

The digests bind label, mode, length, actions and states of an episode; everything else has bounds.
"""

import numpy as np

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import Variant
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..rollout.shard import digests
from .shard_file import StoredShard

_LONGEST_MS = 1e9
"""No decision takes so long [ms]."""


def is_sound(stored: StoredShard) -> bool:
    """Whether the numbers of a shard are possible and fit their digests; never raises."""
    try:
        return _possible(stored) and _bound(stored)
    except (AttributeError, IndexError, TypeError, ValueError, OverflowError, WrongUse):
        return False


def _possible(stored: StoredShard) -> bool:
    """Whether every value is one that an episode of its task can have."""
    result = stored.result
    task = load_task(result.shard.task)
    verdict = result.verdict
    n = len(result.shard.seeds)
    most = Variant(result.shard.variant).episode_steps(task.max_episode_steps)
    given = () if result.clipped is None else (result.clipped,)
    if any(column.shape != (n,) for column in (*verdict, result.faults, result.digests, *given)):
        return False
    if not set(verdict.label.tolist()) <= OUTCOMES.keys():
        return False
    scored = np.array([OUTCOMES[label].success for label in verdict.label])
    moments = [(one.step, one.rows) for one in result.decisions]
    return bool(
        _whole(verdict.mode, -1, len(task.modes) - 1)
        and _whole(verdict.steps, 0, most)
        and _whole(verdict.first_success, -1, most)
        and _whole(verdict.switches, 0, most)
        and (verdict.success == scored).all()
        and all(column.dtype == bool for column in verdict[3:6])
        and not np.isinf(verdict.alpha).any()
        and (result.clipped is None or _whole(result.clipped, 0, most))
        and all(0 <= step <= most and 0 < rows <= n for step, rows in moments)
        and _times([one.latency_ms for one in result.decisions])
        and _times(stored.latencies_ms)
    )


def _bound(stored: StoredShard) -> bool:
    """Whether actions and states are numbers, and label, mode, steps and they fit their digests."""
    result = stored.result
    trace = result.trace
    n = len(result.shard.seeds)
    return bool(
        trace.actions.dtype == np.int32
        and trace.states.dtype == np.float64
        and len(trace.actions) == len(trace.states) == n
        and trace.actions.ndim == trace.states.ndim == 3
        and (digests(result.verdict, trace) == result.digests).all()
    )


def _whole(column: np.ndarray, low: int, high: int) -> bool:
    return bool(column.dtype.kind == "i" and ((column >= low) & (column <= high)).all())


def _times(times_ms: object) -> bool:
    """Whether these are finite wall times [ms]."""
    found = np.asarray(times_ms, float)
    return found.ndim == 1 and bool(((found >= 0) & (found < _LONGEST_MS)).all())
