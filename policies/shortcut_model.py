"""Shortcut models: a flow that is told how far to go, so that a single step goes all the way to one mode."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..envs.errors import BimodalError
from ..tasks.core.task import Task
from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .networks.film_resnet import ResFiLM

FINEST = 16
"""Euler steps of the finest way; its steps are told to have the length 0, at which the flow is learnt."""
TOLD = (0.0, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Lengths d of a step that the network is told; each is two steps of the one before it."""
CONSISTENT_SHARE = 1 / 4
"""Share of a batch that learns long steps from short ones; the paper's k."""

StepTrunk = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""`trunk(x, t, d, c) -> y`: a trunk that is told the length d (B,) of the step to come, one of `TOLD`."""


class StepResFiLM(ResFiLM):
    """The trunk of all chunk methods, with the length of the step as a part of its condition."""

    def __init__(
        self, x_size: int, c_size: int, generator: torch.Generator, width: int = 128, blocks: int = 3
    ) -> None:
        """Build it; arguments as of `ResFiLM`."""
        super().__init__(x_size, c_size + len(TOLD), generator, width, blocks)

    def forward(self, x: Tensor, t: Tensor, d: Tensor, c: Tensor) -> Tensor:  # type: ignore[override]
        """Return y (B, H*A) for chunks x (B, H*A), times t (B,), lengths d (B,) and conditions c (B, C)."""
        told = (d[:, None] == d.new_tensor(TOLD)).to(c.dtype)
        return super().forward(x, t, torch.cat([c, told], dim=1))


class Shortcut(ChunkPolicy):
    """Frans et al. 2024, arXiv 2410.12557: one training, and any number of steps from 1 to 16.

    At t = 0 the noise says nothing of the chunk, so one step of a flow ends at the mean chunk. A network that
    is told how far the step goes can answer with the end of the way instead, which it learns from its own
    two steps of half the length. As the other methods here, it predicts the clean chunk, not the velocity,
    so that errors count (1 - t)^2 times as much as in the paper; the targets come from the present weights,
    not from averaged ones; the finest way has 16 steps, not 128.
    """

    name = "shortcut"
    method = "shortcut"
    description = "Shortcut model: a flow that learns from its own short steps to take a single long one."
    training_steps = 5000
    half_precision = True

    def __init__(
        self, task: Task, checkpoint: Path, n_action_steps: int | None = None, steps: int = 1
    ) -> None:
        """Load trained weights; arguments and errors as in `ChunkPolicy`.

        Further args:
            steps: from the noise to a chunk, a power of two up to 16.
        """
        super().__init__(task, checkpoint, n_action_steps)
        if steps not in (possible := [2**k for k in range(len(TOLD))]):
            listed = ", ".join(map(str, possible))
            raise BimodalError(f"a shortcut cannot sample in {steps} steps; possible are {listed}")
        self.steps = steps

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return a trunk that is told the length of its step."""
        return StepResFiLM(config.chunk_values, config.condition_size, generator, config.width, config.blocks)

    @staticmethod
    def loss(network: StepTrunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise, times and lengths, and return the loss of the flow and of self-consistency together."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        time = torch.rand(len(noise), generator=generator)
        length = drawn_lengths(len(noise), generator)
        return shortcut_loss(network, batch.chunk, batch.condition, noise, time, length)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the end of the steps from the noise."""
        return shortcut_euler(self.network, noise, condition, self.steps)


def drawn_lengths(rows: int, generator: torch.Generator) -> Tensor:
    """Return lengths above 0 for the rows of a batch that learn long steps, (L,), drawn evenly."""
    drawn = torch.randint(1, len(TOLD), (rows,), generator=generator)
    return torch.tensor(TOLD)[drawn[: int(CONSISTENT_SHARE * rows)]]


def shortcut_loss(
    trunk: StepTrunk, chunk: Tensor, condition: Tensor, noise: Tensor, time: Tensor, length: Tensor
) -> Tensor:
    """Return |pi(x_t, t, d, c) - y|^2 with x_t = (1 - t) e + t a; equation 5 of the paper, for clean chunks.

    For d = 0 the target y is the chunk a: flow matching, as in `flow_loss`. For d > 0 it is the clean chunk
    whose straight way from x_t ends, after d, where two steps of d/2 end (`self_consistent`).

    Args:
        trunk: pi.
        chunk: a, clean and normalised, (B, H*A).
        condition: c (B, C).
        noise: e, standard normal, (B, H*A).
        time: uniform in [0, 1), (B,); with d > 0, t is the multiple of d below it.
        length: d of the first rows, each one of `TOLD` above 0, (L,); it is 0 for the others.
    """
    longer = len(length)
    early = (time[:longer] / length).floor() * length
    time = torch.cat([early, time[longer:]])
    x = torch.lerp(noise, chunk, time[:, None])
    with torch.no_grad():
        target = self_consistent(trunk, x[:longer], early, length, condition[:longer])
    told = torch.cat([length, torch.zeros_like(time[longer:])])
    return mse_loss(trunk(x, time, told, condition), torch.cat([target, chunk[longer:]]))


def self_consistent(trunk: StepTrunk, x: Tensor, t: Tensor, d: Tensor, c: Tensor) -> Tensor:
    """Return clean chunks (B, H*A) with which a step of length d from x ends where two of d/2 do.

    The mean velocity of two steps is s = (x'' - x) / d, and the clean chunk of a velocity x + (1 - t) s.
    """
    half = d / 2
    there = step(trunk, step(trunk, x, t, half, c), t + half, half, c)
    return torch.lerp(x, there, ((1 - t) / d)[:, None])


def step(trunk: StepTrunk, x: Tensor, t: Tensor, d: Tensor, c: Tensor) -> Tensor:
    """Return x + d s with the velocity s = (pi(x, t, d, c) - x) / (1 - t) of a clean chunk pi, (B, H*A).

    The trunk is told the length 0 where it is that of the finest way.
    """
    told = torch.where(d > 1 / FINEST, d, 0.0)
    return torch.lerp(x, trunk(x, t, told, c), (d / (1 - t))[:, None])


def shortcut_euler(trunk: StepTrunk, noise: Tensor, condition: Tensor, steps: int) -> Tensor:
    """Follow the shortcuts from noise (t = 0) to chunks (t = 1), (B, H*A), in so many steps of equal length.

    The last step lands on the trunk's prediction itself; algorithm 2 of the paper.
    """
    x = noise
    length = noise.new_full((len(noise),), 1 / steps)
    for i in range(steps):
        x = step(trunk, x, noise.new_full((len(noise),), i / steps), length, condition)
    return x
