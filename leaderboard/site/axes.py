"""What each perturbation costs a policy: the drop along every axis, beside the clean arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...benchmark.scoring.run_episodes import Cell, EpisodeColumns
from ...benchmark.statistics.paired import paired_difference
from ...benchmark.statistics.rates import Interval, mean_interval
from ...benchmark.statistics.resampling import stratified_mean
from ...envs.perturbations.core.variant import CLEAN, named
from ..board import PolicyRow

STEEPEST = 5
"""Shades of a drop."""
_SHARE_A_SHADE = 0.1


@dataclass(frozen=True)
class Axis:
    """One perturbation, or several at once, at all levels that a suite has of it."""

    name: str
    """Such as `contact.friction`."""
    variants: tuple[str, ...]
    """Its variants in the suite."""


@dataclass(frozen=True)
class AxisEffect:
    """What an axis costs one policy, over its levels and the tasks that can have it.

    Cells in which the experts fail, too, do not count where there are others.
    """

    clean: float
    """Success of the same seeds clean."""
    success: float
    """Success in its variants."""
    difference: Interval
    """The second minus the first, with its paired 95 % interval."""
    tasks: tuple[str, ...]
    """Ids of the tasks."""
    infeasible: tuple[str, ...]
    """Those of them in which the experts fail, too, at some level."""
    unchanged: bool
    """Whether every episode equals its clean twin to the last bit."""


def shade(difference: Interval) -> int:
    """Return how steep a drop is, 1 to `STEEPEST`; 0 where the interval leaves room for none."""
    return min(1 + int(-difference.estimate / _SHARE_A_SHADE), STEEPEST) if difference.high < 0 else 0


def axes(variants: tuple[str, ...]) -> list[Axis]:
    """Return the axes of a suite's variants, in their order."""
    found: dict[str, list[str]] = {}
    for variant in variants:
        if variant != CLEAN:
            found.setdefault("+".join(part.perturbation for part in named(variant)), []).append(variant)
    return [Axis(name, tuple(some)) for name, some in found.items()]


def axis_effect(axis: Axis, row: PolicyRow) -> AxisEffect | None:
    """Return what an axis costs a policy, None where no task can have it."""
    cells = row.entry.cells
    every = [(task, one) for task in row.entry.suite.tasks for one in axis.variants if (task, one) in cells]
    if not every:
        return None
    mine = [one for one in row.shifts if one.variant in axis.variants]
    low = dict.fromkeys((one.task, one.variant) for one in mine if one.expert is not None)
    counted = [key for key in every if key not in low] or every
    arms = [_arms(task, counted, cells) for task in dict.fromkeys(task for task, _ in counted)]
    return AxisEffect(
        clean=float(np.mean([clean.mean() for clean, _ in arms])),
        success=float(np.mean([hits.mean() for _, hits in arms])),
        difference=_difference(arms),
        tasks=tuple(dict.fromkeys(task for task, _ in every)),
        infeasible=tuple(dict.fromkeys(task for task, _ in low)),
        unchanged=all(one.unchanged for one in mine),
    )


def _arms(
    task: str, keys: Sequence[Cell], cells: Mapping[Cell, EpisodeColumns]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the success of one task's clean twins and in those variants of `keys`, (levels, N) bool each."""
    clean = cells[task, CLEAN]
    levels = [cells[key] for key in keys if key[0] == task]
    twins = [clean.succeeded[clean.rows_of(one.seeds)] for one in levels]
    return np.stack(twins), np.stack([one.succeeded for one in levels])


def _difference(arms: list[tuple[np.ndarray, np.ndarray]]) -> Interval:
    """Return the mean difference over tasks: Tango's interval, or over levels by drawing seeds again.

    Levels share their clean twins, so that only whole seeds are independent of each other.
    """
    if all(len(hits) == 1 for _, hits in arms):
        return mean_interval([paired_difference(hits[0], clean[0]) for clean, hits in arms])
    return stratified_mean([(hits.astype(int) - clean).mean(0) for clean, hits in arms])
