"""A critic of chunks: what return is to come if a chunk is done; for `best_of_n(...)`, which asks it."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..envs.errors import WrongUse
from ..tasks.demonstrations.record import Demonstrations
from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy
from .core.dataset import Batch, Extent, Windows
from .planning.inverse_dynamics import MLP


class TwinCritics(nn.ModuleList):
    """Two networks of the same kind; where they disagree, the lower one is believed."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        """Build both."""
        inputs = config.chunk_values + config.condition_size
        super().__init__(MLP(inputs, 1, generator, config.width) for _ in range(2))

    def forward(self, chunk: Tensor, condition: Tensor) -> Tensor:
        """Return the return to come (B, 2) by either, for chunks (B, H*A) and conditions (B, C)."""
        return torch.cat([critic(chunk, condition) for critic in self], dim=1)


class Critic(ChunkPolicy):
    """Is trained, stored and checked as a policy's weights are; it judges chunks and draws none.

    The returns of graded demonstrations are regressed on what was seen and what was then done, those that
    failed with 0. Nothing is bootstrapped from its own estimates, as the demonstrations end. The lower of two
    is clipped double Q-learning (Fujimoto et al. 2018, arXiv 1802.09477).
    """

    method = "critic"
    description = "Regresses the return to come on what is seen and done."
    training_steps = 2000
    half_precision = True
    regime = "graded"
    episodes = 600

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return both critics."""
        return TwinCritics(config, generator)

    @classmethod
    def windows(cls, path: Path, demonstrations: Demonstrations, extent: Extent) -> Windows:
        """Return what it learns from; see `ChunkPolicy.windows`.

        Raises:
            WrongUse: the demonstrations have no returns.
        """
        if demonstrations.returns is None:
            raise WrongUse(
                f"{cls.method} learns from returns, of which {path} has none; make them with: "
                "bimodal demos TASK --regime graded"
            )
        return super().windows(path, demonstrations, extent)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the squared error of both; draws nothing."""
        found = network(batch.chunk, batch.condition)
        return mse_loss(found, batch.returns[:, None].expand_as(found))

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the lower of both returns to come (B, 1), of chunks in the place of noise (B, H*A)."""
        return self.network(noise, condition).amin(1, keepdim=True)
