"""A U-Net over the time axis of a chunk: the trunk of the convolutional Diffusion Policy, made small."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import ConditionedNetwork, Undrawn, linear

WIDTHS = (32, 64)
"""Channels at each level; every level but the first has half the frames of the one before."""
KERNEL = 3
"""Frames that a convolution sees."""
GROUPS = 8
"""Of the normalisation."""


class UNet(ConditionedNetwork):
    """Convolutions along a chunk, at full and at half the frame rate, modulated by the condition (FiLM).

    With Mish(e) of `ConditionedNetwork`, the chunk goes down through the levels, two `Block`s each, and up
    again, where each level also reads what it made on the way down. The last convolution starts at zero.
    After Chi et al. 2023 (arXiv 2303.04137), appendix A, and Janner et al. 2022 (arXiv 2205.09991).
    """

    def __init__(
        self,
        frames: int,
        channels: int,
        c_size: int,
        generator: torch.Generator,
        widths: tuple[int, ...] = WIDTHS,
        kernel: int = KERNEL,
    ) -> None:
        """Build the trunk for chunks of H `frames` with A `channels`; `kernel` is odd.

        Of the `widths`, multiples of `GROUPS`, each after the first halves the frames.
        """
        super().__init__(c_size, widths[-1], generator)
        if frames % 2 ** (len(widths) - 1):
            raise ValueError(f"a chunk of {frames} frames cannot be halved {len(widths) - 1} times")
        self.frames = frames
        last = widths[-1]

        def pair(inputs: int, outputs: int) -> Pair:
            return Pair(inputs, outputs, last, kernel, generator)

        self.down = nn.ModuleList(map(pair, (channels, *widths[:-1]), widths))
        self.shrink = nn.ModuleList(_convolution(w, w, kernel, generator, stride=2) for w in widths[:-1])
        self.middle = pair(last, last)
        # on the way up, a level reads the channels from below and those kept on the way down
        joined = (below + kept for below, kept in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(map(pair, joined, widths[-2::-1]))
        self.head = _convolution(widths[0], channels, 1, None)

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return y (B, H*A) for chunks x (B, H*A), times t (B,) and conditions c (B, C)."""
        e = functional.mish(self.embed_condition(t, c))
        h = x.unflatten(1, (self.frames, -1)).mT
        # 1. down: keep what each level made, for the way up
        kept = []
        for i, blocks in enumerate(self.down):
            h = blocks(self.shrink[i - 1](h) if i else h, e)
            kept.append(h)
        h = self.middle(h, e)
        # 2. up: double the frames, and join what was kept
        for blocks, earlier in zip(self.up, kept[-2::-1], strict=True):
            h = blocks(torch.cat((h.repeat_interleave(2, dim=2), earlier), dim=1), e)
        return self.head(h).mT.flatten(1)


class Block(nn.Module):
    """Two convolutions around a FiLM, added to their input.

    h <- R h + Mish(GN(K2 ((1 + scale(e)) Mish(GN(K1 h)) + shift(e)))) with 1x1 convolution R where the
    number of channels changes.
    """

    def __init__(
        self, inputs: int, outputs: int, e_size: int, kernel: int, generator: torch.Generator
    ) -> None:
        """Build the block, which turns `inputs` channels into `outputs`; `e_size` is the length of e."""
        super().__init__()
        self.first = _convolution(inputs, outputs, kernel, generator)
        self.film = linear(e_size, 2 * outputs, generator)
        self.second = _convolution(outputs, outputs, kernel, generator)
        same = inputs == outputs
        self.past = nn.Identity() if same else _convolution(inputs, outputs, 1, generator)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Return h (B, outputs, frames) for h (B, inputs, frames) and embeddings e (B, e_size)."""
        scale, shift = self.film(e)[:, :, None].chunk(2, dim=1)
        inner = functional.mish(functional.group_norm(self.first(h), GROUPS))
        inner = torch.addcmul(shift, inner, 1 + scale)
        return self.past(h) + functional.mish(functional.group_norm(self.second(inner), GROUPS))


class Pair(nn.Module):
    """Two blocks, one after the other."""

    def __init__(self, inputs: int, outputs: int, *rest: Any) -> None:
        """Build both; arguments as for a `Block`, the first of the two changes the number of channels."""
        super().__init__()
        self.one = Block(inputs, outputs, *rest)
        self.two = Block(outputs, outputs, *rest)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Return h (B, outputs, frames) for h (B, inputs, frames) and embeddings e (B, e_size)."""
        return self.two(self.one(h, e), e)


class _Convolution(Undrawn, nn.Conv1d):
    pass


def _convolution(
    inputs: int, outputs: int, kernel: int, generator: torch.Generator | None, stride: int = 1
) -> nn.Conv1d:
    """Return a convolution over frames whose weights are drawn as those of a linear layer."""
    flat = linear(inputs * kernel, outputs, generator)
    layer = _Convolution(inputs, outputs, kernel, stride, kernel // 2)
    with torch.no_grad():
        layer.weight.copy_(flat.weight.view(outputs, inputs, kernel))
        layer.bias.copy_(flat.bias)  # type: ignore[union-attr]
    return layer
