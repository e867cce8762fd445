"""Tries the experts under every perturbation: where they fail, a policy that fails is not to blame.

Called by `bimodal certify --variants`; the figures are kept and read by `scoring.feasible_cells`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

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
from ..scoring.feasible_cells import EPISODES, FLOORS, CellKey, FeasibilityCell
from .trials import run_trial

QUICK_EPISODES = 10
"""Episodes of every mode in a cell of a quick look."""


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
    """Return the perturbations and the combination that can concern an expert, who needs no eyes."""
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


def measure_feasibility(
    tasks: Iterable[str],
    names: Sequence[str] = (),
    workers: int = 1,
    episodes: int = EPISODES,
    known: Mapping[CellKey, FeasibilityCell] | None = None,
    progress: Callable[[FeasibilityCell, int, int], None] | None = None,
) -> list[FeasibilityCell]:
    """Try the experts of tasks under every perturbation at every level.

    Args:
        tasks: task ids.
        names: perturbations; all that can concern an expert when empty.
        workers: processes; the result does not depend on them.
        episodes: of every mode in a cell.
        known: cells that were measured before, and are not measured again.
        progress: called with what was done last, the number of cells done, and their total.
    """
    wanted = [CellKey(task, one, level) for task in tasks for one in (names or acting()) for level in FLOORS]
    found = {key: known[key] for key in wanted if known and key in known}
    calls = {key: partial(try_experts, *key, episodes) for key in wanted if key not in found}
    for key, cell in run_in_processes(calls, workers):
        found[key] = cell
        if progress:
            progress(cell, len(found), len(wanted))
    return [found[key] for key in wanted]


def try_experts(task_id: str, name: str, level: int, episodes: int = EPISODES) -> FeasibilityCell:
    """Return one cell: the experts of all modes in one variant; a blocked mode's episodes do not count."""
    task = load_task(task_id)
    variant = Variant(f"{name}:{level}")
    if reason := next((why for part in variant.parts if (why := part.unavailable(task, pictures=False))), ""):
        return FeasibilityCell(task_id, name, level, 0.0, reason)
    panel = VALIDATION[:episodes]
    try:
        rates = _rates(task, variant, panel)
    except BimodalError as error:  # no valid scene, or a start out of reach
        return FeasibilityCell(task_id, name, level, 0.0, str(error))
    return FeasibilityCell(task_id, name, level, min(rates))


def _rates(task: Task, variant: Variant, panel: range) -> list[float]:
    """Return the success of the expert of every mode where it is not blocked; 1 where it always is."""
    blocked = np.array([variant.blocked_mode(task, seed) for seed in panel])
    rates = []
    for mode in range(len(task.modes)):
        success = run_trial(task, InMode(task, mode), panel, variant=variant.name).success[blocked != mode]
        rates.append(float(success.mean()) if len(success) else 1.0)
    return rates
