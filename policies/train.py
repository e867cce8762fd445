"""Training of the chunk methods: one loop for all, a few seconds each on one core."""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..envs.errors import BimodalError, unknown_name
from ..envs.specs import ACTIONS, of_arms, size
from . import checkpoint as checkpoints
from .chunk_policy import ChunkPolicy, mode_labels
from .flow import Flow
from .mip import MIP
from .mse import MSE
from .mse_labelled import LabelledMSE
from .networks import count_parameters
from .normaliser import Normaliser
from .windows import ACTION, Batch, Windows, batches, load_demonstrations, make_windows

METHODS: dict[str, type[ChunkPolicy]] = {method.method: method for method in (MSE, LabelledMSE, MIP, Flow)}
"""What can be trained."""
BATCH = 128
"""Windows in a step."""
WEIGHT_DECAY = 1e-6
"""Of AdamW."""
EMA_LIMIT, EMA_POWER = 0.995, 0.75
"""The averaged weights keep min(limit, 1 - (1 + i)^-power) of themselves at step i."""
WIDTH, BLOCKS = 128, 3
"""Size of the trunk."""

Progress = Callable[[int, int, float], None]
"""Called after every step with the number of steps done, their total, and the loss."""


def train(
    method: str,
    demonstrations: Path,
    out_dir: Path,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Train a method on a file of demonstrations and save it; equal arguments give equal bits.

    Args:
        method: one of `METHODS`.
        demonstrations: an npz file.
        out_dir: folder of checkpoints; the task's folder in it is made if needed.
        steps: optimiser steps; None takes the method's budget.
        seed: of the initial weights, the batches and the noise.
        progress: see `Progress`.

    Returns:
        The .safetensors file. An older one of that name stays untouched until training has ended well.

    Raises:
        BimodalError: unknown method, unusable demonstrations, or a loss that is no longer finite.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    kind = METHODS[method]
    steps = kind.training_steps if steps is None else steps
    if steps < 1:
        raise BimodalError(f"cannot train for {steps} steps; 1 or more are possible")
    torch.set_num_threads(1)
    loaded = load_demonstrations(demonstrations)
    windows = make_windows(loaded, max(kind.horizon, kind.planned.stop))
    config = describe(kind, loaded.meta, windows, steps, seed)
    generator = torch.Generator().manual_seed(seed)
    network = kind.build(config, generator)
    count = len(windows.observations)
    weights, loss = fit(kind, network, lesson(kind, config, windows), count, steps, generator, progress)
    if kind.halved:
        weights = {name: part.half() for name, part in weights.items()}
    parameters = count_parameters(network)
    config = replace(config, parameters=parameters, training={**config.training, "loss": loss})
    path = checkpoints.checkpoint_path(out_dir, config.task, method)
    checkpoints.save(path, config, weights)
    return path


def fit(
    kind: type[ChunkPolicy],
    network: nn.Module,
    draw: Callable[[Tensor], Batch],
    count: int,
    steps: int,
    generator: torch.Generator,
    progress: Progress | None = None,
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

    Returns:
        The averaged weights, and the mean loss of the last hundred steps.

    Raises:
        BimodalError: the loss is no longer finite.
    """
    live = {name: parameter.detach() for name, parameter in network.named_parameters()}
    averaged = {name: weights.clone() for name, weights in live.items()}
    rate = kind.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=WEIGHT_DECAY, fused=True)
    losses = []
    for i, rows in enumerate(batches(count, BATCH, steps, generator)):
        optimiser.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * i / steps)) / 2
        optimiser.zero_grad(set_to_none=True)
        loss = kind.loss(network, draw(rows), generator)
        loss.backward()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise BimodalError(
                f"training of {kind.method} broke down at step {i} (loss {losses[-1]}); nothing was saved"
            )
        optimiser.step()
        keep = min(EMA_LIMIT, 1 - (1 + i) ** -EMA_POWER)
        torch._foreach_lerp_(list(averaged.values()), list(live.values()), 1 - keep)
        if progress:
            progress(i + 1, steps, losses[-1])
    if not all(bool(weights.isfinite().all()) for weights in averaged.values()):
        raise BimodalError(f"training of {kind.method} broke down at its last step; nothing was saved")
    return averaged, float(np.mean(losses[-100:]))


def describe(
    kind: type[ChunkPolicy], meta: dict, windows: Windows, steps: int, seed: int
) -> checkpoints.Config:
    """Return the config of a method to be trained on all observation components, in file order.

    Args:
        kind: the method.
        meta: of the demonstrations file.
        windows: cut from it.
        steps: optimiser steps.
        seed: of the training.
    """
    modes = int(windows.modes.max()) + 1 if kind.labelled else 0
    if kind.labelled and modes < 2:
        raise BimodalError(f"{kind.method} needs demonstrations of at least two modes; these show one")
    arms = windows.actions.shape[-1] // size(ACTIONS[ACTION])
    training = {
        "seed": seed,
        "steps": steps,
        "batch": BATCH,
        "windows": len(windows.observations),
        "demonstrations": meta,
        "versions": {
            "bimodal": version("bimodal-bench"),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
    return checkpoints.Config(
        task=meta["task"],
        method=kind.method,
        observations=windows.components,
        observation_normaliser=Normaliser.of_observations(windows.observations),
        action=ACTION,
        action_normaliser=Normaliser.of_actions(windows.actions, of_arms(ACTIONS[ACTION], arms)),
        horizon=kind.horizon,
        execute=kind.executes,
        modes=modes,
        width=WIDTH,
        blocks=BLOCKS,
        parameters=0,
        training=training,
    )


def lesson(
    kind: type[ChunkPolicy], config: checkpoints.Config, windows: Windows
) -> Callable[[Tensor], Batch]:
    """Return a function that turns rows (B,) of the windows into a normalised batch."""
    actions = torch.from_numpy(config.action_normaliser.normalise(windows.actions))
    seen = torch.from_numpy(config.observation_normaliser.normalise(windows.observations))
    label = torch.from_numpy(mode_labels(windows.modes, int(windows.modes.max()) + 1))
    condition = torch.cat([seen, label], 1) if kind.labelled else seen
    ahead, returns = torch.from_numpy(windows.ahead), torch.from_numpy(windows.returns)
    chunk, planned = ahead[:, : kind.horizon], ahead[:, list(kind.planned)]

    def draw(rows: Tensor) -> Batch:
        return Batch(
            actions[chunk[rows]].flatten(1),
            condition[rows],
            seen[planned[rows]].flatten(1),
            label[rows],
            returns[rows],
        )

    return draw
