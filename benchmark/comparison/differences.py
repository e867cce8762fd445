"""How a candidate differs from its baseline on each task: success, the cost of variants, modes and time.

Every number is of pairs of episodes, and every difference is candidate minus baseline.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ..scoring.panel_limits import repeats_scenes
from ..scoring.run_episodes import EpisodeColumns
from ..statistics.many_policies import holm
from ..statistics.modes import mode_shares, stuart_maxwell
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
    """Candidate minus baseline, with its interval; see `success_difference`."""
    only_baseline: int
    """Seeds on which only the baseline succeeds."""
    only_candidate: int
    """Seeds on which only the candidate succeeds."""
    p_value: float
    """Adjusted by Holm over the tasks."""


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


def by_scene(values: np.ndarray, cell: EpisodeColumns) -> np.ndarray:
    """Return the mean over the episodes of each scene, (C,) of (N,); unchanged without repeats."""
    scenes, rows, counts = np.unique(cell.scenes, return_inverse=True, return_counts=True)
    return np.bincount(rows, values, minlength=len(scenes)) / counts


def success_difference(
    baseline: Arm, candidate: Arm, cells: Sequence[tuple[str, str]]
) -> tuple[Interval, float]:
    """Return the difference in success over all of some cells, which weigh the same, and its p-value.

    Tango's interval and McNemar's mid-p. Episodes that share a scene do not count as so many pairs: then
    scenes are drawn again within each task, and for the p-value whole scenes are exchanged.
    """
    before = [_hits(baseline, cell) for cell in cells]
    after = [_hits(candidate, cell) for cell in cells]
    if not any(repeats_scenes(baseline.cells[cell]) for cell in cells):
        counts = discordant(np.concatenate(after), np.concatenate(before))
        # Every task has as many pairs, so the mean over tasks is that over pairs.
        return tango(*counts, sum(map(len, before))), mcnemar_mid_p(*counts)
    sides = [
        [by_scene(one.astype(float), baseline.cells[cell]) for one, cell in zip(side, cells, strict=True)]
        for side in (before, after)
    ]
    difference = stratified_mean([b - a for a, b in zip(*sides, strict=True)])
    a, b = (np.concatenate(side)[:, None] for side in sides)
    if (a == b).all():  # nothing scatters, and so few scenes still leave room
        difference = tango(0, 0, len(a))
    return difference, swap_p(a, b, lambda one, other: np.abs(one - other)[:, 0])


def task_differences(
    baseline: Arm, candidate: Arm, cells: Sequence[tuple[str, str]]
) -> tuple[TaskDifference, ...]:
    """Compare success cell by cell."""
    rows = []
    for cell in cells:
        before = _hits(baseline, cell)
        after = _hits(candidate, cell)
        only_candidate, only_baseline = discordant(after, before)
        difference, p_value = success_difference(baseline, candidate, [cell])
        n = len(before)
        rows.append(
            TaskDifference(
                task=cell[0],
                baseline=rate(int(before.sum()), n),
                candidate=rate(int(after.sum()), n),
                difference=difference,
                only_baseline=only_baseline,
                only_candidate=only_candidate,
                p_value=p_value,
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
        both = (baseline.cells[cell].modes >= 0) & (candidate.cells[cell].modes >= 0)
        before = baseline.cells[cell].modes[both]
        after = candidate.cells[cell].modes[both]
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
                p_value=_mode_p(before, after, k, baseline.cells[cell].part(both)),
            )
        )
    adjusted = holm([row.p_value for row in rows])
    return tuple(row._replace(p_value=p) for row, p in zip(rows, adjusted, strict=True))


def _mode_p(before: np.ndarray, after: np.ndarray, k: int, cell: EpisodeColumns) -> float:
    """Return the p-value of equal shares of the modes on the same seeds; scenes are exchanged as a whole."""
    if int((before != after).sum()) >= FEW_CHANGED_MODES and not repeats_scenes(cell):
        return stuart_maxwell(before, after, k)
    rows = np.unique(cell.scenes, return_inverse=True)[1]
    counts = np.zeros((2, rows.max() + 1, k), int)
    for side, modes in zip(counts, (before, after), strict=True):
        np.add.at(side, (rows, modes), 1)
    return swap_p(counts[0], counts[1], lambda one, other: np.abs(one - other).sum(1))  # 2 n total variations
