"""Tries to make regression succeed: other errors, other networks, another trainer.

Gate 5 of a certificate asks one recipe. A task is bimodal for regression only if no sensible recipe succeeds,
so this panel looks for the strongest one. Called by `bimodal certify --regressions`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from ...policies.core import checkpoint as checkpoints
from ...policies.core.chunk_policy import ChunkPolicy
from ...policies.core.dataset import Batch, batches, load_demonstrations, make_windows
from ...policies.mse import MSE
from ...policies.networks.film_resnet import ResFiLM
from ...policies.networks.layers import Trunk, linear
from ...policies.training.fit import fit
from ...policies.training.presets import USUAL, find_preset
from ...policies.training.training_batches import batch_getter, make_config, training_settings
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ...tasks.core.task import Task
from ..processes import run_in_processes
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from .learning_gates import TRIAL_SEEDS, TaskTraining
from .store import FOLDER
from .trials import run_trial

FOUND = FOLDER.parent / "regressions"
"""Where findings lie, relative to the working directory."""
SEEDS = 5
"""Training seeds of each recipe."""
BATCH = find_preset(USUAL).batch
"""Windows of a step."""
ERRORS = {"squared": mse_loss, "absolute": l1_loss, "Huber": partial(huber_loss, delta=0.1)}
"""Errors that are minimised: their best answers are a mean, a median, and something between."""


class PlainMLP(nn.Module):
    """Two hidden layers of rectified linear units, as a beginner writes them; reads the condition alone."""

    def __init__(self, x_size: int, c_size: int, generator: torch.Generator, width: int) -> None:
        """Build a network that answers with flat chunks of `x_size` values (H*A)."""
        super().__init__()
        sizes = (c_size, width, width, x_size)
        self.layers = nn.ModuleList(linear(*pair, generator) for pair in pairwise(sizes))

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return chunks (B, H*A) for conditions c (B, C); `x` and `t` are not read."""
        first, second, last = self.layers
        return last(torch.relu(second(torch.relu(first(c)))))


class Recipe(NamedTuple):
    """One way to train a regression."""

    network: str
    """`ResFiLM`, the trunk of all methods here, or `MLP`."""
    width: int
    """Hidden width."""
    error: str
    """One of `ERRORS`."""
    averaged: bool
    """True for the trainer of all methods here: AdamW along a half cosine, and a running average of the
    weights. False for Adam at one rate, and the weights of its last step."""
    steps: int
    """Optimiser steps, 128 windows each."""
    learning_rate: float
    """At the first step."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.network} {self.width}, {self.error} error" + ", averaged" * self.averaged


RECIPES = (
    Recipe("ResFiLM", 128, "squared", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "absolute", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "Huber", True, 1000, 3e-3),
    Recipe("ResFiLM", 256, "squared", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "squared", False, 3000, 1e-3),
    Recipe("MLP", 256, "squared", False, 3000, 1e-3),
    Recipe("MLP", 256, "absolute", False, 3000, 1e-3),
)
"""All that are tried; the first is that of the board's `mse` and of gate 5."""


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


def regression(recipe: Recipe) -> type[ChunkPolicy]:
    """Return the method of a recipe; it writes and reads checkpoints of `mse`."""

    class Regression(MSE):
        learning_rate = recipe.learning_rate

        @classmethod
        def build(cls, config: checkpoints.Config, generator: torch.Generator) -> nn.Module:
            sizes = (config.chunk_values, config.condition_size, generator, recipe.width)
            return PlainMLP(*sizes) if recipe.network == "MLP" else ResFiLM(*sizes, config.blocks)

        @staticmethod
        def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
            guess = network(
                torch.zeros_like(batch.chunk), batch.chunk.new_zeros(len(batch.chunk)), batch.condition
            )
            return ERRORS[recipe.error](guess, batch.chunk)

    return Regression


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
    torch.set_num_threads(1)
    task = load_task(task_id)
    shown = TaskTraining(task, folder, episodes - episodes % len(task.modes)).file
    with TemporaryDirectory(prefix="bimodal-regressions-") as weights:
        trained = [_train(recipe, shown, seed, Path(weights) / str(seed)) for seed in range(seeds)]
        kind = regression(recipe)
        rates = tuple(run_trial(task, kind(task, path), trial).rate for path in trained)
    return RegressionResult(str(recipe), rates)


def _train(recipe: Recipe, shown: Path, seed: int, folder: Path) -> Path:
    """Train once on a file of demonstrations; return the checkpoint."""
    # 1. the windows and the network of the recipe
    kind = regression(recipe)
    demonstrations = load_demonstrations(shown)
    windows = make_windows(demonstrations, kind.chunk_size)
    count = len(windows.observations)
    config = make_config(kind, demonstrations.meta, windows, training_settings(recipe.steps, seed))
    generator = torch.Generator().manual_seed(seed)
    network = kind.build(config, generator)
    get_batch = batch_getter(kind, config, windows)
    # 2. the trainer of the recipe
    if recipe.averaged:
        weights, _ = fit(kind, network, get_batch, count, recipe.steps, BATCH, generator)
    else:
        optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate, fused=True)
        for rows in batches(count, BATCH, recipe.steps, generator):
            optimiser.zero_grad(set_to_none=True)
            kind.loss(network, get_batch(rows), generator).backward()
            optimiser.step()
        weights = network.state_dict()
    path = checkpoints.checkpoint_path(folder, config.task, kind.method)
    checkpoints.save(path, replace(config, width=recipe.width), weights, checkpoints.LARGE_LIMIT)
    return path


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
        for recipe in (recipes if fresh else store.missing(recipes))
    }
    tell = progress or (lambda text, done, total: None)
    tell("", 0, len(calls))
    for done, ((name, recipe), found) in enumerate(run_in_processes(calls, workers), 1):
        stores[name].put(recipe, found)
        tell(f"{name} {recipe}", done, len(calls))
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
