"""What reads the pictures of one camera: convolutions, and where each of their channels looks.

An encoder finds *where* things are: convolutions over colours and pixel coordinates, then for each channel a
soft-argmax, which is the mean of the coordinates, weighed by the softmax of the channel (Levine et al. 2016,
arXiv 1504.00702; Finn et al. 2016, arXiv 1509.06113).
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.layers import Undrawn

CHANNELS = 24
"""Of every convolution of the small encoder, hence points that it follows."""
PATCH = 4
"""Width of the patches that it reads first, without overlap [pixels]."""
INPUTS = 3 + 2
"""Values of a pixel: its colours and its coordinates."""


class _Conv(Undrawn, nn.Conv2d):
    pass


def convolution(inputs: int, outputs: int, side: int, stride: int, generator: torch.Generator) -> nn.Conv2d:
    """Return a convolution drawn from U(-1/sqrt(n), 1/sqrt(n)), n the values that make one.

    Odd sides keep the size of the picture, divided by the stride.
    """
    layer = _Conv(inputs, outputs, side, stride, padding=side // 2 if side % 2 else 0)
    bound = 1 / math.sqrt(inputs * side * side)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)  # type: ignore[union-attr]
    return layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def grid(side: int) -> Tensor:
    """Return the coordinates of a square's pixels, right and down, each from -1 to 1, (2, side, side)."""
    line = torch.linspace(-1, 1, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side)])


class CameraEncoder(nn.Module):
    """Base of the encoders: pictures in, three numbers a channel out: right, down, and the largest value."""

    channels: ClassVar[int]
    """Of the last convolution, hence points that it follows."""
    rate: ClassVar[float] = 1.0
    """Learning rate while it learns, as a multiple of the method's."""
    pixels: Tensor
    cells: Tensor

    def __init__(self, side: int, cells: int) -> None:
        """Build what all encoders share, for pictures of side x side pixels that become cells x cells."""
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.ones(()))
        self.register_buffer("pixels", grid(side)[None], persistent=False)
        self.register_buffer("cells", grid(cells).flatten(1).T, persistent=False)

    def convolve(self, x: Tensor) -> Tensor:
        """Return what the convolutions make, (B, channels, cells, cells), of (B, INPUTS, H, W)."""
        raise NotImplementedError

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (B, 3 * channels) for pictures (B, H, W, 3) uint8."""
        # 1. colours and coordinates through the convolutions
        colours = pictures.permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.cat([colours, self.pixels.expand(len(colours), -1, -1, -1)], 1)
        x = self.convolve(x.contiguous(memory_format=torch.channels_last))
        # 2. where each channel looks, and what it finds there
        with torch.autocast(x.device.type, enabled=False):
            x = x.float().flatten(2)
            share = (x * self.log_sharpness.exp()).softmax(-1)
            return torch.cat([(share @ self.cells).flatten(1), x.amax(-1)], 1)


class PatchEncoder(CameraEncoder):
    """The small encoder: patches of 4 x 4 pixels, and three convolutions of them."""

    channels = CHANNELS

    def __init__(self, side: int, generator: torch.Generator) -> None:
        """Build it for pictures of side x side pixels."""
        super().__init__(side, side // PATCH)
        self.stem = convolution(INPUTS, CHANNELS, PATCH, PATCH, generator)
        self.convolutions = nn.ModuleList(
            convolution(CHANNELS, CHANNELS, width, 1, generator) for width in (3, 3, 1)
        )

    def convolve(self, x: Tensor) -> Tensor:
        """Return what the convolutions make of the patches; see `CameraEncoder`."""
        x = self.stem(x)
        for layer in self.convolutions:
            x = layer(functional.relu(x))
        return x
