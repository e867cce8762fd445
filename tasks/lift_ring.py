"""Lift a capstan wheel by one of its eight grips; the drum between them must not be touched."""

import numpy as np

from ..envs.frames import heading, yaw_quaternion
from ..envs.scene import Scene
from .core.loft import loft, ring
from .core.task import ALONG_Y
from .lift_trefoil import LiftByArm

ENAMEL = (0.16, 0.24, 0.38)
BRASS = (0.83, 0.64, 0.24)
CORK = (0.76, 0.56, 0.36)

DRUM_DIAMETER = 0.116
"""The drum [m]; a hand between two grips that are a quarter turn apart still comes down on it."""
DRUM_HEIGHT = 0.085
"""Height of the drum [m]; the modes part above it."""
DRUM_MASS = 0.12
"""Mass of the drum [kg]: most of the wheel's."""
FIN = (0.030, 0.008, 0.084)
"""Extents of the fin between drum and grip [m]: along the radius, across, up. Fingers that come down between
two neighbouring grips meet two of them."""
FIN_RADIUS = 0.067
"""Where the middle of a fin is, along the radius [m]."""
GRIP = (0.065, 0.022, 0.035)
"""Extents of a grip [m]: along the radius, across, up."""
GRIP_RADIUS = 0.1175
"""Where the middle of a grip is, along the radius [m]."""
GRASP_RADIUS = 0.122
"""Where a grip is grasped, along the radius [m]."""
GRASP_Z = 0.040
"""TCP height of the grasp, and of a grip's middle [m]: the palm stays above the fins."""
DECISION_Z = DRUM_HEIGHT + 0.0092 + 0.021
"""TCP height where the modes part [m]: the fingertips (9.2 mm below the TCP) 21 mm above the drum."""
ANGLES = np.deg2rad(np.arange(0, 360, 45))
"""Where each grip points, scene frame [rad]: away from the robot, then counter-clockwise."""
YAWS = ALONG_Y + ANGLES % np.pi
"""How the hand is turned at each grip [rad]: its fingers, which are alike, on both sides of the grip."""
CAP = 0.043 * heading(np.deg2rad(np.arange(0, 360, 9)))
"""Outline of the brass cap on the drum, which is only seen [m]."""


class LiftRing(LiftByArm):
    """Lift the capstan wheel by one of its eight grips.

    **Goal**: hold the wheel 6 cm above its rest for half a second, by one grip.
    **Randomised**: the wheel's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the drum (x +-5 mm, y +-3 mm, z +-1 cm), its fingers half-way between two grips.
    **Success**: lifted >= 6 cm and slower than 10 cm/s for 10 control steps. Touching the drum or a fin ends
    the episode.
    """

    id = "PandaLiftRing-v1"
    goal = "Lift the wheel by one of its eight grips, without touching the drum and its fins."
    modes = ("far", "far left", "left", "near left", "near", "near right", "right", "far right")
    centre = (0.53, 0.0)
    angles = ANGLES
    colours = (ENAMEL, BRASS, CORK)
    grasps = np.column_stack([GRASP_RADIUS * heading(ANGLES), np.full(len(ANGLES), GRASP_Z), YAWS])
    hand_start = (0.0, 0.0, DECISION_Z + 0.10)
    hand_yaw = float(YAWS.mean())
    decision_z = DECISION_Z
    parts = tuple(f"{name.replace(' ', '_')}_grip" for name in modes)
    forbidden = ("drum", *(f"fin_{index}" for index in range(len(modes))))
    arc_steps = 12
    dead_zone = (0.3, 0.7)
    informed_control = "mse_labelled"

    def build(self, scene: Scene) -> None:
        wheel = scene.movable("wheel")
        drum, cap, cork = self.colours
        at = (0, 0, DRUM_HEIGHT / 2)
        scene.cylinder(wheel, "drum", DRUM_DIAMETER, DRUM_HEIGHT, at, drum, DRUM_MASS)
        scene.shell(wheel, "cap", *loft(np.stack([ring(CAP, DRUM_HEIGHT + z) for z in (0, 0.002)])), cap)
        for part, fin, angle in zip(self.parts, self.forbidden[1:], self.angles, strict=True):
            along = heading(angle)
            quat = yaw_quaternion(angle)
            scene.box(wheel, fin, FIN, (*FIN_RADIUS * along, FIN[2] / 2), drum, 0.003, quat)
            scene.box(wheel, part, GRIP, (*GRIP_RADIUS * along, GRASP_Z), cork, 0.006, quat)
        for name in self.forbidden:
            scene.watch(name, name)
        for name in self.parts:
            scene.watch_fingers(name, name)
