"""How large a training is: multiples of a method's own budget and of the usual network; what is read."""

from typing import NamedTuple

from ...envs.errors import WrongUse, unknown_name
from ...envs.images import IMAGE_SIZES, MOST_OBS_STEPS
from ..core.vision_config import USUAL_ENCODER


class Preset(NamedTuple):
    """Sizes of a training."""

    steps: float
    """Optimiser steps, as a multiple of the method's budget."""
    width: int
    """Hidden width of the trunk."""
    blocks: int
    """Residual blocks of the trunk."""
    batch: int
    """Windows in a step."""
    ships: bool = True
    """Whether the weights must be small enough to travel inside the package."""
    image_size: int = IMAGE_SIZES[0]
    """Width and height of the pictures of a method that sees [pixels]."""
    encoder: str = USUAL_ENCODER
    """What reads its pictures, one of `core.vision_config.ENCODERS`."""


USUAL = "cpu"
"""The preset of everything that is published."""
PRESETS = {
    "tiny": Preset(0.1, 64, 2, 64),
    USUAL: Preset(1.0, 128, 3, 128),
    "gpu": Preset(4.0, 512, 6, 1024, ships=False),
}
"""For tests, for one core, and for a CUDA device: about the sizes of the papers."""
SEEING = {"gpu": PRESETS["gpu"]._replace(batch=128, image_size=224, encoder="resnet18")}
"""The presets that are others for a method that reads pictures."""


def find_preset(name: str, seeing: bool = False) -> Preset:
    """Return a preset; `seeing` says whether it is for a method that reads pictures.

    Raises:
        WrongUse: no preset of that name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return SEEING.get(name, PRESETS[name]) if seeing else PRESETS[name]


def checked_past(steps: int) -> int:
    """Return the control steps whose observations a policy is to read.

    Raises:
        WrongUse: no policy can ask for so many.
    """
    if not 1 <= steps <= MOST_OBS_STEPS:
        raise WrongUse(f"n_obs_steps is {steps}; it must be 1 to {MOST_OBS_STEPS}")
    return steps
