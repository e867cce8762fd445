"""Training of the chunk methods: one loop for all, a few seconds each on one core."""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..envs.errors import BimodalError, unknown_name
from ..envs.specs import ACTIONS, of_arms, size
from . import checkpoint as checkpoints
from .chunk_policy import ChunkPolicy, build_trunk, mode_labels
from .flow import Flow
from .mip import MIP
from .mse import MSE
from .mse_labelled import LabelledMSE
from .networks import ResFiLM, count_parameters
from .normaliser import Normaliser
from .windows import ACTION, HORIZON, Windows, batches, load_demonstrations, make_windows

METHODS: dict[str, type[ChunkPolicy]] = {method.method: method for method in (MSE, LabelledMSE, MIP, Flow)}
"""What can be trained."""
BATCH = 128
"""Windows in a step."""
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-6
"""Of AdamW; the rate falls to zero along a half cosine, without a warm-up."""
EMA_LIMIT, EMA_POWER = 0.995, 0.75
"""The averaged weights keep min(limit, 1 - (1 + i)^-power) of themselves at step i."""
EXECUTE, WIDTH, BLOCKS = 8, 128, 3
"""Actions executed of a chunk; size of the trunk."""

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
    windows = make_windows(loaded)
    config = describe(kind, loaded.meta, windows, steps, seed)
    generator = torch.Generator().manual_seed(seed)
    trunk = build_trunk(config, generator)
    chunks, conditions = training_tensors(config, windows)
    weights, loss = fit(kind, trunk, chunks, conditions, steps, generator, progress)
    config = replace(config, parameters=count_parameters(trunk), training={**config.training, "loss": loss})
    path = checkpoints.checkpoint_path(out_dir, config.task, method)
    checkpoints.save(path, config, weights)
    return path


def fit(
    kind: type[ChunkPolicy],
    trunk: ResFiLM,
    chunks: Tensor,
    conditions: Tensor,
    steps: int,
    generator: torch.Generator,
    progress: Progress | None = None,
) -> tuple[dict[str, Tensor], float]:
    """Minimise a method's loss over normalised chunks (M, H*A) and conditions (M, C).

    Returns:
        The averaged weights, and the mean loss of the last hundred steps.

    Raises:
        BimodalError: the loss is no longer finite.
    """
    live = {name: parameter.detach() for name, parameter in trunk.named_parameters()}
    averaged = {name: weights.clone() for name, weights in live.items()}
    optimiser = torch.optim.AdamW(trunk.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    losses = []
    for i, rows in enumerate(batches(len(chunks), BATCH, steps, generator)):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * i / steps)) / 2
        optimiser.zero_grad(set_to_none=True)
        loss = kind.loss(trunk, chunks[rows], conditions[rows], generator)
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
    arms = windows.chunks.shape[-1] // size(ACTIONS[ACTION])
    training = {
        "seed": seed,
        "steps": steps,
        "batch": BATCH,
        "windows": len(windows.chunks),
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
        action_normaliser=Normaliser.of_actions(windows.chunks[:, 0], of_arms(ACTIONS[ACTION], arms)),
        horizon=HORIZON,
        execute=EXECUTE,
        modes=modes,
        width=WIDTH,
        blocks=BLOCKS,
        parameters=0,
        training=training,
    )


def training_tensors(config: checkpoints.Config, windows: Windows) -> tuple[Tensor, Tensor]:
    """Return normalised flat chunks (M, H*A) and conditions (M, C), the mode label last."""
    chunks = config.action_normaliser.normalise(windows.chunks).reshape(len(windows.chunks), -1)
    seen = config.observation_normaliser.normalise(windows.observations)
    labels = mode_labels(windows.modes, config.modes)
    return torch.from_numpy(chunks), torch.from_numpy(np.concatenate([seen, labels], axis=1))
