"""Tries to make regression succeed: other errors, other networks, another trainer.

Gate 5 of a certificate asks one recipe. A task is bimodal for regression only if no sensible recipe succeeds,
so this panel looks for the strongest one. Called by `bimodal certify --regressions`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ...policies.training.recipes import RECIPES, Recipe
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ...tasks.demonstrations.regimes import whole_scenes
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from .learning_gates import TRIAL_SEEDS, TaskTraining
from .store import FOLDER
from .trials import run_trial

FOUND = FOLDER.parent / "regressions"
"""Where findings lie, relative to the working directory."""
SEEDS = 5
"""Training seeds of each recipe."""


class RegressionResult(NamedTuple):
    """How often one recipe succeeds on a task, executing 8 of 16 actions."""

    recipe: str
    """In words."""
    success: tuple[float, ...]
    """Share of the episodes, by training seed."""


class TaskRegressions(NamedTuple):
    """All that was measured of one task."""

    task: str
    """Task id."""
    fingerprint: str
    """Of the task that was measured."""
    results: tuple[RegressionResult, ...]
    """In the order of `RECIPES`."""

    @property
    def strongest(self) -> RegressionResult:
        """The recipe with the best training."""
        return max(self.results, key=lambda result: max(result.success))


def try_recipe(
    task_id: str,
    recipe: Recipe,
    folder: Path,
    episodes: int = 300,
    seeds: int = SEEDS,
    trial: range = TRIAL_SEEDS,
) -> RegressionResult:
    """Train a recipe with several seeds and count the successes of each; the same bits in any process.

    The demonstrations of the task lie in the folder, or are put there for the next recipe.
    """
    from ...policies.training.regressions import regression, train_regression  # torch, only where it is used

    task = load_task(task_id)
    shown = TaskTraining(task, folder, whole_scenes(task, episodes)).file
    with TemporaryDirectory(prefix="bimodal-regressions-") as weights:
        trained = [train_regression(recipe, shown, seed, Path(weights) / str(seed)) for seed in range(seeds)]
        kind = regression(recipe)
        rates = tuple(run_trial(task, kind(task, path), trial).rate for path in trained)
    return RegressionResult(str(recipe), rates)


def measure_regressions(
    names: Iterable[str],
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOUND,
) -> list[TaskRegressions]:
    """Try the recipes that are not known yet of tasks, and return all that is known of them.

    Args:
        names: ids of tasks.
        workers: processes; the result does not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of recipes done, and their total.
        folder: where results are kept, a file a task, as they come.
    """
    recipes = {str(recipe): recipe for recipe in RECIPES}
    stores = {name: _store(load_task(name), folder) for name in names}
    calls = {
        (name, recipe): partial(try_recipe, name, recipes[recipe], _demonstrations(store))
        for name, store in stores.items()
        for recipe in store.missing(recipes, fresh)
    }
    measure_into(stores, calls, workers, progress)
    return [_known(name, store, recipes) for name, store in stores.items()]


def known_regressions(names: Iterable[str], folder: Path = FOUND) -> list[TaskRegressions]:
    """Return the results of those of some tasks with which every recipe was tried; measures nothing."""
    found = [_known(name, _store(load_task(name), folder), map(str, RECIPES)) for name in names]
    return [one for one in found if len(one.results) == len(RECIPES)]


def _demonstrations(store: MeasurementStore[RegressionResult]) -> Path:
    """Return where the demonstrations of a store's task lie; they are of one version of the task."""
    return store.file.with_suffix("") / store.identity["fingerprint"][:16]


def _known(name: str, store: MeasurementStore[RegressionResult], recipes: Iterable[str]) -> TaskRegressions:
    """Return what a store holds of a task, in the order of the recipes."""
    found = store.values()
    results = tuple(found[recipe] for recipe in recipes if recipe in found)
    return TaskRegressions(name, store.identity["fingerprint"], results)


def _store(task: Task, folder: Path) -> MeasurementStore[RegressionResult]:
    identity = {
        "fingerprint": fingerprint(task),
        "recipes": [tuple(one) for one in RECIPES],
        "versions": versions(),
    }
    return MeasurementStore(folder / f"{task.id}.json", identity, RegressionResult)
