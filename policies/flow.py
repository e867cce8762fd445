"""Flow matching of chunks: the policy that draws one mode and commits to it."""

import torch
from torch import Tensor

from .chunk_policy import ChunkPolicy
from .networks import Trunk
from .objectives import flow_loss
from .samplers import flow_euler


class Flow(ChunkPolicy):
    """A flow from normal noise to chunks; the noise decides the mode."""

    method = "flow"
    description = "Flow matching of action chunks: draws one of them."
    training_steps = 2500

    @staticmethod
    def loss(trunk: Trunk, chunk: Tensor, condition: Tensor, generator: torch.Generator) -> Tensor:
        """Draw noise and times, and return the flow-matching loss."""
        noise = torch.randn(chunk.shape, generator=generator)
        time = torch.rand(len(chunk), generator=generator)
        return flow_loss(trunk, chunk, condition, noise, time)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the end of ten Euler steps from the noise."""
        return flow_euler(self.trunk, noise, condition)
