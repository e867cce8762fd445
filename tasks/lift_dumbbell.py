"""Lift a dumbbell by one of its two bars; the hub between them is wider than the gripper opens."""

import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

ORANGE = (0.95, 0.42, 0.16)
BLUE = (0.12, 0.42, 0.86)

HUB = (0.095, 0.06, 0.065)
"""Extents of the hub [m]; 9.5 cm against the gripper's 8 cm stroke, so the middle cannot be grasped."""
BAR = (0.026, 0.10, 0.035)
"""Extents of a bar [m]."""
GRASP_Y = 0.095
"""Where a bar is grasped, along y [m]."""
GRASP_Z = 0.022
"""TCP height of the grasp [m]."""
DECISION_Z = HUB[2] + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips (9.2 mm below the TCP) 15 mm above the hub."""


class LiftDumbbell(LiftTask):
    """Lift the dumbbell by its left or its right bar.

    **Goal**: hold the dumbbell 6 cm above its rest for half a second, gripped by one bar.
    **Randomised**: the dumbbell's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the hub (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the hub ends the
    episode.
    """

    id = "PandaLiftDumbbell-v1"
    goal = "Lift the dumbbell by its left or its right bar, without touching the hub between them."
    modes = ("left bar", "right bar")
    max_episode_steps = 100
    objects = ("dumbbell",)
    grasps = np.array([[0.0, GRASP_Y, GRASP_Z, ALONG_X], [0.0, -GRASP_Y, GRASP_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_bar", "right_bar")
    forbidden = ("hub",)
    decision_z = DECISION_Z

    def build(self, scene: Scene) -> None:
        body = scene.movable("dumbbell")
        scene.box(body, "hub", HUB, (0, 0, HUB[2] / 2), ORANGE, mass=0.08)
        reach = HUB[1] / 2 + BAR[1] / 2
        for name, side in (("left_bar", 1), ("right_bar", -1)):
            scene.box(body, name, BAR, (0, side * reach, BAR[2] / 2), BLUE, mass=0.02)
            scene.watch_fingers(name, name)
        scene.watch("hub", "hub")


class LiftDumbbellV2(LiftDumbbell):
    """Lift the dumbbell as in version 1, but choose the bar in the first executed block.

    **Goal**: hold the dumbbell 6 cm above its rest for half a second, gripped by one bar.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the bars touches the hub within 8 control steps.
    """

    id = "PandaLiftDumbbell-v2"
    supersedes = "PandaLiftDumbbell-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
