"""Lift a rack by the square knob in its middle: either pair of sides will do, but between the two the hand
comes down on the glass tubes at the corners.
"""

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.task import ALONG_X, ALONG_Y, DIAGONAL, Measurement
from .lift import LiftTask

ALUMINIUM = (0.62, 0.65, 0.69)
BLACK = (0.15, 0.16, 0.18)
GLASS = (0.45, 0.72, 0.78)

RACK = (0.10, 0.10, 0.016)
"""Extents of the rack [m]."""
KNOB = (0.042, 0.042, 0.046)
"""Extents of the square knob on it [m]."""
TUBE_DIAMETER = 0.013
"""Diameter of a tube [m]."""
TUBE_HEIGHT = 0.058
"""Height of a tube, from the rack up [m]; 12 mm more than the knob's."""
TUBE_XY = 0.0335
"""Distance of a tube from the middle along x and y [m]: 4.7 cm in all, under the open fingers (4 to 5.4 cm)
of a hand that is turned by 45 degrees."""
TOP_Z = RACK[2] + TUBE_HEIGHT
"""Top of the tubes [m]."""
GRASP_Z = TOP_Z - 0.024
"""TCP height of the grasp [m]: the palm (3.1 cm above) 7 mm over the tubes."""
DECISION_Z = TOP_Z + 0.0092 + 0.011
"""TCP height where the modes part [m]: the fingertips 11 mm above the tubes."""


class LiftKnob(LiftTask):
    """Lift the rack by the x sides or by the y sides of its knob: the modes differ only in the hand's yaw.

    **Goal**: hold the rack 6 cm above its rest for half a second, gripped by two opposite sides of the knob.
    **Randomised**: the rack's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts above
    the knob (x +-5 mm, y +-3 mm, z +-1 cm), turned 45 degrees to it.
    **Success**: lifted >= 6 cm and slower than 5 cm/s for 10 control steps. Touching a tube ends the
    episode.
    """

    id = "PandaLiftKnob-v1"
    goal = "Lift the rack by the x sides or by the y sides of its square knob, without touching the tubes."
    modes = ("x sides", "y sides")
    max_episode_steps = 100
    objects = ("rack",)
    grasps = np.array([[0.0, 0.0, GRASP_Z, ALONG_X], [0.0, 0.0, GRASP_Z, ALONG_Y]])
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    hand_yaw = DIAGONAL
    parts = ("knob",)
    forbidden = ("tube_0", "tube_1", "tube_2", "tube_3")
    decision_z = DECISION_Z
    arc_steps = 11

    def build(self, scene: Scene) -> None:
        rack = scene.movable("rack")
        scene.box(rack, "plate", RACK, (0, 0, RACK[2] / 2), ALUMINIUM, mass=0.14)
        scene.box(rack, "knob", KNOB, (0, 0, RACK[2] + KNOB[2] / 2), BLACK, mass=0.04)
        scene.watch_fingers("knob", "knob")
        for index, name in enumerate(self.forbidden):
            x = TUBE_XY * (1 - 2 * (index // 2))
            y = TUBE_XY * (1 - 2 * (index % 2))
            at = (x, y, RACK[2] + TUBE_HEIGHT / 2)
            scene.cylinder(rack, name, TUBE_DIAMETER, TUBE_HEIGHT, at, GLASS, mass=0.01)
            scene.watch(name, name)

    def measure(self, simulation: Simulation) -> Measurement:
        seen = super().measure(simulation)
        yaw = seen.hand[:, 3]
        sides = np.where(np.abs(np.cos(yaw)) > np.abs(np.sin(yaw)), 0, 1)
        return seen._replace(part=np.where(seen.in_hand, sides, -1).astype(np.int8))


class LiftKnobV2(LiftKnob):
    """Lift the rack as in version 1, but choose the sides in the first executed block.

    **Goal**: hold the rack 6 cm above its rest for half a second, gripped by two opposite sides of the knob.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1. The average of the sides touches a tube within 8 control steps.
    """

    id = "PandaLiftKnob-v2"
    supersedes = "PandaLiftKnob-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
