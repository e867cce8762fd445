"""The planners' networks: a small transformer whose tokens are groups of frames of a plan.

Each block is modulated by the condition. With Mish(e) of `ConditionedNetwork` as e and h (N, width), one row
a token,

    h <- h + g1(e) Attention(LayerNorm(h) (1 + s1(e)) + b1(e))
    h <- h + g2(e) MLP(LayerNorm(h) (1 + s2(e)) + b2(e))

where the layer that makes s, b and g starts at zero, so that every block begins as the identity (adaLN-zero:
Peebles and Xie 2023, arXiv 2212.09748). A linear map of the condition is added to the answer: most of what
a plan says stays as it is seen, and what is learnt is how it changes. Attention: Vaswani et al. 2017,
arXiv 1706.03762.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import ConditionedNetwork, linear, normalised

WIDTH = 64
"""Default number of values of a token."""
BLOCKS = 2
"""Default number of blocks."""
HEADS = 4
"""Attention heads."""
SPREAD = 2
"""Hidden values of a block's MLP, as a multiple of the width."""


class PlanTransformer(ConditionedNetwork):
    """A trunk over plans: flat in and flat out, like `ResFiLM`, but frames only meet in the attention."""

    outputs: ClassVar[int] = 0
    """Values that a token gives back; 0 for as many as it took."""

    def __init__(
        self,
        frames: int,
        frame_size: int,
        c_size: int,
        generator: torch.Generator,
        width: int = WIDTH,
        blocks: int = BLOCKS,
        patch: int = 1,
    ) -> None:
        """Build the network for plans of P `frames` of D = `frame_size` values.

        A token has `width` values, a multiple of `HEADS`, and stands for `patch` frames, which divides P.
        """
        super().__init__(c_size, width, generator)
        if frames % patch:
            raise ValueError(f"{frames} frames do not make groups of {patch}")
        self.tokens = frames // patch
        self.width = width
        self.blocks = blocks
        size = patch * frame_size
        self.modulation = linear(width, blocks * 6 * width, None)
        self.embed = linear(size, width, generator)
        positions = torch.randn(self.tokens, width, generator=generator) / math.sqrt(width)
        self.position_embedding = nn.Parameter(positions)
        self.query_key_value = nn.ModuleList(linear(width, 3 * width, generator) for _ in range(blocks))
        self.attention_out = nn.ModuleList(linear(width, width, generator) for _ in range(blocks))
        self.mlp_in = nn.ModuleList(linear(width, SPREAD * width, generator) for _ in range(blocks))
        self.mlp_out = nn.ModuleList(linear(SPREAD * width, width, generator) for _ in range(blocks))
        self.head = linear(width, self.outputs or size, generator)
        self.skip = linear(c_size, self.tokens * (self.outputs or size), None)

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return y (B, P*D) for plans x (B, P*D), times t (B,) in [0, 1] and conditions c (B, C)."""
        return self.head(normalised(self.read(x, t, c))).flatten(1) + self.skip(c)

    def read(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return what the blocks make of the tokens, (B, N, width)."""
        # 1. scale, shift and gate of each block's two parts, and the tokens
        e = functional.mish(self.embed_condition(t, c))
        modulation = self.modulation(e).view(len(x), self.blocks * 6, 1, self.width).unbind(1)
        h = self.embed(x.view(len(x), self.tokens, -1)) + self.position_embedding + e[:, None]
        # 2. the blocks: attention between the tokens, then an MLP of each
        for i in range(self.blocks):
            scale, shift, gate, scale_2, shift_2, gate_2 = modulation[6 * i : 6 * i + 6]
            h = h + gate * self._attend(i, torch.addcmul(shift, normalised(h), 1 + scale))
            modulated = torch.addcmul(shift_2, normalised(h), 1 + scale_2)
            h = h + gate_2 * self.mlp_out[i](functional.gelu(self.mlp_in[i](modulated), approximate="tanh"))
        return h

    def _attend(self, block: int, h: Tensor) -> Tensor:
        """Return softmax(q k^T / sqrt(d)) v of all heads together, (B, N, width)."""
        parts = self.query_key_value[block](h).view(len(h), self.tokens, 3, HEADS, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        return self.attention_out[block](seen.transpose(1, 2).flatten(2))


class PlanValue(PlanTransformer):
    """The same network with one number for a whole plan: the mean over its tokens."""

    outputs = 1

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return one value (B,) for each of the plans x (B, P*D)."""
        return super().forward(x, t, c).mean(1)
