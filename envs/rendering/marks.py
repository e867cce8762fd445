"""Shapes that are laid into a picture of a scene and are no part of it: they shine and throw no shadow."""

from typing import NamedTuple

import mujoco
import numpy as np

from .colours import Colour, shares

_THIN = 0.004  # width of a line [m]
_PAD = (0.022, 0.032)  # width and height of a marked finger pad [m]


class Mark(NamedTuple):
    """One shape."""

    kind: str
    """As MuJoCo calls it, "box" or "sphere"."""
    size: tuple[float, float, float]
    """Its extents [m]."""
    at: tuple[float, float, float]
    """Its centre, world [m]."""
    colour: Colour
    yaw: float = 0.0
    """By how much it is turned about z [rad]."""


def outline(points: np.ndarray, z: float, colour: Colour) -> list[Mark]:
    """Return lines along the edges of a polygon (P, 2) that lies at height z, world [m]."""
    marks = []
    for here, there in zip(points, np.roll(points, -1, axis=0), strict=True):
        x, y = (here + there) / 2
        way = there - here
        size = (float(np.linalg.norm(way)) + _THIN, _THIN, _THIN / 2)
        marks.append(Mark("box", size, (x, y, z + _THIN / 4), colour, float(np.arctan2(way[1], way[0]))))
    return marks


def hand(pose: np.ndarray, reach: float, colour: Colour) -> list[Mark]:
    """Return two upright finger pads, joined by a rod at their upper ends.

    Args:
        pose: of a hand from above: x, y, z [m] and yaw of the finger-opening axis [rad], world, (4,).
        reach: distance of each pad from the middle [m].
        colour: of all.
    """
    x, y, z, yaw = map(float, pose)
    way = reach * np.array([np.cos(yaw), np.sin(yaw)])
    wide, tall = _PAD
    pads = [
        Mark("box", (_THIN, wide, tall), (x + side * way[0], y + side * way[1], z), colour, yaw)
        for side in (-1, 1)
    ]
    return [*pads, Mark("box", (2 * reach, _THIN, _THIN), (x, y, z + tall / 2), colour, yaw)]


def lay(scene: mujoco.MjvScene, mark: Mark) -> None:
    """Add a mark to a scene that is drawn next; a scene that is full stays as it is."""
    if scene.ngeom >= scene.maxgeom:
        return
    c = np.cos(mark.yaw)
    s = np.sin(mark.yaw)
    geom = scene.geoms[scene.ngeom]
    mujoco.mjv_initGeom(
        geom,
        getattr(mujoco.mjtGeom, f"mjGEOM_{mark.kind.upper()}"),
        np.array(mark.size, float) / 2,
        np.array(mark.at, float),
        np.array([c, -s, 0, s, c, 0, 0, 0, 1], float),
        np.array([*(0.5 * share for share in shares(mark.colour)), 1], np.float32),
    )
    geom.emission = 1.0  # half of the colour shines, the rest is lit
    geom.castshadow = False
    scene.ngeom += 1
