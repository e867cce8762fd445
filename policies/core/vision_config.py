"""What the checkpoint of a policy that learnt from pictures says of its pictures and of its labels."""

from dataclasses import dataclass
from typing import Any

from ...envs.images import IMAGE_SIZES, IMAGES
from .dataset import Component
from .normaliser import Normaliser

USUAL_ENCODER = "patches"
"""The small encoder of everything that is published; its name is in no file."""
ENCODERS = (USUAL_ENCODER, "resnet18")
"""What may read the pictures; see `policies.vision`."""


@dataclass(frozen=True)
class Vision:
    """What a policy that learnt from pictures sees, and which poses its encoder learnt to tell."""

    cameras: tuple[str, ...]
    """Names of pictures, of `envs.images.IMAGES`, in the order in which the network reads them."""
    image_size: int
    """Their width and height [pixels]."""
    poses: tuple[Component, ...]
    """Components of the observation that were labels of the training; a policy is not given them."""
    pose_normaliser: Normaliser
    """Of all of these side by side."""
    encoder: str = USUAL_ENCODER
    """What reads the pictures, of `ENCODERS`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        poses = [component._asdict() for component in self.poses]
        normaliser = self.pose_normaliser.to_json()
        data = {**vars(self), "cameras": list(self.cameras), "poses": poses, "pose_normaliser": normaliser}
        if self.encoder == USUAL_ENCODER:
            del data["encoder"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Vision":
        """Read what `to_json` wrote; raises KeyError, TypeError, ValueError or BimodalError if it cannot."""
        cameras = tuple(str(name) for name in data["cameras"])
        poses = tuple(Component(str(c["name"]), int(c["size"])) for c in data["poses"])
        normaliser = Normaliser.from_json(data["pose_normaliser"])
        encoder = str(data.get("encoder", USUAL_ENCODER))
        found = cls(cameras, int(data["image_size"]), poses, normaliser, encoder)
        if not cameras or not set(cameras) <= IMAGES.keys() or found.image_size not in IMAGE_SIZES:
            raise ValueError("there are no such cameras, or no such pictures")
        if encoder not in ENCODERS:
            raise ValueError(f"there is no encoder {encoder!r:.40}")
        if len(found.pose_normaliser.mean) != sum(c.size for c in poses):
            raise ValueError("the normaliser does not fit the poses")
        return found
