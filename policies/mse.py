"""Regression of chunks: the policy that averages."""

import torch
from torch import Tensor

from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import regression_loss
from .generative.samplers import regression_sample
from .networks.layers import Trunk


class MSE(ChunkPolicy):
    """Behaviour cloning with a squared error; its best answer between two good chunks is their mean."""

    name = "mse"
    method = "mse"
    description = "Regression of action chunks: predicts their mean."
    training_steps = 1000

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the squared error; draws nothing."""
        return regression_loss(network, batch.chunk, batch.condition)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the regressed chunk; the noise is not used."""
        return regression_sample(self.network, condition, noise.shape[1])
