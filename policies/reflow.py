"""Rectified flow's second stage: a flow so straight that one step follows it, and still takes both modes."""

import torch
from torch import Tensor, nn

from .core.chunk_policy import Draw, Fit, Learned
from .core.dataset import Batch
from .flow import Flow
from .generative.losses import flow_loss
from .generative.samplers import flow_euler
from .networks.film_resnet import Trunk

TEACHER_STEPS = 20
"""Euler steps by which the first flow makes the chunks that the second learns from."""
TOGETHER = 1024
"""Pairs that are made in one pass."""
AT_START = 0.5
"""Share of the windows that are learnt at t = 0, from where a single step goes."""


class Reflow(Flow):
    """A second flow, learnt from pairs of a noise and the chunk to which the first flow carries it.

    Each noise now has one chunk, so the ways to different modes no longer cross, they are straight, and a
    single step goes all the way. Liu et al. 2023 (arXiv 2209.03003), section 2.2.
    """

    method = "reflow"
    description = "Rectified flow: a single step of a straightened flow."
    halved = True
    stages = 2
    passes = 1

    @classmethod
    def learn(
        cls, network: nn.Module, draw: Draw, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Train a flow, let it make a pair for each window, and train it on with those.

        A chunk of a paired batch is the noise, followed by what the first flow made of it.
        """
        weights, _ = fit(Flow, draw)
        network.load_state_dict(weights)
        pairs = make_pairs(network, draw, count, generator)

        def paired(rows: Tensor) -> Batch:
            return draw(rows)._replace(chunk=pairs[rows.to(pairs.device)])

        return fit(cls, paired)

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw times, and return the flow-matching loss along the straight ways of the pairs."""
        noise, chunk = batch.chunk.chunk(2, dim=1)
        time, coin = torch.rand(2, len(chunk), generator=generator)
        return flow_loss(network, chunk, batch.condition, noise, torch.where(coin < AT_START, 0.0, time))


def make_pairs(trunk: Trunk, draw: Draw, count: int, generator: torch.Generator) -> Tensor:
    """Return a noise and the chunk at the end of its way for each window, side by side (count, 2*H*A)."""
    pairs = []
    with torch.no_grad():
        for rows in torch.arange(count).split(TOGETHER):
            seen = draw(rows)
            noise = torch.randn(seen.chunk.shape, generator=generator).to(seen.chunk)
            made = flow_euler(trunk, noise, seen.condition, TEACHER_STEPS)
            pairs.append(torch.cat((noise, made), 1))
    return torch.cat(pairs)
