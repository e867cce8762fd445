"""Measures headroom: success against the executed block of policies that choose, and of one that is told.

Called by `bimodal certify --headroom`. A task is hard for the reason that it states if the policies fall
short at every length of the block, and its informed control, told just what they lack, does not.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ...policies import load_policy
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.regimes import whole_scenes
from ..certificate.learning_gates import CONTENDERS, TRIAL_SEEDS, TaskTraining, TrialSetting, oracle_of
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS

FOLDER = RUNS / "headroom"
"""Where findings lie, a file a task, relative to the working directory."""
LENGTHS = (1, 2, 4, 8, 16)
"""Actions executed of each chunk."""
EXPERT = "expert"
"""The scripted experts, which plan once: one figure."""
CHOOSERS = (*CONTENDERS, "bet", "mse")
"""What must choose for itself: the policies that the certificate asks, `bet`, which draws one of a few dozen
whole chunks and so keeps one of many ways where they do not, and regression."""
EPISODES = 300
"""Demonstrations, less what is no whole scene."""


class HeadroomRow(NamedTuple):
    """One policy on one task."""

    method: str
    """Its name."""
    success: tuple[float, ...]
    """Share of the episodes, for each of `LENGTHS`; a single one for the experts."""


class HeadroomResult(NamedTuple):
    """What was measured of one task."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    control: str
    """Its informed control."""
    rows: tuple[HeadroomRow, ...]
    """The experts, the informed control, then what must choose for itself."""

    @property
    def best(self) -> HeadroomRow:
        """The row of the policy that chooses best at any length."""
        return max(self.rows[2:], key=lambda row: max(row.success))


def methods_of(task: Task) -> tuple[str, ...]:
    """Return what is tried on a task, in the order of the rows."""
    return EXPERT, oracle_of(task), *CHOOSERS


def try_method(task_id: str, method: str, folder: Path, seeds: range = TRIAL_SEEDS) -> HeadroomRow:
    """Train a method on the demonstrations in a folder, and return its success at every length."""
    task = load_task(task_id)
    if method == EXPERT:
        return HeadroomRow(method, (run_trial(task, load_policy(EXPERT, task), seeds).rate,))
    training = TaskTraining(task, folder, whole_scenes(task, EPISODES))
    policies = (training.policy(TrialSetting(method, 0, n)) for n in LENGTHS)
    return HeadroomRow(method, tuple(run_trial(task, policy, seeds).rate for policy in policies))


def measure_headroom(
    names: Iterable[str],
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> list[HeadroomResult]:
    """Measure the headroom of tasks that is not known yet, and return that of all.

    Args:
        names: ids of tasks.
        workers: processes; the result does not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of policies done, and their total.
        folder: where rows are kept as they come.
    """
    tasks = [load_task(name) for name in names]
    stores = {task.id: _store(task, folder) for task in tasks}
    wanted = [(task, method) for task in tasks for method in methods_of(task)]
    missing = [(t, m) for t, m in wanted if fresh or stores[t.id].missing([m])]
    with TemporaryDirectory(prefix="bimodal-headroom-") as place:
        for task in {task for task, _ in missing}:
            TaskTraining(task, _demos(place, task), whole_scenes(task, EPISODES)).prepare()
        calls = {(t.id, m): partial(try_method, t.id, m, _demos(place, t)) for t, m in missing}
        measure_into(stores, calls, workers, progress)
    return [_result(task, stores[task.id]) for task in tasks]


def _demos(place: str, task: Task) -> Path:
    folder = Path(place) / task.id
    folder.mkdir(exist_ok=True)
    return folder


def _result(task: Task, store: MeasurementStore[HeadroomRow]) -> HeadroomResult:
    rows = store.values()
    found = tuple(rows[method] for method in methods_of(task))
    return HeadroomResult(task.id, fingerprint(task), oracle_of(task), found)


def _store(task: Task, folder: Path) -> MeasurementStore[HeadroomRow]:
    identity = {"fingerprint": fingerprint(task), "versions": versions()}
    return MeasurementStore(folder / f"{task.id}.json", identity, HeadroomRow)
