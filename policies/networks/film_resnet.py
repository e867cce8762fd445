"""The network of the chunk methods: a small residual trunk whose blocks are modulated by the condition."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import ConditionedNetwork, linear, normalised


class ResFiLM(ConditionedNetwork):
    """Residual blocks whose normalised input is scaled and shifted by the condition.

    With e of `ConditionedNetwork` and h = W x + e, each block computes
    h <- h + Z Mish(V (LayerNorm(h) (1 + scale(e)) + shift(e))), where Z starts at zero, so that an
    untrained trunk is linear in the condition's embedding and gradients reach every block at once.
    FiLM: Perez et al. 2018, arXiv 1709.07871.
    """

    def __init__(
        self, x_size: int, c_size: int, generator: torch.Generator, width: int = 128, blocks: int = 3
    ) -> None:
        """Build a trunk for flat chunks of `x_size` values (H*A), with `blocks` blocks of `width` values."""
        super().__init__(c_size, width, generator)
        self.blocks = blocks
        self.film = linear(width, blocks * 2 * width, generator)
        self.embed = linear(x_size, width, generator)
        self.inner = nn.ModuleList(linear(width, width, generator) for _ in range(blocks))
        self.outer = nn.ModuleList(linear(width, width, None) for _ in range(blocks))
        self.head = linear(width, x_size, generator)

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return y (B, H*A) for chunks x (B, H*A), times t (B,) and conditions c (B, C)."""
        e = self.embed_condition(t, c)
        films = self.film(functional.mish(e)).chunk(2 * self.blocks, dim=1)  # scale and shift of each block
        h = self.embed(x) + e
        for i, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            modulated = torch.addcmul(films[2 * i + 1], normalised(h), 1 + films[2 * i])
            h = h + outer(functional.mish(inner(modulated)))
        return self.head(normalised(h))
