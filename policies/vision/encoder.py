"""The network of the vision policies: an encoder a camera, features, and the trunk of the state methods.

A camera's encoder finds *where* things are: convolutions over patches of colours and pixel coordinates, then
for each channel a soft-argmax, which is the mean of the coordinates, weighed by the softmax of the channel
(Levine et al. 2016, arXiv 1504.00702; Finn et al. 2016, arXiv 1509.06113). Two small layers join the cameras
and the hand to features.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core.checkpoint import Config
from ..core.micro_batches import ROWS
from ..networks.film_resnet import ResFiLM
from ..networks.layers import Undrawn, linear, normalised

CHANNELS = 24
"""Of every convolution, hence points that a camera's encoder follows."""
PATCH = 4
"""Width of the patches that are read first, without overlap [pixels]."""
HIDDEN = 96
"""Width of the layer that joins the cameras and the hand."""
FEATURES = 64
"""Length of what the encoder says of the pictures of a moment."""


class _Conv(Undrawn, nn.Conv2d):
    pass


def convolution(inputs: int, outputs: int, side: int, stride: int, generator: torch.Generator) -> nn.Conv2d:
    """Return a convolution drawn from U(-1/sqrt(n), 1/sqrt(n)), n the values that make one.

    Odd sides keep the size of the picture.
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
    """Pictures of one camera in, three numbers a channel out: right, down, and the largest value."""

    pixels: Tensor
    patches: Tensor

    def __init__(self, side: int, generator: torch.Generator) -> None:
        """Build the convolutions for pictures of side x side pixels."""
        super().__init__()
        self.stem = convolution(3 + 2, CHANNELS, PATCH, PATCH, generator)
        self.convolutions = nn.ModuleList(
            convolution(CHANNELS, CHANNELS, width, 1, generator) for width in (3, 3, 1)
        )
        self.log_sharpness = nn.Parameter(torch.ones(()))
        self.register_buffer("pixels", grid(side)[None], persistent=False)
        self.register_buffer("patches", grid(side // PATCH).flatten(1).T, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (B, 3 * CHANNELS) for pictures (B, H, W, 3) uint8."""
        # 1. colours and coordinates through the convolutions
        colours = pictures.permute(0, 3, 1, 2) / 127.5 - 1
        x = torch.cat([colours, self.pixels.expand(len(colours), -1, -1, -1)], 1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for layer in self.convolutions:
            x = layer(functional.relu(x))
        # 2. where each channel looks, and what it finds there
        with torch.autocast(x.device.type, enabled=False):
            x = x.float().flatten(2)
            share = (x * self.log_sharpness.exp()).softmax(-1)
            return torch.cat([(share @ self.patches).flatten(1), x.amax(-1)], 1)


class VisionNetwork(nn.Module):
    """Encoders, their features, a head that tells the objects' poses, and a trunk, which `forward` is."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        """Build everything for a config that says what is seen; the generator draws the initial weights."""
        super().__init__()
        vision = config.vision
        assert vision is not None
        self.hand_size = config.n_obs_steps * config.state_size
        self.cameras = nn.ModuleList(CameraEncoder(vision.image_size, generator) for _ in vision.cameras)
        self.joined = linear(len(vision.cameras) * 3 * CHANNELS + self.hand_size, HIDDEN, generator)
        self.features = linear(HIDDEN, FEATURES, generator)
        self.pose = linear(FEATURES, len(vision.pose_normaliser.mean), generator)
        condition_size = FEATURES + config.condition_size
        self.trunk = ResFiLM(config.chunk_values, condition_size, generator, config.width, config.blocks)

    def look(self, pictures: Tensor, given: Tensor, mixed: bool = False) -> Tensor:
        """Return what the encoder says of a moment, (B, FEATURES).

        Args:
            pictures: (B, cameras, H, W, 3) uint8.
            given: what else a policy is given, the normalised hand first, (B, C).
            mixed: whether the convolutions compute in 16 bits where the processor is quicker with them.
        """
        with _mixed_precision(mixed):
            seen = [encoder(pictures[:, index]) for index, encoder in enumerate(self.cameras)]
        joined = self.joined(torch.cat([*seen, given[:, : self.hand_size]], 1))
        return normalised(self.features(functional.mish(normalised(joined))))

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return what the trunk says for chunks x, times t and conditions c: features and hand."""
        return self.trunk(x, t, c)


def encode(network: VisionNetwork, pictures: Tensor, given: Tensor) -> Tensor:
    """Return features (N, FEATURES) of N moments, computed 16 rows at a time, the last ones padded.

    So a row does not depend on the batch it came in; see `in_micro_batches`. Arguments as of `look`.
    """
    count = len(pictures)
    rows = torch.arange(-(-count // ROWS) * ROWS).clamp(max=max(count - 1, 0)).to(given.device)
    found = [network.look(pictures[some].to(given.device), given[some]) for some in rows.split(ROWS)]
    return torch.cat(found)[:count] if count else given.new_zeros(0, FEATURES)


def _mixed_precision(wanted: bool) -> AbstractContextManager:
    """Return a context in which convolutions compute in bfloat16, in half the time, on what has it."""
    if not (wanted and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return nullcontext()
    return torch.autocast("cpu", torch.bfloat16)
