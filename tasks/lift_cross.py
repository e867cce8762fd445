"""Lift a valve handle by one of its four grips; the hot hub between them must not be touched."""

import mujoco
import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X, ALONG_Y, DIAGONAL
from .lift_trefoil import HUB_HEIGHT, HUB_MASS, LiftByArm, grasps_across

IRON = (0.15, 0.36, 0.30)
BRASS = (0.83, 0.64, 0.24)
WALNUT = (0.42, 0.25, 0.14)

HUB_EDGE = 0.060
"""Edge of the square hub [m]; 8.5 cm from corner to corner, where a hand between two grasps comes down."""


class LiftCross(LiftByArm):
    """Lift the valve handle by one of its four grips.

    **Goal**: hold the handle 6 cm above its rest for half a second, by one grip.
    **Randomised**: the handle's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the hub (x +-5 mm, y +-3 mm, z +-1 cm), its fingers half-way between two grasps.
    **Success**: lifted >= 6 cm and slower than 10 cm/s for 10 control steps. Touching the hub or a rib ends
    the episode.
    """

    id = "PandaLiftCross-v1"
    goal = "Lift the valve handle by one of its four grips, without touching the hub and its ribs."
    modes = ("left grip", "right grip", "near grip", "far grip")
    centre = (0.53, 0.0)
    angles = np.deg2rad([90, 270, 180, 0])
    colours = (IRON, BRASS, WALNUT)
    grasps = grasps_across(angles, np.array([ALONG_X, ALONG_X, ALONG_Y, ALONG_Y]))
    hand_yaw = DIAGONAL
    parts = ("left_grip", "right_grip", "near_grip", "far_grip")
    forbidden = ("hub", "left_grip_rib", "right_grip_rib", "near_grip_rib", "far_grip_rib")
    arc_steps = 12

    def add_hub(self, scene: Scene, wheel: mujoco.MjsBody) -> None:
        size = (HUB_EDGE, HUB_EDGE, HUB_HEIGHT)
        scene.box(wheel, "hub", size, (0, 0, HUB_HEIGHT / 2), IRON, HUB_MASS)
