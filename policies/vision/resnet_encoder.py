"""The large encoder of a camera, of the preset `gpu`: ResNet-18 (He et al. 2015, arXiv 1512.03385).

As in Diffusion Policy (Chi et al. 2023, arXiv 2303.04137) its first weights are random, group norm is in the
place of batch norm, whose statistics do not go with averaged weights, and the soft-argmax in that of the mean
over the picture.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .camera_encoder import INPUTS, CameraEncoder, convolution

WIDTHS = (64, 128, 256, 512)
"""Channels of the four stages, of two blocks each; every stage but the first halves the picture."""
BLOCKS = 2
"""Blocks of a stage."""
SHRINKS = 32
"""Of so many pixels side by side one cell is left."""
GROUP = 16
"""Channels that are normalised together."""


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // GROUP, channels)


class _Block(nn.Module):
    """Two convolutions of 3 x 3, beside them what comes in, itself or by a convolution of 1 x 1."""

    def __init__(self, inputs: int, outputs: int, stride: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride, generator)
        self.first_norm = _norm(outputs)
        self.second = convolution(outputs, outputs, 3, 1, generator)
        self.second_norm = _norm(outputs)
        self.beside = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.beside = nn.Sequential(convolution(inputs, outputs, 1, stride, generator), _norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.beside(x))


class ResNetEncoder(CameraEncoder):
    """ResNet-18 up to its last convolution: 11.2 million values."""

    channels = WIDTHS[-1]
    rate = 0.25

    def __init__(self, side: int, generator: torch.Generator) -> None:
        """Build it for pictures of side x side pixels."""
        super().__init__(side, -(-side // SHRINKS))
        self.stem = convolution(INPUTS, WIDTHS[0], 7, 2, generator)
        self.stem_norm = _norm(WIDTHS[0])
        blocks = []
        inputs = WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            for block in range(BLOCKS):
                blocks.append(_Block(inputs, width, 2 if stage and not block else 1, generator))
                inputs = width
        self.blocks = nn.Sequential(*blocks)

    def convolve(self, x: Tensor) -> Tensor:
        """Return what the last block makes of a picture; see `CameraEncoder`."""
        x = functional.relu(self.stem_norm(self.stem(x)))
        return self.blocks(functional.max_pool2d(x, 3, 2, padding=1))
