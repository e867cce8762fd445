"""A mixture of Gaussians over chunks: five answers and how likely each is, in one pass."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import mixture_loss
from .generative.samplers import mixture_sample
from .networks.layers import linear

COMPONENTS = 5
"""K."""
SPREADS = (0.1, 0.5)
"""Range of a component's spread in training [normalised units]."""
FLOOR = 0.05
"""Share of the weights that is dealt out evenly during training, so that no component dies."""
APART = 0.5
"""Standard deviation of the components' first means around each other."""


class Mixture(nn.Module):
    """An MLP that answers a condition with K chunks and their log-weights."""

    def __init__(
        self, x_size: int, c_size: int, generator: torch.Generator, width: int = 128, blocks: int = 3
    ) -> None:
        """Build the network with `blocks` hidden layers; arguments as for `ResFiLM`."""
        super().__init__()
        sizes = (c_size, *[width] * blocks)
        self.hidden = nn.ModuleList(map(linear, sizes, sizes[1:], [generator] * blocks))
        self.means = linear(width, COMPONENTS * x_size, generator)
        self.weights = linear(width, COMPONENTS, generator)
        with torch.no_grad():
            self.means.bias.normal_(0.0, APART, generator=generator)

    def forward(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (B, K, H*A) and log-weights (B, K) for conditions c (B, C)."""
        h = c
        for layer in self.hidden:
            h = functional.mish(layer(h))
        return self.means(h).unflatten(1, (COMPONENTS, -1)), torch.log_softmax(self.weights(h), 1)


class GMM(ChunkPolicy):
    """Draws one of five chunks; the multimodal policy from before diffusion.

    A likelihood over whole chunks, 160 numbers, is dominated by its spreads: learnt from the data, they
    grow until one component covers all modes from the middle. So the spread is not learnt but drawn, wide
    ones to share the data out and narrow ones to fit it, and in training no weight falls to zero. It acts
    by the mean of the drawn component, as Mandlekar et al. 2021 (arXiv 2108.03298) do.
    """

    name = "gmm"
    method = "gmm"
    description = "Mixture of five Gaussians over action chunks: draws one."
    training_steps = 2000
    half_precision = True

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the mixture's network."""
        return Mixture(config.chunk_values, config.condition_size, generator, config.width, config.blocks)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw a spread, and return the negative log-likelihood of chunks with floored weights."""
        low, high = SPREADS
        spread = low * (high / low) ** torch.rand((), generator=generator).item()
        mean, logs = network(batch.condition)
        floored = torch.log((1 - FLOOR) * logs.exp() + FLOOR / COMPONENTS)
        return mixture_loss(mean, floored, batch.chunk, spread)

    def noise_size(self) -> int:
        """Return 1: what picks the component."""
        return 1

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the mean of the drawn component."""
        mean, logs = self.network(condition)
        return mixture_sample(mean, logs, noise)
