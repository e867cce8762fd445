"""Can it still be done? The experts in every variant: where they fail, a policy is not to blame."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.perturbation import overrides
from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import COMBO, Variant
from ...envs.seed_ranges import VALIDATION
from ...policies.core.policy import Episodes
from ...policies.experts import Tracking
from ...tasks import load_task
from ...tasks.core.task import Task
from ..processes import run_in_processes
from .trials import trial

FLOORS = {1: 0.95, 2: 0.90, 3: 0.85}
"""Least success of the expert of every mode that is not blocked, by level; below it a cell is infeasible."""
SEEDS, QUICK_SEEDS = 50, 10
"""Episodes of every mode in a cell, and in a quick look."""


class Place(NamedTuple):
    """Which cell."""

    task: str
    """Task id."""
    axis: str
    """Name of the axis, or `combo`."""
    level: int
    """1 to 3."""


class Cell(NamedTuple):
    """One task in one axis at one level."""

    task: str
    """Task id."""
    axis: str
    """Name of the axis, or `combo`."""
    level: int
    """1 to 3."""
    success: float
    """Success of the expert of the worst mode that is not blocked."""
    reason: str = ""
    """Why the axis cannot apply to the task, "" if it can."""

    @property
    def place(self) -> Place:
        """Which cell it is."""
        return Place(self.task, self.axis, self.level)

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

    def modes(self, episodes: Episodes) -> np.ndarray:
        """Return the mode, (N,)."""
        return np.full(len(episodes.noise_keys), self.mode)


def acting() -> list[str]:
    """Return the axes and the combination, as far as they can concern an expert, who needs no eyes."""
    hooks = (
        "perturb_scene",
        "perturb_model",
        "perturb_start",
        "joint_offsets",
        "perturb_action",
        "perturb_simulation",
        "episode_steps",
    )
    found = [name for name, kind in perturbations().items() if any(overrides(kind, hook) for hook in hooks)]
    return [*found, COMBO]


def measure(
    tasks: Iterable[str],
    names: Sequence[str] = (),
    workers: int = 1,
    seeds: int = SEEDS,
    known: Mapping[Place, Cell] | None = None,
    progress: Callable[[Cell, int, int], None] | None = None,
) -> list[Cell]:
    """Try the experts of tasks in every level of axes.

    Args:
        tasks: task ids.
        names: axes; all that can concern an expert when empty.
        workers: processes; the result does not depend on them.
        seeds: episodes of every mode in a cell.
        known: cells that were measured before, and are not measured again.
        progress: called with what was done last, the number of cells done, and their total.
    """
    wanted = [Place(task, a, level) for task in tasks for a in (names or acting()) for level in FLOORS]
    found = {place: known[place] for place in wanted if known and place in known}
    calls = {place: partial(try_experts, *place, seeds) for place in wanted if place not in found}
    for place, cell in run_in_processes(calls, workers):
        found[place] = cell
        if progress:
            progress(cell, len(found), len(wanted))
    return [found[place] for place in wanted]


def try_experts(task_id: str, axis: str, level: int, seeds: int = SEEDS) -> Cell:
    """Return one cell: the experts of all modes in one variant; a blocked mode's episodes do not count."""
    task, variant = load_task(task_id), Variant(f"{axis}:{level}")
    if reason := next((why for part in variant.parts if (why := part.impossible(task))), ""):
        return Cell(task_id, axis, level, 0.0, reason)
    panel = VALIDATION[:seeds]
    try:
        rates = _rates(task, variant, panel)
    except BimodalError as error:  # no valid scene, or a start out of reach
        return Cell(task_id, axis, level, 0.0, str(error))
    return Cell(task_id, axis, level, min(rates))


def _rates(task: Task, variant: Variant, panel: range) -> list[float]:
    """Return the success of the expert of every mode where it is not blocked; 1 where it always is."""
    blocked = np.array([variant.blocked_mode(task, seed) for seed in panel])
    rates = []
    for mode in range(len(task.modes)):
        success = trial(task, InMode(task, mode), panel, variant=variant.name).success[blocked != mode]
        rates.append(float(success.mean()) if len(success) else 1.0)
    return rates
