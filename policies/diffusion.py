"""Diffusion of chunks: Diffusion Policy with the suite's small residual trunk."""

from pathlib import Path

import torch
from torch import Tensor

from ..envs.errors import unknown_name
from ..tasks.core.task import Task
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import diffusion_loss
from .generative.noise_schedule import squared_cosine_alphas_cumprod, trailing_levels
from .generative.samplers import ddim, ddpm
from .networks.layers import Trunk

LEVELS = 100
"""T, noise levels."""
ALPHAS_CUMPROD = squared_cosine_alphas_cumprod(LEVELS)
"""Share of signal at each level, (T,)."""
STEPS = {"ddim": 10, "ddpm": LEVELS}
"""The samplers, and how many of the levels each visits by default."""


class Diffusion(ChunkPolicy):
    """Denoises a chunk level by level; the noise decides the mode. Chi et al. 2023, arXiv 2303.04137.

    It predicts the clean chunk, where the paper predicts the noise: a small network learns that in
    seconds. It reads one observation, not two; `diffusion_history` reads two, and `TrainOptions.n_obs_steps`
    trains either with more.
    """

    name = "diffusion"
    method = "diffusion"
    description = "Diffusion Policy: denoises action chunks, in ten DDIM steps."
    training_steps = 2500
    half_precision = True

    def __init__(
        self,
        task: Task,
        checkpoint: Path,
        n_action_steps: int | None = None,
        sampler: str = "ddim",
        steps: int | None = None,
    ) -> None:
        """Load trained weights; arguments and errors as in `ChunkPolicy`.

        Further args:
            sampler: `ddim` draws once, at the start; `ddpm` draws at every step.
            steps: passes through the trunk, 1 to 100; None for 10 with ddim, all 100 with ddpm.
        """
        super().__init__(task, checkpoint, n_action_steps)
        if sampler not in STEPS:
            raise unknown_name("sampler", sampler, STEPS)
        self.sampler = sampler
        self.steps = STEPS[sampler] if steps is None else steps
        trailing_levels(LEVELS, self.steps)

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise and levels, and return the denoising loss."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        level = torch.randint(LEVELS, (len(batch.chunk),), generator=generator)
        return diffusion_loss(network, batch.chunk, batch.condition, noise, level, ALPHAS_CUMPROD)

    def noise_size(self) -> int:
        """Return how many numbers the sampler draws; the first are those that it starts from."""
        times = self.steps if self.sampler == "ddpm" else 1
        return times * self.config.chunk_values

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return what the noise is denoised to."""
        if self.sampler == "ddim":
            return ddim(self.network, noise, condition, ALPHAS_CUMPROD, self.steps)
        step_noise = noise.unflatten(1, (self.steps, -1))
        return ddpm(self.network, step_noise, condition, ALPHAS_CUMPROD, self.steps)


class DDPM(Diffusion):
    """The weights of `diffusion` with its original sampler, as a policy of its own name."""

    name = "diffusion_ddpm"
    description = "Diffusion Policy with 100 DDPM steps: the weights of `diffusion`."

    def __init__(self, task: Task, checkpoint: Path, n_action_steps: int | None = None) -> None:
        """Load the weights of `diffusion`; arguments as there."""
        super().__init__(task, checkpoint, n_action_steps, "ddpm")


class HistoryDiffusion(Diffusion):
    """`diffusion` that reads two observations, this one and the last, as the paper's policy does."""

    name = "diffusion_history"
    method = "diffusion_history"
    description = "Diffusion Policy with two observations, as in the paper: this one and the last."
    least_obs_steps = 2
