"""The optimiser loop: AdamW along a half cosine, averaged weights, and a state that can be resumed."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ...envs.errors import BimodalError
from ..core.chunk_policy import ChunkPolicy, GetBatch, Learned
from ..core.dataset import batches
from ..core.devices import made_on
from .resume import ResumeFile, TrainingState

WEIGHT_DECAY = 1e-6
"""Of AdamW."""
EMA_LIMIT = 0.995
"""The averaged weights keep min(limit, 1 - (1 + i)^-power) of themselves at step i."""
EMA_POWER = 0.75
"""See `EMA_LIMIT`."""

Progress = Callable[[int, int, float], None]
"""Called after every step with the number of steps done in all stages, their total, and the loss."""


def fit(
    kind: type[ChunkPolicy],
    network: nn.Module,
    get_batch: GetBatch,
    count: int,
    steps: int,
    batch: int,
    generator: torch.Generator,
    progress: Progress | None = None,
    resume: ResumeFile | None = None,
) -> Learned:
    """Minimise a method's loss; return averaged weights, and the mean loss of the last hundred steps.

    The method is `kind`; the other arguments are those of `ChunkPolicy.learn`, and optimiser `steps` with
    `batch` windows each. The network goes on from its present weights. `resume` is where the state is saved;
    it is removed, with a BimodalError, once the loss is no longer finite.
    """
    state = _first_state(kind, network, generator)
    walk = list(batches(count, batch, steps, generator))
    if resume:
        resume.load(state)
    for i in range(len(state.losses), steps):
        _step(kind, network, state, get_batch, walk[i], steps)
        if not math.isfinite(state.losses[-1]):
            raise _broken(kind, f"at step {i} (loss {state.losses[-1]})", resume)
        if resume:
            resume.save(state, steps)
        if progress:
            progress(i + 1, steps, state.losses[-1])
    if not all(bool(weights.isfinite().all()) for weights in state.averaged.values()):
        raise _broken(kind, "at its last step", resume)
    return state.averaged, float(np.mean(state.losses[-100:]))


def _first_state(kind: type[ChunkPolicy], network: nn.Module, generator: torch.Generator) -> TrainingState:
    """Return the state before the first step."""
    live = {name: parameter.detach() for name, parameter in network.named_parameters()}
    averaged = {name: weights.clone() for name, weights in live.items()}
    rate = kind.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=WEIGHT_DECAY, fused=True)
    return TrainingState(live, averaged, optimiser, generator)


def _step(
    kind: type[ChunkPolicy],
    network: nn.Module,
    state: TrainingState,
    get_batch: GetBatch,
    rows: Tensor,
    steps: int,
) -> None:
    """Take the next of so many steps, on the windows `rows` (B,)."""
    # 1. the gradient, at a rate that falls along a half cosine
    i = len(state.losses)
    rate = kind.learning_rate * (1 + math.cos(math.pi * i / steps)) / 2
    state.optimiser.param_groups[0]["lr"] = rate
    state.optimiser.zero_grad(set_to_none=True)
    with made_on(next(iter(state.live.values())).device):
        loss = kind.loss(network, get_batch(rows), state.generator)
    loss.backward()
    state.losses.append(loss.item())
    # 2. the step, and the running average
    state.optimiser.step()
    keep = min(EMA_LIMIT, 1 - (1 + i) ** -EMA_POWER)
    torch._foreach_lerp_(list(state.averaged.values()), list(state.live.values()), 1 - keep)


def _broken(kind: type[ChunkPolicy], where: str, resume: ResumeFile | None) -> BimodalError:
    """Build the error for a training that diverged, and forget its state."""
    if resume:
        resume.remove()
    return BimodalError(f"training of {kind.method} broke down {where}; nothing was saved")
