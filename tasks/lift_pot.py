"""Lift a covered pot by one of its two handles; the domed lid between them must not be touched."""

import numpy as np

from ..envs.scene import Scene
from .core.task import ALONG_X
from .lift import LiftTask

ENAMEL = (0.78, 0.16, 0.15)
LID = (0.93, 0.90, 0.84)
HANDLE = (0.16, 0.17, 0.19)

POT_DIAMETER = 0.14
"""Diameter of the pot's body [m]."""
POT_HEIGHT = 0.072
"""Height of the pot's body, without its lid [m]."""
RIM_HEIGHT = 0.008
"""Flat rim of the lid [m]."""
DOME_DIAMETER = 0.095
"""Raised middle of the lid [m]; wider than the gripper's 8 cm stroke."""
DOME_HEIGHT = 0.035
"""Height of the dome over the lid's rim [m]."""
HANDLE_SIZE = (0.02, 0.05, 0.015)
"""Extents of a handle [m]."""
HANDLE_Y = 0.0925
"""Distance of a handle's centre from the middle [m]."""
HANDLE_Z = 0.062
"""Height of a handle's centre, and of the TCP that grasps it [m]."""
GRASP_Y = 0.10
"""Where a handle is grasped, along y [m]."""
TOP_Z = POT_HEIGHT + RIM_HEIGHT + DOME_HEIGHT
"""Top of the dome [m]."""
DECISION_Z = TOP_Z + 0.0092 + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the dome."""


class LiftPot(LiftTask):
    """Lift the pot by its left or its right handle.

    **Goal**: hold the pot 6 cm above its rest for half a second, gripped by one handle.
    **Randomised**: the pot's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the lid (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching the lid ends the
    episode.
    """

    id = "PandaLiftPot-v1"
    goal = "Lift the pot by its left or its right handle, without touching the lid."
    modes = ("left handle", "right handle")
    max_episode_steps = 100
    objects = ("pot",)
    grasps = np.array([[0.0, GRASP_Y, HANDLE_Z, ALONG_X], [0.0, -GRASP_Y, HANDLE_Z, ALONG_X]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    parts = ("left_handle", "right_handle")
    forbidden = ("lid_rim", "lid_dome")
    decision_z = DECISION_Z

    def build(self, scene: Scene) -> None:
        pot = scene.movable("pot")
        scene.cylinder(pot, "body", POT_DIAMETER, POT_HEIGHT, (0, 0, POT_HEIGHT / 2), ENAMEL, mass=0.11)
        rim_z = POT_HEIGHT + RIM_HEIGHT / 2
        scene.cylinder(pot, "lid_rim", POT_DIAMETER - 0.004, RIM_HEIGHT, (0, 0, rim_z), LID, mass=0.02)
        dome_z = TOP_Z - DOME_HEIGHT / 2
        scene.cylinder(pot, "lid_dome", DOME_DIAMETER, DOME_HEIGHT, (0, 0, dome_z), LID, mass=0.02)
        for name, side in (("left_handle", 1), ("right_handle", -1)):
            scene.box(pot, name, HANDLE_SIZE, (0, side * HANDLE_Y, HANDLE_Z), HANDLE, mass=0.02)
            scene.watch_fingers(name, name)
        scene.watch("lid_rim", "lid_rim")
        scene.watch("lid_dome", "lid_dome")


class LiftPotV2(LiftPot):
    """Lift the pot as in version 1, but choose the handle in the first executed block.

    **Goal**: hold the pot 6 cm above its rest for half a second, gripped by one handle.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the handles touches the lid within 8 control steps.
    """

    id = "PandaLiftPot-v2"
    supersedes = "PandaLiftPot-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
