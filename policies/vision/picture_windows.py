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
from ..core.dataset import Extent, Windows, make_windows


def make_picture_windows(
    path: Path, demonstrations: Demonstrations, cameras: Sequence[str], extent: Extent
) -> Windows:
    """Cut one window for each moment of which there are pictures; poses of objects become labels.

    Args:
        path: the demonstrations' file, beside which the pictures are kept.
        demonstrations: what it holds.
        cameras: names of pictures, of `envs.images.IMAGES`.
        extent: how much a window shows.

    Raises:
        BimodalError: graded demonstrations, some of which fail; or pictures that cannot be drawn.
    """
    if demonstrations.returns is not None:
        raise BimodalError("vision methods learn from demonstrations that succeed, as of the regime bi50")
    hand, objects = _parted(demonstrations)
    windows = make_windows(hand, extent.reach, extent.n_obs_steps)
    poses = make_windows(objects, extent.reach)
    # of these, the moments of which there are pictures
    drawn = demonstration_pictures(path, cameras, extent.image_size)
    kept = demonstrations.success[drawn.episodes]
    rows = _rows(demonstrations, drawn)[kept]
    chosen = {name: getattr(windows, name)[rows] for name in ("ahead", "behind", "modes", "returns")}
    return replace(
        windows,
        **chosen,
        pictures=_beside(drawn, cameras, kept),
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


def _beside(drawn: DemonstrationPictures, cameras: Sequence[str], kept: np.ndarray) -> np.ndarray:
    """Return the pictures of the moments kept (P,) bool, all cameras of one beside each other.

    They are taken out of `drawn` one by one, as those of 224 pixels are gigabytes.
    """
    shape = (int(kept.sum()), len(cameras), *drawn.images[cameras[0]].shape[1:])
    found = np.empty(shape, np.uint8)
    for index, name in enumerate(cameras):
        np.compress(kept, drawn.images.pop(name), axis=0, out=found[:, index])
    return found


def _rows(demonstrations: Demonstrations, drawn: DemonstrationPictures) -> np.ndarray:
    """Return the windows of the moments that are drawn, (P,): windows are cut from episodes that succeed."""
    place = np.cumsum(demonstrations.success) - 1
    return place[drawn.episodes] * demonstrations.actions.shape[1] + drawn.frames
