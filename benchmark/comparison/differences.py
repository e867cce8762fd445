"""How a candidate differs from its baseline on each task: success, the cost of variants, modes and time.

Every number is of pairs of episodes, and every difference is candidate minus baseline.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ..scoring.run_episodes import EpisodeColumns
from ..statistics.many_policies import holm
from ..statistics.modes import mode_shares, stuart_maxwell, total_variation
from ..statistics.paired import discordant, mcnemar_mid_p, tango
from ..statistics.rates import Interval, rate
from ..statistics.resampling import stratified_mean, swap_p
from .arm import Arm

FEW_CHANGED_MODES = 25
"""With fewer episodes that change their mode, random exchanges replace Stuart's and Maxwell's test."""


class TaskDifference(NamedTuple):
    """Success on one task in the clean world."""

    task: str
    baseline: Interval
    candidate: Interval
    difference: Interval
    """Candidate minus baseline, Tango's interval."""
    only_baseline: int
    """Seeds on which only the baseline succeeds."""
    only_candidate: int
    """Seeds on which only the candidate succeeds."""
    p_value: float
    """McNemar's mid-p, adjusted by Holm over the tasks."""


class VariantDifference(NamedTuple):
    """How much less, or more, a variant costs the candidate than the baseline."""

    variant: str
    tasks: int
    """Tasks that have it."""
    baseline: float
    """Success in the variant minus the same seeds clean, mean over the tasks."""
    candidate: float
    difference: Interval
    """Difference in differences, by drawing scenes again within each task."""


class ModeDifference(NamedTuple):
    """Which modes the two take on one task, on the seeds where both realise one."""

    task: str
    baseline: np.ndarray
    """Shares of the modes, (k,)."""
    candidate: np.ndarray
    changed: int
    """Seeds on which they take different modes."""
    both: int
    """Seeds on which both realise a mode."""
    p_value: float
    """Of equal shares, adjusted by Holm over the tasks."""


def _hits(arm: Arm, cell: tuple[str, str]) -> np.ndarray:
    """Return which episodes of a cell succeed, (N,) bool."""
    return arm.cells[cell].succeeded


def times_to_success(arm: Arm, cell: tuple[str, str]) -> np.ndarray:
    """Return the times to success [s], the whole time of an episode for failures, (N,)."""
    task, variant = cell
    horizon = Variant(variant).episode_steps(load_task(task).max_episode_steps)
    return np.where(_hits(arm, cell), arm.cells[cell].steps, horizon) / CONTROL_HZ


def task_differences(
    baseline: Arm, candidate: Arm, cells: Sequence[tuple[str, str]]
) -> tuple[TaskDifference, ...]:
    """Compare success cell by cell."""
    rows = []
    for cell in cells:
        before = _hits(baseline, cell)
        after = _hits(candidate, cell)
        only_candidate, only_baseline = discordant(after, before)
        n = len(before)
        rows.append(
            TaskDifference(
                task=cell[0],
                baseline=rate(int(before.sum()), n),
                candidate=rate(int(after.sum()), n),
                difference=tango(only_candidate, only_baseline, n),
                only_baseline=only_baseline,
                only_candidate=only_candidate,
                p_value=mcnemar_mid_p(only_candidate, only_baseline),
            )
        )
    adjusted = holm([row.p_value for row in rows])
    return tuple(row._replace(p_value=p) for row, p in zip(rows, adjusted, strict=True))


# ------------------------------------------------------------------------------- variants and modes


def variant_differences(baseline: Arm, candidate: Arm) -> tuple[VariantDifference, ...]:
    """Compare what every variant costs, over all tasks that have it."""
    found = []
    for variant in dict.fromkeys(variant for _, variant in baseline.cells if variant != CLEAN):
        tasks = [task for task, name in baseline.cells if name == variant and (task, CLEAN) in baseline.cells]
        before = [_changes(baseline, task, variant) for task in tasks]
        after = [_changes(candidate, task, variant) for task in tasks]
        if tasks:
            found.append(
                VariantDifference(
                    variant=variant,
                    tasks=len(tasks),
                    baseline=float(np.mean([one.mean() for one in before])),
                    candidate=float(np.mean([one.mean() for one in after])),
                    difference=stratified_mean([b - a for a, b in zip(before, after, strict=True)]),
                )
            )
    return tuple(found)


def _changes(arm: Arm, task: str, variant: str) -> np.ndarray:
    """Return success in a variant minus that of the same seed clean, -1, 0 or 1, (N,)."""
    clean = arm.cells[task, CLEAN]
    place = {seed: row for row, seed in enumerate(clean.seeds)}
    rows = [place[seed] for seed in arm.cells[task, variant].seeds]
    return _hits(arm, (task, variant)).astype(int) - _hits(arm, (task, CLEAN)).astype(int)[rows]


def mode_differences(
    baseline: Arm, candidate: Arm, cells: Sequence[tuple[str, str]]
) -> tuple[ModeDifference, ...]:
    """Compare the modes that are taken, cell by cell; cells where no seed has a mode in both are left out."""
    rows = []
    for cell in cells:
        k = len(load_task(cell[0]).modes)
        before, after = _modes_of_both(baseline.cells[cell], candidate.cells[cell])
        if k < 2 or not len(before):
            continue
        changed = int((before != after).sum())
        rows.append(
            ModeDifference(
                task=cell[0],
                baseline=mode_shares(np.bincount(before, minlength=k)),
                candidate=mode_shares(np.bincount(after, minlength=k)),
                changed=changed,
                both=len(before),
                p_value=_mode_p(before, after, k, changed),
            )
        )
    adjusted = holm([row.p_value for row in rows])
    return tuple(row._replace(p_value=p) for row, p in zip(rows, adjusted, strict=True))


def _modes_of_both(before: EpisodeColumns, after: EpisodeColumns) -> tuple[np.ndarray, np.ndarray]:
    both = (before.modes >= 0) & (after.modes >= 0)
    return before.modes[both], after.modes[both]


def _mode_p(before: np.ndarray, after: np.ndarray, k: int, changed: int) -> float:
    """Return the p-value of equal shares of the modes on the same seeds."""
    if changed >= FEW_CHANGED_MODES:
        return stuart_maxwell(before, after, k)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        shares = [np.bincount(modes, minlength=k) / len(modes) for modes in (one, other)]
        return total_variation(*shares)

    return swap_p(before, after, distance)
