"""Lift a spider hub by one of its three arms; the ground brass hub between them must not be touched."""

from typing import ClassVar

import mujoco
import numpy as np

from ..envs.frames import heading, yaw_quaternion
from ..envs.scene import Scene, Triple
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.loft import loft, ring
from .core.task import ALONG_X, Measurement
from .lift import LiftTask

BRASS = (0.83, 0.64, 0.24)
STEEL = (0.60, 0.63, 0.67)
RUBBER = (0.75, 0.13, 0.14)

HUB_DIAMETER = 0.082
"""The hub [m]; wider than the gripper's 8 cm stroke."""
HUB_HEIGHT = 0.085
"""Height of the hub [m]; the modes part above it."""
HUB_MASS = 0.15
"""Mass of the hub [kg]: most of the wheel's."""
RIB_WIDTH = 0.020
"""Width of a rib between hub and arm [m]; it stops fingers that come down between two arms."""
RIB_HEIGHT = 0.084
"""Height of a rib [m]: a millimetre below the hub."""
RIB_END = 0.056
"""Where a rib ends and its arm begins, along the radius [m]."""
ARM = (0.078, 0.024, 0.035)
"""Extents of an arm [m]: along the radius, across, up."""
GRASP_RADIUS = 0.11
"""Where an arm is grasped, along the radius [m]."""
GRASP_Z = 0.022
"""TCP height of the grasp, and of an arm's centre [m]."""
OPENING = 0.05
"""How far the gripper opens [m], from the first step on: an opening that changes where the modes part would
show a policy that lags or hurries which side of the parting it is on."""
STEADY = 0.10
"""Below this speed of its hub a wheel is at rest [m/s]; 11 cm from the hand, the hub shows its every turn."""
NUT = 0.012 * heading(np.arange(6) * np.pi / 3)
"""Outline of the nut on the hub, which is only seen [m]."""
DECISION_Z = HUB_HEIGHT + 0.0092 + 0.018
"""TCP height where the modes part [m]: the fingertips (9.2 mm below the TCP) 18 mm above the hub."""


def grasps_across(angles: np.ndarray, yaws: np.ndarray) -> np.ndarray:
    """Return the grasps (k, 4) of arms that point at `angles` (k,), with hands at `yaws` (k,) [rad]."""
    return np.column_stack([GRASP_RADIUS * heading(angles), np.full(len(angles), GRASP_Z), yaws])


class LiftByArm(LiftTask):
    """Base of the tasks with a hub and arms around it; they differ in number and looks."""

    angles: ClassVar[np.ndarray]
    """Where each arm points, scene frame [rad], (k,)."""
    colours: ClassVar[tuple[Triple, Triple, Triple]]
    """Of hub and ribs, nut, and arms."""
    max_episode_steps = 100
    objects = ("wheel",)
    hand_start = (0.0, 0.0, DECISION_Z + 0.10)
    decision_z = DECISION_Z

    def build(self, scene: Scene) -> None:
        wheel = scene.movable("wheel")
        cast, nut, arm = self.colours
        self.add_hub(scene, wheel)
        scene.shell(wheel, "nut", *loft(np.stack([ring(NUT, HUB_HEIGHT + z) for z in (0, 0.006)])), nut)
        scene.watch("hub", "hub")
        rib_length = RIB_END - 0.02
        rib_radius = (RIB_END + 0.02) / 2
        arm_radius = RIB_END + ARM[0] / 2
        for name, angle in zip(self.parts, self.angles, strict=True):
            along = heading(angle)
            quat = yaw_quaternion(angle)
            at = (*rib_radius * along, RIB_HEIGHT / 2)
            scene.box(wheel, f"{name}_rib", (rib_length, RIB_WIDTH, RIB_HEIGHT), at, cast, 0.005, quat)
            at = (*arm_radius * along, GRASP_Z)
            scene.box(wheel, name, ARM, at, arm, 0.012, quat)
            scene.watch(f"{name}_rib", f"{name}_rib")
            scene.watch_fingers(name, name)

    def add_hub(self, scene: Scene, wheel: mujoco.MjsBody) -> None:
        """Add the shape `hub`, on which the fingers stand when they come down over its middle."""
        raise NotImplementedError

    def begin(self, start: np.ndarray) -> HandPath:
        return HandPath(start, self.hand_yaw, OPENING)

    def measure(self, simulation: Simulation) -> Measurement:
        seen = super().measure(simulation)
        steady = simulation.speed("wheel") < STEADY
        return seen._replace(at_goal=(seen.lift >= self.success_height) & steady & seen.in_hand)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.opening < 0.03


class LiftTrefoil(LiftByArm):
    """Lift the spider hub by one of its three arms.

    **Goal**: hold the spider 6 cm above its rest for half a second, gripped by one arm.
    **Randomised**: the spider's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the hub (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: lifted >= 6 cm and slower than 10 cm/s for 10 control steps. Touching the hub or a rib ends
    the episode.
    """

    id = "PandaLiftTrefoil-v1"
    goal = "Lift the spider hub by one of its three arms, without touching the brass hub and its ribs."
    modes = ("left arm", "near right arm", "far right arm")
    angles = np.deg2rad([90, 210, 330])
    colours = (BRASS, STEEL, RUBBER)
    grasps = grasps_across(angles, np.array([ALONG_X, ALONG_X - np.pi / 3, ALONG_X + np.pi / 3]))
    parts = ("left_arm", "near_arm", "far_arm")
    forbidden = ("hub", "left_arm_rib", "near_arm_rib", "far_arm_rib")
    arc_steps = 11

    def add_hub(self, scene: Scene, wheel: mujoco.MjsBody) -> None:
        at = (0, 0, HUB_HEIGHT / 2)
        scene.cylinder(wheel, "hub", HUB_DIAMETER, HUB_HEIGHT, at, BRASS, HUB_MASS)
