"""Training of a method, from demonstrations to a checkpoint; called by `bimodal train` and certificates."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ...envs.errors import BimodalError, unknown_name
from ...envs.seed_ranges import checked_seed
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, GetBatch, Learned
from ..core.dataset import Extent, load_demonstrations
from ..core.devices import enough_memory, find_device
from ..core.registry import own_names, policy_class
from ..critic import Critic
from ..networks.layers import count_parameters
from .fit import Progress, fit
from .presets import USUAL, checked_past, find_preset
from .resume import ResumeFile, digest_of
from .training_batches import batch_getter, make_config, training_settings


class TrainOptions(NamedTuple):
    """How to train."""

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
    n_obs_steps: int = 1
    """Control steps whose observations the policy reads: this one and those before."""


DEFAULT = TrainOptions()
"""Makes the weights that are published."""


def _methods() -> dict[str, type[ChunkPolicy]]:
    """Return the registered policies that are trained: those whose weights bear their own name."""
    found = {name: policy_class(name) for name in own_names()}
    return {
        name: kind for name, kind in found.items() if issubclass(kind, ChunkPolicy) and kind.method == name
    }


METHODS = _methods() | {Critic.method: Critic}
"""What can be trained, by name: the registered policies, and the critic of `best_of_n(...)`."""


def train(
    method: str | type[ChunkPolicy],
    demonstrations: Path,
    out_dir: Path,
    options: TrainOptions = DEFAULT,
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Train a method on demonstrations and save it; equal arguments give equal bits on a CPU.

    An interrupted training goes on, to the same bits; an older checkpoint stays until this one ends well.

    Args:
        method: one of `METHODS`, or a subclass of one, whose checkpoint bears its name.
        demonstrations: an npz file.
        out_dir: folder of checkpoints; the .safetensors file in it is returned.
        options: how to train.
        progress: see `Progress`.
        notice: called with a line about what became of an interrupted training.

    Raises:
        BimodalError: unknown method, impossible past, unusable demonstrations, little memory, loss diverges.
    """
    kind = _kind(method)
    steps = budget(kind.method, options.preset, options.steps)
    sizes = find_preset(options.preset, bool(kind.cameras))
    reach = max(kind.chunk_size, kind.planned.stop)
    extent = Extent(reach, max(checked_past(options.n_obs_steps), kind.least_obs_steps), sizes.image_size)
    device = find_device(options.device, wide=not sizes.ships)
    torch.set_num_threads(1)
    with enough_memory(sizes.batch, options.preset, device):
        loaded = load_demonstrations(demonstrations)
        windows = kind.windows(demonstrations, loaded, extent)
        config = make_config(kind, loaded.meta, windows, _settings(kind, steps, options, device))
        path = checkpoints.checkpoint_path(out_dir, config.task, kind.method)
        resume = partial(ResumeFile, path, digest_of(config), notice, options.fresh)
        stages = _Stages(kind, config, windows.count, device, resume, progress)
        learned = stages.learn(batch_getter(kind, config, windows, device))
    stages.save(path, learned, checkpoints.SIZE_LIMIT if sizes.ships else checkpoints.LARGE_LIMIT)
    return path


def _settings(kind: type[ChunkPolicy], steps: int, options: TrainOptions, device: str) -> dict[str, Any]:
    """Return what the checkpoint says of how it was trained; see `training_settings`."""
    seed = checked_seed(options.seed, 32)
    return training_settings(steps, seed, options.preset, device, bool(kind.cameras))


@dataclass
class _Stages:
    """One training: its networks, fitted stage by stage, each with a resume file of its own."""

    kind: type[ChunkPolicy]
    config: checkpoints.Config
    count: int
    """Windows."""
    device: str
    resume: Callable[[str], ResumeFile]
    """Returns the file of a stage; "" is the last one."""
    progress: Progress | None
    files: list[ResumeFile] = field(default_factory=list)
    """Of the stages that were begun."""

    def __post_init__(self) -> None:
        """Build the networks."""
        self.generator = torch.Generator().manual_seed(self.config.training["seed"])
        self.network = self.kind.build(self.config, self.generator).to(self.device)

    def learn(self, get_batch: GetBatch) -> Learned:
        """Train all stages."""
        return self.kind.learn(self.network, get_batch, self.count, self.generator, self._fit)

    def _fit(self, stage: type[ChunkPolicy], get_batch: GetBatch) -> Learned:
        """Minimise the loss of one stage; see `Fit`."""
        card = self.config.training
        each = self.kind.stage_steps(card["steps"])
        steps = each[len(self.files)]
        before = sum(each[: len(self.files)])
        self.files.append(self.resume("" if stage is self.kind else stage.method))

        def report(done: int, _: int, loss: float) -> None:
            if self.progress:
                self.progress(before + done, sum(each), loss)

        sizes = (self.count, steps, card["batch"])
        return fit(stage, self.network, get_batch, *sizes, self.generator, report, self.files[-1])

    def save(self, path: Path, learned: Learned, limit: int) -> None:
        """Write the checkpoint; only then may the states go."""
        weights, loss = learned
        half = self.kind.half_precision
        weights = {name: (part.half() if half else part).cpu() for name, part in weights.items()}
        training = {**self.config.training, "loss": loss}
        config = replace(self.config, parameters=count_parameters(self.network), training=training)
        checkpoints.save(path, config, weights, limit)
        for file in self.files:
            file.remove()


def budget(method: str, preset: str = USUAL, steps: int | None = None) -> int:
    """Return the optimiser steps of a stage of a method in a preset, unless `steps` says how many.

    Raises:
        BimodalError: no such method, or no steps at all.
    """
    kind = _kind(method)
    if steps is None:
        return max(1, round(kind.training_steps * find_preset(preset).steps))
    if steps < 1:
        raise BimodalError(f"cannot train for {steps} steps; 1 or more are possible")
    return steps


def _kind(method: str | type[ChunkPolicy]) -> type[ChunkPolicy]:
    """Return the class of a method; a class is one already.

    Raises:
        WrongUse: no such method.
    """
    if not isinstance(method, str):
        return method
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    return METHODS[method]
