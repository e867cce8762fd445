"""Tries the experts under every perturbation: where they fail, a policy that fails is not to blame.

Called by `bimodal certify --variants`; the figures are kept and read by `scoring.feasible_cells`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.magnitudes import Part
from ...envs.perturbations.core.perturbation import overrides
from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import COMBO, Variant, named
from ...envs.seed_ranges import VALIDATION
from ...policies.core.policy import Episodes
from ...policies.experts import Tracking
from ...tasks import load_task
from ...tasks.core.task import Task
from ..processes import run_in_processes
from ..scoring.feasible_cells import EPISODES, FLOORS, CellKey, FeasibilityCell
from ..suites import SUITES
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
    """Try the experts of tasks under every perturbation, the farthest from the clean world first.

    At every level, and at the other magnitudes that a suite with the task has.

    Args:
        tasks: task ids.
        names: perturbations; all that can concern an expert when empty.
        workers: processes; the result does not depend on them.
        episodes: of every mode in a cell.
        known: cells that were measured before, and are not measured again.
        progress: called with what was done last, the number of cells done, and their total.
    """
    wanted = [key for task in tasks for key in _cells_of(task, names or acting())]
    found = {key: known[key] for key in wanted if known and key in known}
    calls = {key: partial(try_experts, key, episodes) for key in _farthest_first(wanted) if key not in found}
    for key, cell in run_in_processes(calls, workers):
        found[key] = cell
        if progress:
            progress(cell, len(found), len(wanted))
    return [found[key] for key in wanted]


def _cells_of(task: str, names: Sequence[str]) -> list[CellKey]:
    """Return the cells of a task, by perturbation, those of levels first."""
    shifts = dict.fromkeys(one for suite in SUITES.values() if task in suite.tasks for one in suite.variants)
    parts = [part for variant in shifts for part in named(variant) if part.magnitude is not None]
    levels = [Part(name, level) for name in names for level in FLOORS]
    parts = [*levels, *(part for part in dict.fromkeys(parts) if part.perturbation in names)]
    return [CellKey(task, *part) for part in sorted(parts, key=lambda part: names.index(part.perturbation))]


def _farthest_first(keys: Iterable[CellKey]) -> list[CellKey]:
    """Return the farthest cell of every task and perturbation, then the next: who stops early knows most."""
    groups: dict[tuple[str, str], list[CellKey]] = {}
    for key in keys:
        groups.setdefault((key.task, key.perturbation), []).append(key)
    ranked = [sorted(some, key=_distance, reverse=True) for some in groups.values()]
    return [key for row in zip_longest(*ranked) for key in row if key]


def _distance(key: CellKey) -> float:
    """Return how far a cell is from the clean world; of the combination its level."""
    if key.perturbation == COMBO:
        return key.level
    one = key.part.built()
    return abs(one.magnitude - one.levels[0])


def try_experts(key: CellKey, episodes: int = EPISODES) -> FeasibilityCell:
    """Return one cell: the experts of all modes in one variant; a blocked mode's episodes do not count."""
    task = load_task(key.task)
    variant = Variant(str(key.part))
    found = FeasibilityCell(key.task, key.perturbation, key.level, 0.0, magnitude=key.magnitude)
    if reason := next((why for part in variant.parts if (why := part.unavailable(task, pictures=False))), ""):
        return replace(found, reason=reason)
    panel = VALIDATION[:episodes]
    try:
        return replace(found, success=min(_rates(task, variant, panel)))
    except BimodalError as error:  # no valid scene, or a start out of reach
        return replace(found, reason=str(error))


def _rates(task: Task, variant: Variant, panel: range) -> list[float]:
    """Return the success of the expert of every mode where it is not blocked; 1 where it always is."""
    blocked = np.array([variant.blocked_mode(task, seed) for seed in panel])
    rates = []
    for mode in range(len(task.modes)):
        success = run_trial(task, InMode(task, mode), panel, variant=variant.name).success[blocked != mode]
        rates.append(float(success.mean()) if len(success) else 1.0)
    return rates
