"""What a policy can ask for beside its task's components: pictures, words and a past; see docs/vision.md."""

from typing import NamedTuple

IMAGES = {"front_image": "front", "side_image": "side", "wrist_image": "wrist"}
"""Pictures that a policy can ask for, uint8 (N, H, W, 3), and the camera that takes each."""
IMAGE_SIZES = (96, 128, 224)
"""Width and height that they can have [pixels]."""
MOST_IMAGE_FRAMES = 4
"""Most control steps of which a decision is shown pictures."""
MOST_OBS_STEPS = 64
"""Most control steps of which it is shown everything else (3.2 s)."""
INSTRUCTION = "instruction"
"""What the robot is told to do, one sentence, which a policy can ask for; (N,) str."""
ANY = "any"
"""Stands for the name of a mode where an instruction leaves the mode open."""


def picture_shape(image_size: int, image_frames: int) -> tuple[int, ...]:
    """Return the shape of an episode's picture: (H, W, 3), or with past pictures (frames, H, W, 3)."""
    past = (image_frames,) if image_frames > 1 else ()
    return (*past, image_size, image_size, 3)


class Wording(NamedTuple):
    """All sentences that ask for one and the same thing."""

    seen: tuple[str, ...]
    """Sentences that a policy may learn from; the first is said in the undisturbed world."""
    unseen: tuple[str, ...]
    """Sentences that are kept for scoring; none where nobody has written any."""
