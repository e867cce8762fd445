"""Action chunking with a latent variable (ACT): chunks of several styles, which nobody names when it acts."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch
from .generative.losses import latent_loss
from .networks.film_resnet import ResFiLM
from .networks.layers import linear

LATENT = 32
"""Length of the latent z."""
KL_WEIGHT = 10.0
"""beta: what a nat of z costs, in units of the absolute error of a normalised value; the paper's."""
SAMPLED_KL_WEIGHT = 0.01
"""beta of `act_sampled`, the best of those in docs/latent.md."""


class LatentChunks(nn.Module):
    """A conditional variational autoencoder: which z a chunk has, and which chunk a z makes."""

    def __init__(self, config: Config, generator: torch.Generator, kl_weight: float) -> None:
        """Build both halves; `kl_weight` is beta."""
        super().__init__()
        self.kl_weight = kl_weight
        width = config.width
        blocks = config.blocks
        sizes = (config.chunk_values + config.condition_size, *[width] * blocks)
        self.size = config.chunk_values
        self.hidden = nn.ModuleList(map(linear, sizes, sizes[1:], [generator] * blocks))
        self.posterior = linear(width, 2 * LATENT, generator)
        self.decoder = ResFiLM(self.size, config.condition_size + LATENT, generator, width, blocks)

    def encode(self, chunk: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance (B, Z) of the z of demonstrated chunks (B, H*A)."""
        h = torch.cat((chunk, c), dim=1)
        for layer in self.hidden:
            h = functional.mish(layer(h))
        mean, log_variance = self.posterior(h).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor, c: Tensor) -> Tensor:
        """Return the chunks (B, H*A) of latents z (B, Z)."""
        rows = len(c)
        return self.decoder(c.new_zeros(rows, self.size), c.new_zeros(rows), torch.cat((c, z), dim=1))


class ACT(ChunkPolicy):
    """Acts by the mean of the prior, z = 0, as Zhao et al. 2023 (arXiv 2304.13705) do.

    Their losses, weight and size of z; the trunk of all chunk methods here in place of their transformers.
    """

    name = "act"
    method = "act"
    description = "Action chunking with a latent variable (CVAE); acts by the mean of the prior."
    training_steps = 2000
    half_precision = True
    kl_weight: ClassVar[float] = KL_WEIGHT
    """beta."""

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return encoder and decoder."""
        return LatentChunks(config, generator, cls.kl_weight)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw z from the posterior, and return the absolute error and the weighted divergence."""
        assert isinstance(network, LatentChunks)
        mean, log_variance = network.encode(batch.chunk, batch.condition)
        z = mean + torch.exp(log_variance / 2) * torch.randn(mean.shape, generator=generator)
        guess = network.decode(z, batch.condition)
        return latent_loss(guess, batch.chunk, mean, log_variance, network.kl_weight)

    def noise_size(self) -> int:
        """Return the length of z."""
        return LATENT

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the chunk of z = 0; the noise is not used."""
        return self.decode(torch.zeros_like(noise), condition)

    def decode(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return the normalised chunks (B, H*A) of latents z (B, Z)."""
        assert isinstance(self.network, LatentChunks)
        return self.network.decode(z, condition)


class SampledACT(ACT):
    """A latent that costs a thousandth, drawn from the prior: what the method can do that `act` does not.

    With the paper's weight the posterior says nothing, so that there is nothing to draw (docs/latent.md).
    """

    name = "act_sampled"
    method = "act_sampled"
    description = "The same with a latent variable that may say more, drawn from the prior."
    kl_weight = SAMPLED_KL_WEIGHT

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the chunk of z = noise."""
        return self.decode(noise, condition)
