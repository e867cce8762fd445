"""Minimal iterative policy: regression that refines its own answer once, without a choice to make."""

import torch
from torch import Tensor

from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import mip_loss
from .generative.samplers import mip_sample
from .networks.layers import Trunk


class MIP(ChunkPolicy):
    """Two deterministic passes; separates what iteration brings from what sampling brings.

    Between two modes its second pass may break the tie, but always to the same side: judge it by the
    success of its worse mode. Pan et al. 2025, arXiv 2512.01809.
    """

    name = "mip"
    method = "mip"
    description = "Minimal iterative policy: two deterministic passes of regression."
    training_steps = 1500
    half_precision = True

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise, and return the loss of both passes."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        return mip_loss(network, batch.chunk, batch.condition, noise)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the second pass; the noise is not used."""
        return mip_sample(self.network, condition, noise.shape[1])
