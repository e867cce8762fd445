"""The network of the vision policies: an encoder a camera, features, and the trunk of the state methods.

Two small layers join what the cameras' encoders say and the hand to features.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core.checkpoint import Config
from ..core.micro_batches import ROWS
from ..networks.film_resnet import ResFiLM
from ..networks.layers import linear, normalised
from .camera_encoder import PatchEncoder
from .resnet_encoder import ResNetEncoder

KINDS: dict[str, type[PatchEncoder | ResNetEncoder]] = {"patches": PatchEncoder, "resnet18": ResNetEncoder}
"""The encoders, by the names that configs give them."""
HIDDEN = 96
"""Width of the layer that joins the cameras and the hand."""
FEATURES = 64
"""Length of what the encoder says of the pictures of a moment."""


class VisionNetwork(nn.Module):
    """Encoders, their features, a head that tells the objects' poses, and a trunk, which `forward` is."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        """Build everything for a config that says what is seen; the generator draws the initial weights."""
        super().__init__()
        vision = config.vision
        assert vision is not None
        self.hand_size = config.n_obs_steps * config.state_size
        kind = KINDS[vision.encoder]
        self.cameras = nn.ModuleList(kind(vision.image_size, generator) for _ in vision.cameras)
        self.joined = linear(len(vision.cameras) * 3 * kind.channels + self.hand_size, HIDDEN, generator)
        self.features = linear(HIDDEN, FEATURES, generator)
        self.pose = linear(FEATURES, len(vision.pose_normaliser.mean), generator)
        condition_size = FEATURES + config.condition_size
        self.trunk = ResFiLM(config.chunk_values, condition_size, generator, config.width, config.blocks)
        self.encoder_rate = kind.rate

    def look(self, pictures: Tensor, given: Tensor, mixed: bool = False) -> Tensor:
        """Return what the encoder says of a moment, (B, FEATURES).

        Args:
            pictures: (B, cameras, H, W, 3) uint8.
            given: what else a policy is given, the normalised hand first, (B, C).
            mixed: whether the convolutions compute in 16 bits where the device is quicker with them.
        """
        with _mixed_precision(mixed, pictures.device.type):
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


def _mixed_precision(wanted: bool, device: str) -> AbstractContextManager:
    """Return a context in which convolutions compute in bfloat16, in half the time, on what has it."""
    has = torch.cuda.is_bf16_supported if device == "cuda" else torch.ops.mkldnn._is_mkldnn_bf16_supported
    return torch.autocast(device, torch.bfloat16) if wanted and has() else nullcontext()
