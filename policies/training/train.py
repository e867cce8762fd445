"""Training of a method, from demonstrations to a checkpoint; called by `bimodal train` and certificates."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from ...envs.errors import BimodalError, unknown_name
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, GetBatch, Learned
from ..core.dataset import load_demonstrations, make_windows
from ..core.devices import enough_memory, find_device
from ..core.registry import BUILT_IN, policy_class
from ..networks.layers import count_parameters
from .fit import Progress, fit
from .presets import USUAL, find_preset
from .resume import ResumeFile, digest_of
from .training_batches import batch_getter, make_config, training_settings


class TrainOptions(NamedTuple):
    """How to train; the default makes the weights that are published."""

    steps: int | None = None
    """Optimiser steps of a stage; None takes the method's budget times the preset's."""
    seed: int = 0
    """Of the initial weights, the batches and the noise."""
    preset: str = USUAL
    """One of `PRESETS`."""
    device: str = "auto"
    """One of `DEVICES`."""
    fresh: bool = False
    """Whether to begin anew where an interrupted training could go on."""


def _methods() -> dict[str, type[ChunkPolicy]]:
    """Return the registered policies that are trained: those whose weights bear their own name."""
    found = {name: policy_class(name) for name in BUILT_IN}
    return {
        name: kind for name, kind in found.items() if issubclass(kind, ChunkPolicy) and kind.method == name
    }


METHODS = _methods()
"""What can be trained, by registered name."""


def train(
    method: str,
    demonstrations: Path,
    out_dir: Path,
    options: TrainOptions = TrainOptions(),  # noqa: B008
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Train a method on a file of demonstrations and save it; equal arguments give equal bits on a CPU.

    A training that was interrupted goes on where its last state was written, to the same bits.

    Args:
        method: one of `METHODS`.
        demonstrations: an npz file.
        out_dir: folder of checkpoints; the task's folder in it is made if needed.
        options: how to train.
        progress: see `Progress`.
        notice: called with a line about what became of an interrupted training.

    Returns:
        The .safetensors file. An older one of that name stays untouched until training has ended well.

    Raises:
        BimodalError: unknown method, unusable demonstrations, too little memory, or a loss that is no longer
            finite.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    kind = METHODS[method]
    sizes = find_preset(options.preset)
    steps = budget(method, options.preset, options.steps)
    device = find_device(options.device, wide=not sizes.ships)
    torch.set_num_threads(1)
    loaded = load_demonstrations(demonstrations)
    with enough_memory(sizes.batch, options.preset, device):
        # 1. what is learnt, by which networks
        windows = make_windows(loaded, max(kind.chunk_size, kind.planned.stop))
        settings = training_settings(steps, options.seed, options.preset, device)
        config = make_config(kind, loaded.meta, windows, settings)
        generator = torch.Generator().manual_seed(options.seed)
        network = kind.build(config, generator).to(device)
        # 2. all stages
        path = checkpoints.checkpoint_path(out_dir, config.task, method)
        resume = partial(ResumeFile, path, digest_of(config), notice, options.fresh)
        count = len(windows.observations)
        stages = _Stages(kind, network, count, steps, sizes.batch, generator, resume, progress)
        get_batch = batch_getter(kind, config, windows, device)
        learned = kind.learn(network, get_batch, count, generator, stages.fit)
    # 3. the checkpoint; only then may the states go
    limit = checkpoints.SIZE_LIMIT if sizes.ships else checkpoints.LARGE_LIMIT
    _save(path, kind, config, network, learned, limit)
    for file in stages.files:
        file.remove()
    return path


@dataclass
class _Stages:
    """Fits a method stage by stage, each with a resume file of its own; `fit` is handed to `learn`."""

    kind: type[ChunkPolicy]
    network: nn.Module
    count: int
    """Windows."""
    steps: int
    """Of each stage."""
    batch: int
    generator: torch.Generator
    resume: Callable[[str], ResumeFile]
    """Returns the file of a stage before the last one, of the last one for ""."""
    progress: Progress | None
    files: list[ResumeFile] = field(default_factory=list)
    """Of the stages that were begun."""

    def fit(self, stage: type[ChunkPolicy], get_batch: GetBatch) -> Learned:
        """Minimise the loss of a stage; see `Fit`."""
        before = len(self.files) * self.steps
        self.files.append(self.resume("" if stage is self.kind else stage.method))

        def report(done: int, _: int, loss: float) -> None:
            if self.progress:
                self.progress(before + done, self.kind.stages * self.steps, loss)

        sizes = (self.count, self.steps, self.batch)
        return fit(stage, self.network, get_batch, *sizes, self.generator, report, self.files[-1])


def _save(
    path: Path,
    kind: type[ChunkPolicy],
    config: checkpoints.Config,
    network: nn.Module,
    learned: Learned,
    limit: int,
) -> None:
    """Write the checkpoint of a training that has ended."""
    weights, loss = learned
    weights = {name: (part.half() if kind.half_precision else part).cpu() for name, part in weights.items()}
    training = {**config.training, "loss": loss}
    config = replace(config, parameters=count_parameters(network), training=training)
    checkpoints.save(path, config, weights, limit)


def budget(method: str, preset: str = USUAL, steps: int | None = None) -> int:
    """Return the optimiser steps of a stage of a method in a preset, unless `steps` says how many.

    Raises:
        BimodalError: no steps at all.
    """
    if steps is None:
        return max(1, round(METHODS[method].training_steps * find_preset(preset).steps))
    if steps < 1:
        raise BimodalError(f"cannot train for {steps} steps; 1 or more are possible")
    return steps
