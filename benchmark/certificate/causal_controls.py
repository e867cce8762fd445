"""Trains policies on changed demonstrations, to see whether it is the second mode that regression fails on.

*Controls* change only what the demonstrations show: one mode, a visible one, or both in some mixture.
*Limits* change what makes averaging irrevocable. Called by `bimodal certify --controls --limits`.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.training.recipes import RECIPES, Recipe
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import PROCESS_NOISE
from ...tasks.demonstrations.regimes import REGIMES, UNPAIRED, whole_scenes
from ...tasks.lift import LiftTask
from ..processes import run_in_processes
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from .learning_gates import TRIAL_SEEDS, TaskTraining, TrialSetting
from .store import FOLDER
from .trials import run_trial

STUDIES = FOLDER.parent / "validity"
"""Where findings lie, relative to the working directory."""
WIDE = 0.02
"""Half-width of the hand's sideways start in the limit of that name [m]; at the parting half is left."""
FORM_TASK = "PandaLiftDumbbell-v1"
"""The task whose branch time and process noise are changed."""
METHODS = {"mse": "regression", "flow": "flow"}
"""The methods of the controls, and what they are called."""


class ControlSetting(NamedTuple):
    """How one policy is trained and tried."""

    table: str
    """`controls`, `limits` or `form`."""
    condition: str
    """What is changed, in the words of the table."""
    method: str
    """What is trained."""
    regime: str = "bi50"
    """Which modes are demonstrated."""
    episodes: int = 300
    """Number of demonstrations."""
    noise: float = PROCESS_NOISE
    """Process noise of the demonstrations [m]."""
    steps: int | None = None
    """Optimiser steps; None takes the method's budget."""
    change: str = ""
    """`wide` or `early` for a changed task."""
    n_action_steps: int = 8
    """Actions executed of each chunk."""
    forgiving: bool = False
    """Whether touching what is forbidden neither ends nor fails an episode."""
    recipe: Recipe | None = None
    """Of the regression; None for that of `mse`."""
    ensembled: bool = False
    """Whether overlapping chunks are averaged (temporal ensembling), one action executed of each average."""

    @property
    def name(self) -> str:
        """What its result is called on disk."""
        return f"{self.table}: {self.condition}, {self.method}"

    @property
    def training(self) -> tuple:
        """What is equal for policies that learn from the same demonstrations, equally long."""
        return self.regime, self.episodes, self.noise, self.steps, self.change, self.recipe


CONTROLS = tuple(
    ControlSetting("controls", regime, method, regime) for regime in REGIMES for method in METHODS
)
PLAIN_L1 = next(one for one in RECIPES if not one.averaged)._replace(error="absolute")
"""A regression of the absolute error as one writes it first: the same network, Adam, the last weights."""
LIMITS = (
    ControlSetting("limits", "as certified", "mse"),
    ControlSetting("limits", "executes 4", "mse", n_action_steps=4),
    ControlSetting("limits", "executes 1", "mse", n_action_steps=1),
    ControlSetting("limits", "plain L1, executes 4", "mse", n_action_steps=4, recipe=PLAIN_L1),
    ControlSetting("limits", "plain L1, executes 1", "mse", n_action_steps=1, recipe=PLAIN_L1),
    ControlSetting("limits", "ensembled", "mse", ensembled=True),
    ControlSetting("limits", "start ±20 mm", "mse", change="wide"),
    ControlSetting("limits", "touching allowed", "mse", forgiving=True),
    ControlSetting("limits", "unpaired", "mse", UNPAIRED),
    ControlSetting("limits", "100 demos", "mse", episodes=100),
    ControlSetting("limits", "1,000 demos", "mse", episodes=1000),
    ControlSetting("limits", "3x training", "mse", steps=3000),
)
FORM = tuple(
    ControlSetting("form", condition, method, noise=noise, change=change)
    for condition, noise, change in (
        ("late, 0 mm", 0.0, ""),
        ("late, 1 mm", 0.001, ""),
        ("late, 2 mm", 0.002, ""),
        ("late, 5 mm", 0.005, ""),
        ("early, 1 mm", 0.001, "early"),
    )
    for method in METHODS
)
"""What is measured of every task, and of `FORM_TASK`."""


class ControlResult(NamedTuple):
    """What came out of one setting."""

    table: str
    condition: str
    method: str
    """As in `ControlSetting`."""
    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""


