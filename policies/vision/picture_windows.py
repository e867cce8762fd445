"""From demonstrations to training windows with pictures; called when a vision policy is trained."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...envs.errors import BimodalError
from ...envs.specs import ROBOT_OBSERVATION, of_arms
from ...tasks import load_task
from ...tasks.demonstrations.pictures import DemonstrationPictures, demonstration_pictures
from ...tasks.demonstrations.record import Demonstrations
from ..core.dataset import Windows, make_windows


def make_picture_windows(
    path: Path,
    demonstrations: Demonstrations,
    cameras: Sequence[str],
    image_size: int,
    reach: int,
    n_obs_steps: int,
) -> Windows:
    """Cut one window for each moment of which there are pictures; poses of objects become labels.

    Args:
        path: the demonstrations' file, beside which the pictures are kept.
        demonstrations: what it holds.
        cameras: names of pictures, of `envs.images.IMAGES`.
        image_size: their width and height [pixels].
        reach: R, how many frames a window looks ahead.
        n_obs_steps: K, how many frames of the hand a policy sees.

    Raises:
        BimodalError: graded demonstrations, some of which fail; or pictures that cannot be drawn.
    """
    if demonstrations.returns is not None:
        raise BimodalError("vision methods learn from demonstrations that succeed, as of the regime bi50")
    hand, objects = _parted(demonstrations)
    windows = make_windows(hand, reach, n_obs_steps)
    poses = make_windows(objects, reach)
    # of these, the moments of which there are pictures
    drawn = demonstration_pictures(path, cameras, image_size)
    kept = demonstrations.success[drawn.episodes]
    rows = _rows(demonstrations, drawn)[kept]
    chosen = {name: getattr(windows, name)[rows] for name in ("ahead", "behind", "modes", "returns")}
    return replace(
        windows,
        **chosen,
        pictures=np.stack([drawn.images[name][kept] for name in cameras], 1),
        poses=poses.observations[rows],
        pose_components=poses.components,
    )


def _parted(demonstrations: Demonstrations) -> tuple[Demonstrations, Demonstrations]:
    """Return what a policy is given of the demonstrations, the hand, and what it is not, the objects."""
    arms = load_task(demonstrations.meta["task"]).arms
    hands = {spec.name for spec in of_arms(ROBOT_OBSERVATION, arms)}
    seen = demonstrations.observations
    hand = {name: values for name, values in seen.items() if name in hands}
    objects = {name: values for name, values in seen.items() if name not in hands}
    return demonstrations._replace(observations=hand), demonstrations._replace(observations=objects)


def _rows(demonstrations: Demonstrations, drawn: DemonstrationPictures) -> np.ndarray:
    """Return the windows of the moments that are drawn, (P,): windows are cut from episodes that succeed."""
    place = np.cumsum(demonstrations.success) - 1
    return place[drawn.episodes] * demonstrations.actions.shape[1] + drawn.frames
