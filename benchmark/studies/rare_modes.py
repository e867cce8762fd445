"""Measures whether policies keep a rare mode: success, and how far their modes are from what was shown.

Called by `bimodal certify --rare`. The demonstrations of the regime `rare` show two modes in 90 and 10 of 100
scenes, three in 70, 20 and 10. A policy that takes the first mode alone may succeed as often as one that
keeps all.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from ...envs.errors import WrongUse
from ...envs.seed_ranges import VALIDATION
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.regimes import RARE, RARE_SHARES
from ..certificate.learning_gates import CONTENDERS, N_ACTION_STEPS, TaskTraining, TrialSetting
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..statistics.modes import mode_counts, mode_shares, total_variation

FOLDER = RUNS / "rare"
"""Where findings lie, a file a task, relative to the working directory."""
EPISODES = 300
"""Demonstrations."""
SEEDS = VALIDATION[:300]
"""Episodes in which a policy is tried."""


class RareResult(NamedTuple):
    """What one method makes of demonstrations with a rare mode."""

    task: str
    """Task id."""
    method: str
    """Its name."""
    success: float
    """Share of the episodes."""
    counts: tuple[int, ...]
    """Successes in each mode."""

    @property
    def shown(self) -> tuple[float, ...]:
        """How often each mode was demonstrated."""
        return RARE_SHARES[len(self.counts)]

    @property
    def distance(self) -> float:
        """Total variation between the modes of the successes and the demonstrated shares; NaN without any."""
        return total_variation(mode_shares(self.counts), self.shown)

    @property
    def by_chance(self) -> float:
        """What it is on average for a policy that draws from the demonstrated shares, for many successes.

        Of n draws of probability q, the mean of |share - q| tends to sqrt(2 q (1 - q) / (pi n)).
        """
        q = np.array(self.shown)
        return float(np.sqrt(2 * q * (1 - q) / (np.pi * max(sum(self.counts), 1))).sum() / 2)


def try_rare(task_id: str, method: str, folder: Path, seeds: range = SEEDS) -> RareResult:
    """Train a method on the demonstrations in a folder and try it, executing 8 actions of each chunk."""
    task = load_task(task_id)
    policy = _training(task, folder).policy(TrialSetting(method, 0, N_ACTION_STEPS[0]))
    result = run_trial(task, policy, seeds)
    counts = mode_counts(result.mode, result.success, len(task.modes))
    return RareResult(task_id, method, result.rate, tuple(map(int, counts)))


def measure_rare(
    names: Iterable[str],
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[RareResult]:
    """Measure what is not known yet of tasks, and return what is known of all.

    Args:
        names: ids of tasks with two or three modes.
        workers: processes; the result does not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of policies done, and their total.
        folder: where results are kept as they come.

    Raises:
        WrongUse: a task has more modes than the regime has shares for.
    """
    tasks = [load_task(name) for name in names]
    for task in tasks:
        if len(task.modes) not in RARE_SHARES:
            raise WrongUse(f"{task.id} has {len(task.modes)} modes; {RARE} is for tasks with two or three")
    stores = {task.id: _store(task, folder) for task in tasks}
    missing = [(t, m) for t in tasks for m in CONTENDERS if fresh or stores[t.id].missing([m])]
    with TemporaryDirectory(prefix="bimodal-rare-") as place:
        for task in {task for task, _ in missing}:
            _training(task, Path(place) / task.id).prepare()
        calls = {(t.id, m): partial(try_rare, t.id, m, Path(place) / t.id) for t, m in missing}
        measure_into(stores, calls, workers, progress)
    return known_rare([task.id for task in tasks], folder)


def known_rare(names: Iterable[str], folder: Path = FOLDER) -> list[RareResult]:
    """Return what was measured of some tasks; measures nothing."""
    stores = [_store(load_task(name), folder).values() for name in names]
    return [store[method] for store in stores for method in CONTENDERS if method in store]


def _training(task: Task, folder: Path) -> TaskTraining:
    folder.mkdir(parents=True, exist_ok=True)
    return TaskTraining(task, folder, EPISODES, RARE)


def _store(task: Task, folder: Path) -> MeasurementStore[RareResult]:
    identity = {"fingerprint": fingerprint(task), "versions": versions()}
    return MeasurementStore(folder / f"{task.id}.json", identity, RareResult)
