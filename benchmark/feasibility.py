"""Can it still be done? The experts in every variant: where they fail, a policy is not to blame."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ..envs.axes import axes
from ..envs.axis import Axis, overrides
from ..envs.simulation import Simulation
from ..envs.variant import Variant
from ..policies.base import Episodes
from ..policies.experts import Tracking
from ..tasks import load_task
from ..tasks.fingerprint import fingerprint
from ..tasks.task import Task
from .crew import Crew
from .trials import FIRST_SEED, trial

FLOORS = {1: 0.95, 2: 0.90, 3: 0.85}
"""Least success of the expert of every mode that is not blocked, by level; below it a cell is infeasible."""
SEEDS = 50
"""Episodes of every mode in a cell."""


class Cell(NamedTuple):
    """One task in one axis at one level."""

    task: str
    """Task id."""
    axis: str
    """Name of the axis."""
    level: int
    """1 to 3."""
    success: float
    """Success of the expert of the worst mode that is not blocked."""
    reason: str = ""
    """Why the axis cannot apply to the task, "" if it can."""

    @property
    def feasible(self) -> bool:
        """Whether a policy can be asked for success here."""
        return not self.reason and self.success >= FLOORS[self.level]


class InMode(Tracking):
    """The expert in one mode."""

    def __init__(self, task: Task, mode: int) -> None:
        """Take the mode."""
        super().__init__(task)
        self.mode = mode

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return its plan."""
        return self.task.plan(simulation, np.full(simulation.n, self.mode))


def acting() -> list[str]:
    """Return the axes that can concern an expert, who does not look through the policy's eyes."""
    hooks = ("scene", "model", "start", "joints", "act", "push", "horizon")
    return [name for name, kind in axes().items() if any(overrides(kind, hook) for hook in hooks)]


def measure(
    tasks: Iterable[str],
    names: Sequence[str] = (),
    workers: int = 1,
    seeds: int = SEEDS,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Cell]:
    """Try the experts of tasks in every level of axes.

    Args:
        tasks: task ids.
        names: axes; all that can concern an expert when empty.
        workers: processes; the result does not depend on them.
        seeds: episodes of every mode in a cell.
        progress: called with what was done last, the number of cells done, and their total.
    """
    wanted = [(t, a, level) for t in tasks for a in (names or acting()) for level in FLOORS]
    calls = {cell: partial(try_experts, *cell, seeds) for cell in wanted}
    found: dict[tuple[str, str, int], Cell] = {}
    with Crew(workers) as crew:
        for key, cell in crew.run(calls):
            found[key] = cell
            if progress:
                progress(f"{cell.task} {cell.axis}:{cell.level}", len(found), len(calls))
    return [found[key] for key in wanted]


def try_experts(task_id: str, axis: str, level: int, seeds: int = SEEDS) -> Cell:
    """Return one cell: the experts of all modes in one variant; a blocked mode's episodes do not count."""
    task, name = load_task(task_id), f"{axis}:{level}"
    if reason := impossible(axes()[axis](level), task):
        return Cell(task_id, axis, level, 0.0, reason)
    panel = range(FIRST_SEED, FIRST_SEED + seeds)
    blocked = np.array([Variant(name).blocked(task, seed) for seed in panel])
    rates = []
    for mode in range(len(task.modes)):
        outcome = trial(task, InMode(task, mode), panel, variant=name)
        free = blocked != mode
        rates.append(float(outcome.success[free].mean()) if free.any() else 1.0)
    return Cell(task_id, axis, level, min(rates))


def impossible(axis: Axis, task: Task) -> str:
    """Return why an axis cannot apply to a task, "" if it can."""
    return axis.impossible(task)


def fingerprints(cells: Sequence[Cell]) -> dict[str, str]:
    """Return the fingerprint of every task that was tried."""
    return {name: fingerprint(load_task(name)) for name in dict.fromkeys(cell.task for cell in cells)}
