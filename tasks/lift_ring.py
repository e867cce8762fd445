"""Lift a capstan wheel by one of its eight grips; the drum between them must not be touched."""

import mujoco
import numpy as np

from ..envs.frames import heading, yaw_quaternion
from ..envs.scene import Scene, Triple
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
FINS = tuple(f"fin_{index}" for index in range(len(ANGLES)))
"""Names of the fins, grip by grip."""
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
    forbidden = ("drum", *FINS)
    arc_steps = 12
    dead_zone = (0.3, 0.7)
    informed_control = "mse_labelled"

    def build(self, scene: Scene) -> None:
        wheel = scene.movable("wheel")
        add_wheel(scene, wheel, self.colours, self.angles, self.forbidden[: 1 + len(FINS)], self.parts)
        for name in self.forbidden:
            scene.watch(name, name)
        for name in self.parts:
            scene.watch_fingers(name, name)


def add_wheel(
    scene: Scene,
    body: mujoco.MjsBody,
    colours: tuple[Triple, Triple, Triple],
    angles: np.ndarray,
    middle: tuple[str, ...],
    grips: tuple[str, ...],
    at: tuple[float, float] | np.ndarray = (0.0, 0.0),
) -> None:
    """Add a drum with its cap, and a fin and a grip at each of `angles` (k,) [rad].

    Args:
        scene: to which they are added.
        body: to which they belong.
        colours: of drum and fins, cap, and grips.
        angles: where the grips point, the body's frame.
        middle: names of the drum and of the k fins; that of the cap begins like the drum's.
        grips: names of the k grips.
        at: where the drum's middle is, x and y in the body's frame [m], (2,).
    """
    enamel, brass, cork = colours
    drum, *fins = middle
    cap = drum.replace("drum", "cap")
    scene.cylinder(body, drum, DRUM_DIAMETER, DRUM_HEIGHT, (at[0], at[1], DRUM_HEIGHT / 2), enamel, DRUM_MASS)
    outline = np.stack([ring(CAP + at, DRUM_HEIGHT + z) for z in (0, 0.002)])
    scene.shell(body, cap, *loft(outline), brass)
    for grip, fin, angle in zip(grips, fins, angles, strict=True):
        along = heading(angle)
        quat = yaw_quaternion(angle)
        x, y = FIN_RADIUS * along + at
        scene.box(body, fin, FIN, (x, y, FIN[2] / 2), enamel, 0.003, quat)
        x, y = GRIP_RADIUS * along + at
        scene.box(body, grip, GRIP, (x, y, GRASP_Z), cork, 0.006, quat)
