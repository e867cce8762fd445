"""Lift a T-shaped bar by one of the two ends of its crossbar; hub and stem must not be touched."""

import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

TEAL = (0.13, 0.50, 0.52)
RED = (0.85, 0.27, 0.22)
RUBBER = (0.16, 0.17, 0.19)

CROSSBAR = (0.026, 0.27, 0.035)
"""Extents of the crossbar [m]."""
HUB_DIAMETER = 0.102
"""The hub, where crossbar and stem meet [m]; 10.2 cm against the gripper's 8 cm stroke."""
HUB_HEIGHT = 0.07
"""Height of the hub [m]; the modes part above it."""
STEM = (0.15, 0.044, 0.035)
"""Extents of the stem [m], which begins in the middle of the crossbar."""
CAP = (0.030, 0.012, 0.039)
"""Extents of the caps on the crossbar's ends [m]."""
GRASP_Y = 0.102
"""Where an end is grasped, along y [m]."""
GRASP_Z = 0.022
"""TCP height of the grasp [m]."""
DECISION_Z = HUB_HEIGHT + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the hub."""


class LiftTBar(LiftTask):
    """Lift the T-bar by the left or the right end of its crossbar.

    **Goal**: hold the T-bar 6 cm above its rest for half a second, gripped by one end of the crossbar.
    **Randomised**: the T-bar's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the hub (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching hub or stem ends
    the episode.
    """

    id = "PandaLiftTBar-v1"
    goal = "Lift the T-shaped bar by the left or the right end of its crossbar, without touching hub or stem."
    modes = ("left end", "right end")
    max_episode_steps = 100
    objects = ("t_bar",)
    grasps = np.array([[0.0, GRASP_Y, GRASP_Z, ALONG_X], [0.0, -GRASP_Y, GRASP_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_end", "right_end")
    forbidden = ("hub", "stem")
    decision_z = DECISION_Z

    def build(self, scene: Scene) -> None:
        t_bar = scene.movable("t_bar")
        scene.cylinder(t_bar, "hub", HUB_DIAMETER, HUB_HEIGHT, (0, 0, HUB_HEIGHT / 2), RED, mass=0.06)
        scene.box(t_bar, "stem", STEM, (STEM[0] / 2, 0, STEM[2] / 2), RED, mass=0.02)
        for geom in self.forbidden:
            scene.watch(geom, geom)
        length = CROSSBAR[1] / 2
        z = CAP[2] / 2
        for name, side in (("left_end", 1), ("right_end", -1)):
            size = (CROSSBAR[0], length, CROSSBAR[2])
            at = (0, side * length / 2, z)
            scene.box(t_bar, name, size, at, TEAL, mass=0.02)
            scene.box(t_bar, f"{name}_cap", CAP, (0, side * length, z), RUBBER)
            scene.watch_fingers(name, name)
