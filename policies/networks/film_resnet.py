"""The network of the chunk methods: a small residual trunk steered by its condition (FiLM); and its parts."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Trunk = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`trunk(x, t, c) -> y`: flat chunks x (B, H*A), times t (B,) in [0, 1], conditions c (B, C); y is like x."""

TIME_FEATURES = 32
"""Sines and cosines of t that join the condition."""
TIME_FREQUENCIES = (1.0, 100.0)
"""Lowest and highest frequency of those waves [rad per unit of t]."""


class ResFiLM(nn.Module):
    """Residual blocks whose normalised input is scaled and shifted by the condition.

    With e = MLP([c, waves(t)]) and h = W x + e, each block computes
    h <- h + Z Mish(V (LayerNorm(h) (1 + scale(e)) + shift(e))), where Z starts at zero, so that an
    untrained trunk is linear in the condition's embedding and gradients reach every block at once.
    FiLM: Perez et al. 2018, arXiv 1709.07871.
    """

    waves: Tensor
    """Angular frequencies of the time features, (16,)."""

    def __init__(
        self, x_size: int, c_size: int, generator: torch.Generator, width: int = 128, blocks: int = 3
    ) -> None:
        """Build and initialise the trunk.

        Args:
            x_size: length H*A of a flat chunk.
            c_size: length C of the condition.
            generator: the only source of the initial weights.
            width: hidden width.
            blocks: number of residual blocks.
        """
        super().__init__()
        self.blocks = blocks
        low, high = TIME_FREQUENCIES
        waves = torch.logspace(math.log10(low), math.log10(high), TIME_FEATURES // 2)
        self.register_buffer("waves", waves, persistent=False)
        self.condition_in = linear(c_size + TIME_FEATURES, width, generator)
        self.condition_out = linear(width, width, generator)
        self.film = linear(width, blocks * 2 * width, generator)
        self.embed = linear(x_size, width, generator)
        self.inner = nn.ModuleList(linear(width, width, generator) for _ in range(blocks))
        self.outer = nn.ModuleList(linear(width, width, None) for _ in range(blocks))
        self.head = linear(width, x_size, generator)

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return y (B, H*A) for chunks x (B, H*A), times t (B,) and conditions c (B, C)."""
        phase = t[:, None] * self.waves
        e = torch.cat((c, phase.sin(), phase.cos()), dim=1)
        e = self.condition_out(functional.mish(self.condition_in(e)))
        films = self.film(functional.mish(e)).chunk(2 * self.blocks, dim=1)
        h = self.embed(x) + e
        for i, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            steered = torch.addcmul(films[2 * i + 1], normalised(h), 1 + films[2 * i])
            h = h + outer(functional.mish(inner(steered)))
        return self.head(normalised(h))


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters())


def normalised(h: Tensor) -> Tensor:
    """Give each row mean 0 and variance 1 (LayerNorm without scale and shift)."""
    return functional.layer_norm(h, h.shape[-1:])


def linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a linear layer drawn from U(-1/sqrt(inputs), 1/sqrt(inputs)); all zeros without a generator."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            if generator is None:
                parameter.zero_()
            else:
                parameter.uniform_(-bound, bound, generator=generator)
    return layer
