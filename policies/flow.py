"""Flow matching of chunks: the policy that draws one mode and commits to it."""

import torch
from torch import Tensor

from .chunk_policy import ChunkPolicy
from .networks import Trunk
from .objectives import flow_loss
from .samplers import flow_euler
from .windows import Batch


class Flow(ChunkPolicy):
    """A flow from normal noise to chunks; the noise decides the mode."""

    method = "flow"
    description = "Flow matching of action chunks: draws one of them."
    training_steps = 2500

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise and times, and return the flow-matching loss."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        time = torch.rand(len(batch.chunk), generator=generator)
        return flow_loss(network, batch.chunk, batch.condition, noise, time)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the end of ten Euler steps from the noise."""
        return flow_euler(self.network, noise, condition)
