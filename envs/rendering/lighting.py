"""The light of a picture: brightness by quality, two lamps, and how they move while pictures are averaged."""

from typing import NamedTuple

import mujoco
import numpy as np

from ..frames import heading

WORKSPACE = np.array([0.42, 0.0, 0.10])
"""What the lights aim at [m]."""
_LAMP_DISTANCE = 2.2  # from there to a light [m]


class LightingPreset(NamedTuple):
    """The light of one quality of picture."""

    ambient: float
    """Brightness of light from everywhere."""
    head: float
    """Brightness of the lamp on the camera."""
    key: float
    """Brightness of the main lamp, which casts the shadows."""
    fill: float
    """Brightness of the second lamp; in stills it is a piece of the sky and casts shadows too."""
    sky: bool
    """Whether the second lamp wanders over the sky."""
    shadows: int
    """Side of the shadow map [pixels]; 0 draws no shadows."""
    passes: int
    """Pictures averaged into one; they soften shadows and edges."""
    air: bool = True
    """Whether sky and haze are drawn."""
    blur: float = 0.0
    """Radius of a box that smooths the edges of a single picture [pixels]."""


LIGHTING_PRESETS = {
    "policy": LightingPreset(
        ambient=0.30, head=0.17, key=0.53, fill=0.28, sky=False, shadows=0, passes=1, air=False
    ),
    "video": LightingPreset(
        ambient=0.30, head=0.17, key=0.53, fill=0.28, sky=False, shadows=1024, passes=1, blur=0.2
    ),
    "still": LightingPreset(ambient=0.26, head=0.16, key=0.60, fill=0.40, sky=True, shadows=2048, passes=32),
}
"""Quality -> light."""
KEY_DIRECTION = np.array([-0.38, 0.42, -1.0])
FILL_DIRECTION = np.array([-0.8, -0.7, -0.9])
"""Directions in which the lamps shine, world."""
_SKY_TINT = np.array([0.95, 1.0, 1.08])
_KEY_RADIUS = 0.08  # of the key lamp's disc, as a share of its distance


class LightPass(NamedTuple):
    """Light and position of one of the pictures that are averaged."""

    key: np.ndarray
    """Direction of the key lamp, (3,)."""
    sky: np.ndarray
    """Direction of the light from a piece of the sky, (3,)."""
    shift: np.ndarray
    """By how much the picture is moved, right and up, (2,) [pixels]."""


def lamp_position(direction: np.ndarray) -> np.ndarray:
    """Return where a light that shines along `direction` (3,) stands, world (3,) [m]."""
    return WORKSPACE - _LAMP_DISTANCE * direction / np.linalg.norm(direction)


def set_lights(model: mujoco.MjModel, light: LightingPreset) -> None:
    """Set brightness, shadows and directions of the headlight and the two lamps of a drawn model."""
    head = model.vis.headlight
    head.ambient[:] = light.ambient
    head.diffuse[:] = light.head
    head.specular[:] = 0.05
    model.vis.quality.shadowsize = max(light.shadows, 1)
    lamps = (("key", light.key, 0.25, KEY_DIRECTION), ("fill", light.fill, 0.0, FILL_DIRECTION))
    for name, brightness, shine, direction in lamps:
        lamp = model.light(name)
        lamp.diffuse[:] = brightness * (_SKY_TINT if light.sky and name == "fill" else 1.0)
        lamp.specular[:] = shine
        lamp.castshadow[:] = light.shadows > 0 and (light.sky or name == "key")
        lamp.dir[:] = direction / np.linalg.norm(direction)
        lamp.pos[:] = lamp_position(direction)


def rotation_between(way: np.ndarray, other: np.ndarray) -> np.ndarray | None:
    """Return the rotation (3, 3) that turns one direction (3,) into another, None where they are the same."""
    if np.array_equal(way, other):
        return None
    axis = np.cross(way, other)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + way @ other)


def light_passes(passes: int) -> list[LightPass]:
    """Return where the light comes from in each of the pictures that are averaged into one, evenly spread.

    The key lamp is a disc. The sky is a hemisphere whose zenith is drawn most (cos^2), as it lights a
    table most. A single pass takes the middle of all three.
    """
    if passes == 1:
        return [LightPass(KEY_DIRECTION, np.array([0.0, 0.0, -1.0]), np.zeros(2))]
    index = np.arange(passes)
    # four additive recurrences of irrational steps, which cover the interval evenly
    a, b, c, d = ((index + 0.5) * step % 1.0 for step in (0.6180340, 0.7548777, 0.5698403, 0.3819660))
    wide = _KEY_RADIUS * np.sqrt((index + 0.5) / passes)
    disc = np.column_stack([wide[:, None] * heading(2 * np.pi * a), 0 * a])
    height = np.clip(1.0 - b, 0.002, 1.0) ** (1.0 / 3.0)
    level = np.sqrt(1.0 - height**2)
    sky = -np.column_stack([level[:, None] * heading(2 * np.pi * c), height])
    shift = np.stack([(index + 0.5) / passes, d], axis=1) - 0.5
    return [LightPass(*one) for one in zip(KEY_DIRECTION + disc, sky, shift, strict=True)]
