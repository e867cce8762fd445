"""Shapes that are laid into a picture of a scene and are no part of it: they shine and throw no shadow."""

from typing import NamedTuple

import mujoco
import numpy as np

from .colours import Colour, shares

_THIN = 0.004  # width of a line [m]
_SIDES = 20  # of a ring


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


def ring(centre: np.ndarray, radius: float, colour: Colour) -> list[Mark]:
    """Return a level ring around a point (3,), world [m]."""
    turn = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    points = centre[:2] + radius * np.stack([np.cos(turn), np.sin(turn)], -1)
    return outline(points, float(centre[2]), colour)


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
