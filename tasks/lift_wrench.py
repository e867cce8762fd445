"""Lift a double-ended wrench by one of its two jaws; the guard around its middle must not be touched."""

import numpy as np

from ..envs.frames import rotation_z
from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

STEEL = (0.66, 0.69, 0.73)
YELLOW = (0.95, 0.73, 0.12)
RUBBER = (0.15, 0.16, 0.18)

GUARD_DIAMETER = 0.104
"""The guard [m]; 10.4 cm against the gripper's 8 cm stroke, so the middle cannot be grasped."""
GUARD_HEIGHT = 0.07
"""Height of the guard [m]; the modes part above it."""
RING_HEIGHT = 0.016
"""Height of the rubber ring around the guard's waist, a millimetre proud of it [m]."""
SHANK = (0.028, 0.18, 0.016)
"""Extents of the steel that joins the jaws through the guard [m]."""
JAW = (0.051, 0.046, 0.024)
"""Extents of a jaw as fingers feel it [m]."""
JAW_Y = 0.105
"""Distance of a jaw's centre from the middle [m]; the jaw is grasped there."""
JAW_Z = 0.030
"""Height of a jaw's centre [m]."""
HEAD_DIAMETER = 0.053
"""A jaw as it looks: the diameter of its round head [m]."""
MOUTH = 0.022
"""Width of the mouth in the head [m]."""
MOUTH_TILT = np.deg2rad(15)
"""How far the mouth is turned from the shank [rad]."""
GRASP_Z = 0.028
"""TCP height at which a jaw is grasped [m]."""
DECISION_Z = GUARD_HEIGHT + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the guard."""


class LiftWrench(LiftTask):
    """Lift the wrench by its left or its right jaw.

    **Goal**: hold the wrench 6 cm above its rest for half a second, gripped by one jaw.
    **Randomised**: the wrench's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the guard (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the guard ends the
    episode.
    """

    id = "PandaLiftWrench-v1"
    goal = (
        "Lift the double-ended wrench by its left or its right jaw, without touching the guard between them."
    )
    modes = ("left jaw", "right jaw")
    max_episode_steps = 100
    objects = ("wrench",)
    grasps = np.array([[0.0, JAW_Y, GRASP_Z, ALONG_X], [0.0, -JAW_Y, GRASP_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_jaw", "right_jaw")
    forbidden = ("guard", "ring")
    decision_z = DECISION_Z
    arc_steps = 11

    def build(self, scene: Scene) -> None:
        wrench = scene.movable("wrench")
        middle = (0, 0, GUARD_HEIGHT / 2)
        scene.cylinder(wrench, "guard", GUARD_DIAMETER - 0.002, GUARD_HEIGHT, middle, YELLOW, mass=0.06)
        scene.cylinder(wrench, "ring", GUARD_DIAMETER, RING_HEIGHT, middle, RUBBER, mass=0.01)
        scene.box(wrench, "shank", SHANK, (0, 0, JAW_Z), STEEL, mass=0.02)
        for geom in self.forbidden:
            scene.watch(geom, geom)
        for name, side in (("left_jaw", 1), ("right_jaw", -1)):
            at = (0, side * JAW_Y, JAW_Z)
            scene.box(wrench, name, JAW, at, colour=None, mass=0.02)
            scene.watch_fingers(name, name)
            vertices, faces = _open_head()
            scene.shell(wrench, f"{name}_head", np.array(at) + vertices * [side, side, 1], faces, STEEL)


def _open_head(points: int = 41) -> tuple[np.ndarray, np.ndarray]:
    """Return a round head with a mouth towards +y: vertices (4 `points`, 3) [m], faces (F, 3).

    Two lines run from one lip to the other, around the head and around the mouth; four copies of them,
    outside and inside, below and above, are joined into a closed band.
    """
    radius = HEAD_DIAMETER / 2
    half = MOUTH / 2
    lip = np.arcsin(half / radius) + 0.25
    around = np.linspace(lip, 2 * np.pi - lip, points)
    outside = radius * np.stack([np.sin(around), np.cos(around)], 1)
    throat = np.linspace(np.pi / 2, 3 * np.pi / 2, points - 2)
    bottom = half * np.stack([np.sin(throat), np.cos(throat)], 1)
    edge = np.sqrt(radius**2 - half**2)
    inside = np.concatenate([[[half, edge]], bottom, [[-half, edge]]])
    lines = np.concatenate([outside, inside, inside, outside]) @ rotation_z(MOUTH_TILT)[:2, :2].T
    z = np.repeat([-JAW[2] / 2, JAW[2] / 2], 2 * points)
    first = np.arange(points - 1)
    faces = []
    for line in range(4):
        a = first + line * points
        b = first + (line + 1) % 4 * points
        faces += [np.stack([a, a + 1, b + 1], 1), np.stack([a, b + 1, b], 1)]
    ends = np.arange(4) * points
    for corner, turn in ((ends, 1), (ends + points - 1, -1)):
        faces += [corner[[0, 1, 2]][None, ::turn], corner[[0, 2, 3]][None, ::turn]]
    return np.column_stack([lines, z]), np.concatenate(faces)
