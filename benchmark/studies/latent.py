"""Measures what a latent variable does between two modes: `bimodal results --latent`, docs/latent.md.

Each cell is ACT with one weight of its latent on one task, trained with several seeds, and played by the mean
of the prior, by draws from it, and with temporal ensembling, on clean episodes of seeds that are in no panel.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.seed_ranges import VALIDATION
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..certificate.learning_gates import TaskTraining
from ..certificate.trials import run_trial
from ..provenance import versions
from ..records.measurement_store import MeasurementStore, measure_into
from ..records.run_folder import RUNS
from .samplers import TASKS

FOLDER = RUNS / "latent"
"""Where what was measured lies, a file a task, relative to the working directory."""
WEIGHTS = (10.0, 1.0, 0.1, 0.01, 0.001)
"""beta: the paper's, and smaller ones."""
SEEDS = 3
"""Trainings of a cell."""
EPISODES = VALIDATION[:100]
"""Of each training and way to act."""
SHOWN = 300
"""Demonstrations."""


class Played(NamedTuple):
    """What one training reaches by one way to act."""

    success: float
    """Share of the episodes."""
    rarest: float
    """Share of the rarest mode among the successes."""


class LatentCell(NamedTuple):
    """What came out of a cell, training by training."""

    nats: tuple[float, ...]
    """Divergence of the posterior from the prior, mean over the demonstrations [nats]: what z may tell."""
    mean: tuple[Played, ...]
    """Acting by z = 0, 8 actions executed."""
    drawn: tuple[Played, ...]
    """Acting by a z that is drawn at each decision, 8 actions executed."""
    ensemble: tuple[Played, ...]
    """Acting by z = 0 with temporal ensembling, 1 action executed: the paper's way."""


def try_weight(task_id: str, weight: float, folder: Path, steps: int | None = None) -> LatentCell:
    """Train with one weight and several seeds and play; the same bits in any process.

    Args:
        task_id: the task.
        weight: beta.
        folder: of the demonstrations, which are made if missing, and of the weights.
        steps: optimiser steps; None for the method's.
    """
    from ...policies.act import ACT, SampledACT  # torch, only where it is used
    from ...policies.temporal_ensemble import TemporalEnsemble
    from ...policies.training.train import TrainOptions, train

    class Weighted(ACT):
        kl_weight = weight

    class Drawn(SampledACT):
        method = "act"  # its weights

    task = load_task(task_id)
    shown = TaskTraining(task, folder, SHOWN).file
    nats = []
    ways: dict[str, list[Played]] = {"mean": [], "drawn": [], "ensemble": []}
    for seed in range(SEEDS):
        options = TrainOptions(steps=steps, seed=seed, fresh=True)
        path = train(Weighted, shown, folder / str(weight) / str(seed), options)
        nats.append(nats_told(ACT(task, path), shown))
        policies = (ACT(task, path), Drawn(task, path), TemporalEnsemble(ACT(task, path)))
        for played, policy in zip(ways.values(), policies, strict=True):
            result = run_trial(task, policy, EPISODES)
            played.append(Played(result.rate, result.minority(len(task.modes))))
    return LatentCell(tuple(nats), *map(tuple, ways.values()))


def nats_told(policy: Any, shown: Path) -> float:
    """Return the mean divergence of the posterior of demonstrated chunks from the prior [nats]."""
    import torch

    from ...policies.core.dataset import load_demonstrations, make_windows
    from ...policies.generative.losses import divergence
    from ...policies.training.training_batches import batch_getter

    windows = make_windows(load_demonstrations(shown), policy.chunk_size)
    batch = batch_getter(type(policy), policy.config, windows)(torch.arange(windows.count))
    with torch.inference_mode():
        return float(divergence(*policy.network.encode(batch.chunk, batch.condition)))


def measure_latent(
    tasks: Iterable[str] = TASKS,
    workers: int = 1,
    fresh: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path = FOLDER,
) -> dict[str, dict[float, LatentCell]]:
    """Measure what is not known yet of some tasks; return the cells by task and weight.

    Args:
        tasks: task ids.
        workers: processes; the cells do not depend on them.
        fresh: whether to measure again what the folder holds.
        progress: called with what was done last, the number of cells done, and their total.
        folder: where cells are kept as they come.
    """
    stores = {
        task: MeasurementStore(folder / f"{task}.json", _measured_on(task), LatentCell) for task in tasks
    }
    weights = {f"{weight:g}": weight for weight in WEIGHTS}
    calls = {
        (task, name): partial(try_weight, task, weights[name], folder / task)
        for task, store in stores.items()
        for name in store.missing(weights, fresh)
    }
    measure_into(stores, calls, workers, progress)
    return {
        task: {weights[name]: cell for name, cell in store.values().items()} for task, store in stores.items()
    }


def _measured_on(task_id: str) -> dict[str, Any]:
    """Return what must be the same for a kept value to count."""
    return {"fingerprint": fingerprint(load_task(task_id)), "versions": versions(), "seeds": SEEDS}
