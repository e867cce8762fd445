"""Rectified flow's second stage: a flow so straight that one step follows it, and still takes both modes."""

import torch
from torch import Tensor, nn

from .core.chunk_policy import Fit, GetBatch, Learned
from .core.dataset import Batch
from .flow import Flow
from .generative.losses import flow_loss
from .generative.rectification import TEACHER_STEPS, learn_rectified, pair_times
from .generative.samplers import flow_euler
from .networks.layers import Trunk


class Reflow(Flow):
    """A second flow, learnt from pairs of a noise and the chunk to which the first flow carries it.

    Each noise now has one chunk, so the ways to different modes no longer cross, they are straight, and a
    single step goes all the way. Liu et al. 2023 (arXiv 2209.03003), section 2.2.
    """

    name = "reflow"
    method = "reflow"
    description = "Rectified flow: a single step of a straightened flow."
    half_precision = True
    stages = 2
    passes = 1

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Train a flow, let it make a pair for each window, and train it on with those.

        A chunk of a paired batch is the noise, followed by what the first flow made of it.
        """

        def pairs(batch: Batch) -> Tensor:
            return make_pairs(network, batch, generator)

        return learn_rectified(Flow, cls, network, get_batch, count, fit, pairs)

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw times, and return the flow-matching loss along the straight ways of the pairs."""
        noise, chunk = batch.chunk.chunk(2, dim=1)
        return flow_loss(network, chunk, batch.condition, noise, pair_times(len(chunk), generator))


def make_pairs(trunk: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
    """Return a noise and the chunk at the end of its way for each window, side by side (B, 2*H*A)."""
    noise = torch.randn(batch.chunk.shape, generator=generator)
    made = flow_euler(trunk, noise, batch.condition, TEACHER_STEPS)
    return torch.cat((noise, made), 1)
