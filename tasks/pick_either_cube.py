"""Pick one of two equal cubes; a wall between them must not be touched."""

import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

GREEN = (0.20, 0.62, 0.38)
WALL = (0.84, 0.30, 0.26)

CUBE = 0.045
"""Edge of a cube [m]."""
CUBE_Y = 0.078
"""Distance of a cube's centre from the wall's [m]."""
WALL_SIZE = (0.095, 0.024, 0.08)
"""Extents of the wall [m]; 9.5 cm against the gripper's 8 cm stroke."""
DECISION_Z = WALL_SIZE[2] + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the wall."""


class PickEitherCube(LiftTask):
    """Pick up the left or the right cube.

    **Goal**: hold one of the two cubes 6 cm above its rest for half a second.
    **Randomised**: the position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees) of wall and cubes together;
    the hand starts above the wall (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: one cube lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the wall
    ends the episode.
    """

    id = "PandaPickEitherCube-v1"
    goal = "Pick up the left or the right cube, without touching the wall between them."
    modes = ("left cube", "right cube")
    max_episode_steps = 100
    objects = ("left_cube", "right_cube")
    grasps = np.array([[0.0, CUBE_Y, CUBE / 2, ALONG_X], [0.0, -CUBE_Y, CUBE / 2, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_cube", "right_cube")
    forbidden = ("wall",)
    decision_z = DECISION_Z
    arc_steps = 11

    def build(self, scene: Scene) -> None:
        wall = scene.fixed("wall")
        scene.box(wall, "wall", WALL_SIZE, (0, 0, WALL_SIZE[2] / 2), WALL)
        for name in self.objects:
            cube = scene.movable(name)
            scene.box(cube, name, (CUBE, CUBE, CUBE), (0, 0, 0), GREEN, mass=0.09)
            scene.watch_fingers(name, name)
        scene.watch("wall", "wall")

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {
            "wall": (0.0, 0.0, 0.0),
            "left_cube": (0.0, CUBE_Y, CUBE / 2),
            "right_cube": (0.0, -CUBE_Y, CUBE / 2),
        }


class PickEitherCubeV2(PickEitherCube):
    """Pick up a cube as in version 1, but choose it in the first executed block.

    **Goal**: hold one of the two cubes 6 cm above its rest for half a second.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the cubes touches the wall within 8 control steps.
    """

    id = "PandaPickEitherCube-v2"
    supersedes = "PandaPickEitherCube-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
