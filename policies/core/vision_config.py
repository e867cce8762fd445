"""What the checkpoint of a policy that learnt from pictures says of its pictures and of its labels."""

from dataclasses import dataclass
from typing import Any

from ...envs.images import IMAGE_SIZES, IMAGES
from .dataset import Component
from .normaliser import Normaliser


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

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        poses = [component._asdict() for component in self.poses]
        normaliser = self.pose_normaliser.to_json()
        return {**vars(self), "cameras": list(self.cameras), "poses": poses, "pose_normaliser": normaliser}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Vision":
        """Read what `to_json` wrote; raises KeyError, TypeError, ValueError or BimodalError if it cannot."""
        cameras = tuple(str(name) for name in data["cameras"])
        poses = tuple(Component(str(c["name"]), int(c["size"])) for c in data["poses"])
        found = cls(cameras, int(data["image_size"]), poses, Normaliser.from_json(data["pose_normaliser"]))
        if not cameras or not set(cameras) <= IMAGES.keys() or found.image_size not in IMAGE_SIZES:
            raise ValueError("there are no such cameras, or no such pictures")
        if len(found.pose_normaliser.mean) != sum(c.size for c in poses):
            raise ValueError("the normaliser does not fit the poses")
        return found