class TaskControls(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    results: tuple[ControlResult, ...]
    """In the order of the settings."""

    def success(self, table: str, condition: str, method: str = "mse") -> float | None:
        """Return the success of a setting, None when it was not measured."""
        wanted = (table, condition, method)
        return next((one.success for one in self.results if one[:3] == wanted), None)


def changed(task: Task, change: str) -> Task:
    """Return a task with a wide start, or whose modes part at the first step; it has scenes of its own."""
    if not change:
        return task
    if change == "wide":
        x, _, z = task.hand_spread
        changes: dict = {"hand_spread": (x, WIDE, z)}
    else:
        if not isinstance(task, LiftTask):
            raise ValueError(f"{task.id} has no early form")
        start = (*task.hand_start[:2], task.decision_z)
        changes = {"hand_start": start, "hand_spread": (0.005, 0.003, 0.0), "shared_steps": 0}
    other = type(task)()
    for name, value in {"id": f"{task.id}+{change}", **changes}.items():
        setattr(other, name, value)
    return other


def try_controls(task_id: str, settings: Sequence[ControlSetting]) -> list[ControlResult]:
    """Train and try the policies of settings that share one training."""
    first = settings[0]
    task = changed(load_task(task_id), first.change)
    episodes = whole_scenes(task, first.episodes)
    results = []
    with TemporaryDirectory(prefix="bimodal-validity-") as folder:
        training = TaskTraining(task, Path(folder), episodes, first.regime, first.noise, first.steps)
        for setting in settings:
            policy = _policy(training, setting)
            result = run_trial(task, policy, TRIAL_SEEDS, setting.forgiving)
            rarest = result.minority(len(task.modes))
            results.append(ControlResult(*setting[:3], success=result.rate, rarest=rarest))
    return results


def _policy(training: TaskTraining, setting: ControlSetting) -> Policy:
    """Return the policy of a setting, trained if need be."""
    n = setting.n_action_steps
    if setting.recipe:
        from ...policies.training.regressions import regression, train_regression  # torch, where it is used

        kind = regression(setting.recipe)
        weights = checkpoint_path(training.folder / "recipe", training.task.id, kind.method)
        if not weights.is_file():
            train_regression(setting.recipe, training.file, 0, training.folder / "recipe")
        return kind(training.task, weights, n)
    policy = training.policy(TrialSetting(setting.method, 0, n))
    if not setting.ensembled:
        return policy
    from ...policies.temporal_ensemble import TemporalEnsemble

    return TemporalEnsemble(policy)


def measure_controls(
    tasks: Iterable[Task],
    controls: bool = True,
    limits: bool = True,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = STUDIES,
) -> list[TaskControls]:
    """Measure what is not known yet of some tasks, and return all that is known of them.

    Args:
        tasks: the tasks.
        controls: whether to measure the controls, and the form of `FORM_TASK`.
        limits: whether to measure the limits.
        workers: processes; the result does not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of trainings done, and their total.
        folder: where results are kept, a file a task, as they come.
    """
    stores = {task.id: _store(task, folder) for task in tasks}
    calls = {}
    for task_id, store in stores.items():
        settings = {setting.name: setting for setting in _settings(task_id, controls, limits)}
        wanted = [settings[name] for name in store.missing(settings, fresh)]
        for training in dict.fromkeys(setting.training for setting in wanted):
            shared = [setting for setting in wanted if setting.training == training]
            calls[task_id, training] = partial(try_controls, task_id, shared)
    tell = progress or (lambda text, done, total: None)
    tell("", 0, len(calls))
    for done, ((task_id, _), results) in enumerate(run_in_processes(calls, workers), 1):
        for result in results:
            stores[task_id].put(ControlSetting(*result[:3]).name, result)
        tell(f"{task_id} {results[0].condition}", done, len(calls))
    return [_known(task_id, store) for task_id, store in stores.items()]


def _settings(task_id: str, controls: bool, limits: bool) -> list[ControlSetting]:
    chosen = (CONTROLS if controls else ()) + (LIMITS if limits else ())
    return [*chosen, *(FORM if controls and task_id == FORM_TASK else ())]


def _known(task_id: str, store: MeasurementStore[ControlResult]) -> TaskControls:
    """Return what a store holds of a task, in the order of the settings."""
    found = store.values()
    names = [setting.name for setting in (*CONTROLS, *LIMITS, *FORM)]
    ordered = tuple(found[name] for name in names if name in found)
    return TaskControls(task_id, store.identity["fingerprint"], ordered)


def _store(task: Task, folder: Path) -> MeasurementStore[ControlResult]:
    measured_on = {"fingerprint": fingerprint(task), "versions": versions()}
    return MeasurementStore(folder / f"{task.id}.json", measured_on, ControlResult)
