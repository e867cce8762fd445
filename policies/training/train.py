"""Training of the chunk methods: one loop for all, a few seconds each on one core."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...envs.errors import BimodalError, unknown_name
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, Draw, Learned
from ..core.dataset import Batch, batches, load_demonstrations, make_windows
from ..core.devices import enough_memory, find_device, made_on
from ..decision_diffuser import DecisionDiffuser
from ..diffuser import Diffuser
from ..diffuser_lite import DiffuserLite
from ..diffusion import Diffusion
from ..diffusion_unet import UNetDiffusion
from ..diffusion_veteran import Veteran
from ..flow import Flow
from ..gmm import GMM
from ..mip import MIP
from ..mse import MSE
from ..mse_labelled import LabelledMSE
from ..mse_step import StepMSE
from ..nearest import Nearest
from ..networks.film_resnet import count_parameters
from ..reflow import Reflow
from .presets import PRESETS, USUAL, find_preset
from .resume import Keeper, Learning, digest_of
from .training_batches import describe, lesson, recipe

METHODS: dict[str, type[ChunkPolicy]] = {
    method.method: method
    for method in (
        MSE,
        LabelledMSE,
        MIP,
        Flow,
        Diffusion,
        UNetDiffusion,
        Reflow,
        GMM,
        StepMSE,
        Nearest,
        Diffuser,
        DecisionDiffuser,
        DiffuserLite,
        Veteran,
    )
}
"""What can be trained."""
WEIGHT_DECAY = 1e-6
"""Of AdamW."""
EMA_LIMIT, EMA_POWER = 0.995, 0.75
"""The averaged weights keep min(limit, 1 - (1 + i)^-power) of themselves at step i."""

Progress = Callable[[int, int, float], None]
"""Called after every step with the number of steps done in all stages, their total, and the loss."""


def train(
    method: str,
    demonstrations: Path,
    out_dir: Path,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    preset: str = USUAL,
    device: str = "auto",
    fresh: bool = False,
    notice: Callable[[str], None] | None = None,
) -> Path:
    """Train a method on a file of demonstrations and save it; equal arguments give equal bits on a CPU.

    A training that was interrupted goes on where its last state was written, to the same bits.

    Args:
        method: one of `METHODS`.
        demonstrations: an npz file.
        out_dir: folder of checkpoints; the task's folder in it is made if needed.
        steps: optimiser steps; None takes the method's budget times the preset's.
        seed: of the initial weights, the batches and the noise.
        progress: see `Progress`.
        preset: one of `PRESETS`.
        device: one of `DEVICES`.
        fresh: whether to begin anew where an interrupted training could go on.
        notice: called with a line about what became of an interrupted training.

    Returns:
        The .safetensors file. An older one of that name stays untouched until training has ended well.

    Raises:
        BimodalError: unknown method, unusable demonstrations, too little memory, or a loss that is no longer
            finite.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    kind, sizes, steps = METHODS[method], find_preset(preset), budget(method, preset, steps)
    device = find_device(device, wide=not sizes.ships)
    torch.set_num_threads(1)
    loaded = load_demonstrations(demonstrations)
    with enough_memory(sizes.batch, preset, device):
        windows = make_windows(loaded, max(kind.chunk_size, kind.planned.stop))
        config = describe(kind, loaded.meta, windows, recipe(steps, seed, preset, device))
        path = checkpoints.checkpoint_path(out_dir, config.task, method)
        digest, keepers = digest_of(config), []
        generator = torch.Generator().manual_seed(seed)
        network, draw = kind.build(config, generator).to(device), lesson(kind, config, windows, device)
        count = len(windows.observations)

        def learn(of: type[ChunkPolicy], draw: Draw) -> Learned:
            keepers.append(Keeper(path, digest, notice, "" if of is kind else of.method))
            if fresh:
                keepers[-1].discard()
            before = (len(keepers) - 1) * steps

            def report(done: int, _: int, loss: float) -> None:
                if progress:
                    progress(before + done, kind.stages * steps, loss)

            return fit(of, network, draw, count, steps, generator, report, sizes.batch, keepers[-1])

        weights, loss = kind.learn(network, draw, count, generator, learn)
    weights = {name: (part.half() if kind.halved else part).cpu() for name, part in weights.items()}
    parameters = count_parameters(network)
    config = replace(config, parameters=parameters, training={**config.training, "loss": loss})
    limit = checkpoints.SIZE_LIMIT if sizes.ships else checkpoints.LARGE_LIMIT
    checkpoints.save(path, config, weights, limit)
    for keeper in keepers:
        keeper.discard()
    return path


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


def fit(
    kind: type[ChunkPolicy],
    network: nn.Module,
    draw: Callable[[Tensor], Batch],
    count: int,
    steps: int,
    generator: torch.Generator,
    progress: Progress | None = None,
    batch: int = PRESETS[USUAL].batch,
    keeper: Keeper | None = None,
) -> tuple[dict[str, Tensor], float]:
    """Minimise a method's loss.

    Args:
        kind: the method.
        network: what it built, with fresh weights.
        draw: returns the windows of the given rows (B,) as a batch.
        count: number of windows.
        steps: optimiser steps.
        generator: of the batches and the noise.
        progress: see `Progress`.
        batch: windows in a step.
        keeper: of the state, so that the training can be interrupted.

    Returns:
        The averaged weights, and the mean loss of the last hundred steps.

    Raises:
        BimodalError: the loss is no longer finite.
    """
    live = {name: parameter.detach() for name, parameter in network.named_parameters()}
    averaged = {name: weights.clone() for name, weights in live.items()}
    rate = kind.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=WEIGHT_DECAY, fused=True)
    walk = list(batches(count, batch, steps, generator))
    learning, device = Learning(live, averaged, optimiser, generator), next(iter(live.values())).device
    if keeper:
        keeper.take_up(learning)
    losses = learning.losses
    for i in range(len(losses), steps):
        optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * i / steps)) / 2
        optimiser.zero_grad(set_to_none=True)
        with made_on(device):
            loss = kind.loss(network, draw(walk[i]), generator)
        loss.backward()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise _broken(kind, f"at step {i} (loss {losses[-1]})", keeper)
        optimiser.step()
        keep = min(EMA_LIMIT, 1 - (1 + i) ** -EMA_POWER)
        torch._foreach_lerp_(list(averaged.values()), list(live.values()), 1 - keep)
        if keeper:
            keeper.keep(learning, steps)
        if progress:
            progress(i + 1, steps, losses[-1])
    if not all(bool(weights.isfinite().all()) for weights in averaged.values()):
        raise _broken(kind, "at its last step", keeper)
    return averaged, float(np.mean(losses[-100:]))


def _broken(kind: type[ChunkPolicy], where: str, keeper: Keeper | None) -> BimodalError:
    """Build the error for a training that diverged, and forget its state."""
    if keeper:
        keeper.discard()
    return BimodalError(f"training of {kind.method} broke down {where}; nothing was saved")
