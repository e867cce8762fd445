"""Gates for pictures: a flow succeeds from them in every mode, and no regression from the same pictures does.

A certificate is of policies that read poses; from pictures a regression may escape averaging. So this panel
looks for the strongest of several. Called by `bimodal certify --vision`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.registry import SHIPPED_CHECKPOINTS
from ...policies.training.recipes import PictureRecipe
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.demonstrations.collect import load
from ..number_text import percent
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from ..train_all import Shows, Training, TrainingOptions, demonstrate, episodes_of, fits, regime_of
from .learning_checks import FAIR, FLOW_FLOOR, MSE_CEILING, ORACLE_FLOOR
from .learning_gates import TRIAL_SEEDS
from .trials import run_trial

FOUND = RUNS / "certificates-vision"
"""Where findings and weights lie, relative to the working directory."""
FLOW = "vision_flow"
"""The policy that is to succeed; the recipes read what its encoder says."""
OWN = "vision_mse"
"""The regression with an encoder of its own, trained end to end and then frozen."""
TOLD = PictureRecipe("features", told=True)
"""The same network as one of the regressions, told which mode to take."""
REGRESSIONS = {OWN: 3, str(PictureRecipe("features")): 3, str(PictureRecipe("poses")): 3}
"""Regressions from pictures, and with how many training seeds each is tried."""
PANEL = {FLOW: 1, str(TOLD): 1, **REGRESSIONS}
"""All that is tried of a task, and with how many training seeds."""
_RECIPES = {str(recipe): recipe for recipe in (TOLD, PictureRecipe("features"), PictureRecipe("poses"))}


class PictureTrial(NamedTuple):
    """What one training reaches from pictures, executing 8 of 16 actions."""

    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""


class PictureCertificate(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    trials: dict[str, tuple[PictureTrial, ...]]
    """By policy of `PANEL`, a training each; none for what is not measured yet."""

    @property
    def strongest(self) -> tuple[str, PictureTrial] | None:
        """The regression with the best training, None if none was tried."""
        tried = [(name, trial) for name in REGRESSIONS for trial in self.trials[name]]
        return max(tried, key=lambda one: one[1].success, default=None)

    @property
    def missing(self) -> int:
        """How many trainings are not measured yet."""
        return sum(seeds - len(self.trials[name]) for name, seeds in PANEL.items())

    @property
    def failures(self) -> list[str]:
        """What speaks against the task, in words."""
        fair = FAIR / len(load_task(self.task).modes)
        found = []
        for flow in self.trials[FLOW]:
            if flow.success < FLOW_FLOOR or flow.rarest < fair:
                shares = f"{percent(flow.success)} %, rarest mode {percent(flow.rarest)} %"
                found.append(f"{FLOW} reaches {shares}")
        told = [trial.success for trial in self.trials[str(TOLD)]]
        if told and min(told) < ORACLE_FLOOR:
            found.append(f"the regression that is told the mode reaches {percent(min(told))} %")
        if self.strongest and self.strongest[1].success >= MSE_CEILING:
            name, trial = self.strongest
            found.append(f"regression reaches {percent(trial.success)} % ({name})")
        return found

    @property
    def certified(self) -> bool:
        """Whether everything was measured and nothing speaks against the task."""
        return not self.failures and not self.missing


def measure_pictures(
    names: Iterable[str],
    shows: Shows,
    workers: int = 1,
    seeds: int = 3,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOUND,
) -> list[PictureCertificate]:
    """Try what is not known yet of tasks, and return all that is known of them.

    Args:
        names: ids of tasks.
        shows: says where demonstrations lie; they are made if they are missing.
        workers: processes; the result does not depend on them.
        seeds: training seeds of each regression now, at most; the first ones of all tasks come first.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of trainings done, and their total.
        folder: where results are kept, a file a task, as they come.
    """
    stores = {name: _store(name, folder) for name in names}
    files = {name: shows(name, regime_of(FLOW), episodes_of(name, FLOW), 0) for name in stores}
    known = {name: set() if fresh else set(store.values()) for name, store in stores.items()}
    # the flow first, as the recipes read what its encoder says; then seed by seed, all tasks each time, and
    # what may fail a task before what cannot
    calls = {
        (name, key(policy, seed)): partial(try_training, name, policy, seed, files[name], folder)
        for seed in range(seeds)
        for policy in (FLOW, *REGRESSIONS, str(TOLD))
        for name in stores
        if seed < PANEL[policy] and key(policy, seed) not in known[name]
    }
    first = {place: call for place, call in calls.items() if place[1] == key(FLOW, 0)}
    for part in (first, {place: call for place, call in calls.items() if place not in first}):
        measure_into(stores, part, workers, progress)
    return known_pictures(stores, folder)


def known_pictures(names: Iterable[str], folder: Path = FOUND) -> list[PictureCertificate]:
    """Return what is known of those of some tasks of which anything is; measures nothing."""
    found = []
    for name in names:
        store = _store(name, folder)
        values = store.values()
        trials = {
            policy: tuple(values[key(policy, seed)] for seed in range(seeds) if key(policy, seed) in values)
            for policy, seeds in PANEL.items()
        }
        if values:
            found.append(PictureCertificate(name, store.identity["fingerprint"], trials))
    return found


def try_training(task_id: str, policy: str, seed: int, shown: Path, folder: Path) -> PictureTrial:
    """Train a policy of `PANEL` and try it; the same bits in any process.

    Weights that come with the package are not trained again if they are what this training makes.
    """
    from ...policies.training.picture_regressions import (  # torch, only where it is used
        picture_regression,
        train_picture_regression,
    )
    from ...policies.training.train import METHODS

    task = load_task(task_id)
    with TemporaryDirectory(prefix="bimodal-pictures-") as weights:
        recipe = _RECIPES.get(policy)
        if recipe is None:
            tried = METHODS[policy](task, _trained(task_id, policy, seed, shown, folder))
        else:
            encoder = _trained(task_id, FLOW, 0, shown, folder)
            path = train_picture_regression(recipe, encoder, shown, seed, Path(weights))
            tried = picture_regression(recipe)(task, path)
        result = run_trial(task, tried, TRIAL_SEEDS)
    return PictureTrial(result.rate, result.minority(len(task.modes)))


def key(policy: str, seed: int) -> str:
    """Return the name of a training in the store."""
    return f"{policy}, seed {seed}"


def _trained(task_id: str, method: str, seed: int, shown: Path, folder: Path) -> Path:
    """Return the weights of a method: those that come with the package, or that are there, or new ones."""
    from ...policies.training.train import TrainOptions, train

    demonstrate(task_id, method, shown)
    meta = load(shown).meta
    for options in (TrainingOptions(SHIPPED_CHECKPOINTS), TrainingOptions(folder / "weights")):
        place = options.folder(seed)
        if fits(Training(task_id, method, seed), place, options, meta):
            return checkpoint_path(place, task_id, method)
    return train(method, shown, place, TrainOptions(seed=seed))


def _store(task_id: str, folder: Path) -> MeasurementStore[PictureTrial]:
    weights = checkpoint_path(SHIPPED_CHECKPOINTS, task_id, FLOW)
    identity = {
        "fingerprint": fingerprint(load_task(task_id)),
        "panel": PANEL,
        "encoder": sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "",
        "versions": versions(),
    }
    return MeasurementStore(folder / f"{task_id}.json", identity, PictureTrial)
