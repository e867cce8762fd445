"""Measures the grace of a task: how many executed blocks of the mean plan its experts can still make good.

A sharp regression averages at its first decisions; once the hand is a little off the middle, it takes the
nearer mode. That succeeds where the average has done no harm by then. Called by `bimodal certify --grace`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...policies.core.policy import Decision, Episodes, Needs
from ...policies.experts import Expert
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from .certificate import Check
from .learning_gates import TRIAL_SEEDS
from .physics_gates import EXPERT_FLOOR
from .store import FOLDER
from .trials import Blend, run_trial

FOUND = FOLDER.parent / "grace"
"""Where findings lie, relative to the working directory."""
BLOCK = 8
"""Control steps of a block: what the chunk policies execute of each decision."""
MOST_BLOCKS = 5
"""Blocks of the mean plan that are tried at most."""
MOST_GRACE = 1
"""Most grace of the next version of a task."""


class GraceResult(NamedTuple):
    """What experts make of a task that begins with the mean of the modes' plans."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    success: tuple[float, ...]
    """Share of episodes that succeed after 0, 1, 2, ... blocks of the mean plan."""

    @property
    def grace(self) -> int:
        """Blocks after which, as after fewer, experts still succeed in 98 % of the episodes; -1 for none."""
        return next((k for k, rate in enumerate(self.success) if rate < EXPERT_FLOOR), len(self.success)) - 1


class LateExpert(Blend):
    """Executes some blocks of the mean of all modes' plans, then what an expert plans from there."""

    description = "The mean of the experts' plans for some blocks, then an expert. Reads the simulator."

    def __init__(self, task: Task, blocks: int) -> None:
        """Take the number of blocks that come before the expert's plan."""
        modes = len(task.modes)
        super().__init__(task, np.full(modes, 1 / modes))
        self._blocks = blocks

    def needs(self) -> Needs:
        """Return that it reads the simulator, and decides every `BLOCK` steps."""
        return Needs(n_action_steps=BLOCK, privileged=True)

    def reset(self, episodes: Episodes) -> None:
        """Make the mean plan."""
        super().reset(episodes)
        self._episodes = episodes
        self._decisions = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next block of the mean plan, or of the expert's, which is made when its turn comes."""
        if self._decisions == self._blocks:
            assert self._episodes.simulation is not None
            self._plan = Expert(self.task).plan(self._episodes.simulation, self._episodes)
            self._step = 0
        steps = np.minimum(np.arange(self._step, self._step + BLOCK), self._plan.shape[1] - 1)
        self._step += BLOCK
        self._decisions += 1
        return Decision(self._plan[:, steps])


def try_grace(task: Task, seeds: range = TRIAL_SEEDS) -> GraceResult:
    """Try experts after 0 to `MOST_BLOCKS` blocks of the mean plan."""
    tried = (run_trial(task, LateExpert(task, blocks), seeds).rate for blocks in range(MOST_BLOCKS + 1))
    return GraceResult(task.id, fingerprint(task), tuple(tried))


def grace_checks(task: Task, seeds: range = TRIAL_SEEDS) -> list[Check]:
    """Gate 2: for how many executed blocks the average is harmless; a next version of a task may bear one."""
    grace = try_grace(task, seeds).grace
    asked = bool(task.supersedes)
    measured = "blocks that experts make good"
    passed = 0 <= grace <= MOST_GRACE if asked else None
    return [Check(2, "grace", measured, str(grace), f"<= {MOST_GRACE}" if asked else "", passed)]


def measure_grace(
    names: Iterable[str],
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOUND,
) -> list[GraceResult]:
    """Measure the grace of tasks that is not known yet, and return that of all.

    Args:
        names: ids of tasks.
        workers: processes; the result does not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with the task done last, the number done, and their total.
        folder: where results are kept, a file a task, as they come.
    """
    stores = {name: _store(load_task(name), folder) for name in names}
    missing = [name for name, store in stores.items() if fresh or store.missing(["grace"])]
    tries = {(name, "grace"): partial(try_grace, load_task(name)) for name in missing}
    measure_into(stores, tries, workers, progress)
    return known_grace(stores, folder)


def known_grace(names: Iterable[str], folder: Path = FOUND) -> list[GraceResult]:
    """Return the grace of those of some tasks of which it was measured; measures nothing."""
    stores = (_store(load_task(name), folder) for name in names)
    return [found for store in stores if (found := store.get("grace"))]


def _store(task: Task, folder: Path) -> MeasurementStore[GraceResult]:
    identity = {"fingerprint": fingerprint(task), "versions": versions()}
    return MeasurementStore(folder / f"{task.id}.json", identity, GraceResult)
