"""Press two buttons in either order; a pressed one looks like any other, and a lamp stands between them."""

from typing import ClassVar

import mujoco
import numpy as np

from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, Measurement, Task

ENAMEL = (0.86, 0.87, 0.84)
STEEL = (0.32, 0.34, 0.37)
GREEN = (0.16, 0.55, 0.32)
AMBER = (0.95, 0.62, 0.16)

PLATE = (0.15, 0.30, 0.008)
"""Extents of the console's plate [m]."""
BUTTON_Y = 0.10
"""Distance of a button from the middle [m]."""
CAP_DIAMETER = 0.052
"""Cap of a button, which is pushed [m]."""
CAP_HEIGHT = 0.012
"""Height of a cap [m]."""
CAP_Z = 0.034
"""Underside of a cap that nobody pushes, over the table [m]."""
COLLAR = (0.030, 0.024)
"""Diameter and height of the collar under a cap, which is only seen [m]."""
TRAVEL = 0.012
"""How far a cap goes down [m]."""
SPRING = 200.0
"""Stiffness of the spring under a cap [N/m]."""
PRELOAD = 0.004
"""How far the spring is compressed under a cap that nobody pushes [m]."""
LATCH = (0.020, 0.010)
"""Diameter and height of the latch, which a cap pushes down and leaves there [m]; nobody sees it."""
LATCH_FRICTION = 2.0
"""What keeps a latch where it is [N]; its weight is borne."""
LATCHED = 0.006
"""Way of a latch whose button counts as pressed [m]; a cap that is pushed down takes it 11 mm."""
LAMP = (0.076, 0.085)
"""Diameter and height of the lamp [m]."""
OPENING = 0.020
"""Distance between the pads of a hand that presses [m]."""
FINGERTIP = 0.0092
"""How far the fingertips reach below the TCP [m]."""
PRESS_Z = CAP_Z + CAP_HEIGHT - TRAVEL - 0.002 + FINGERTIP
"""TCP height of a press [m]: the fingertips 2 mm below the lowest top of a cap."""
DECISION_Z = LAMP[1] + FINGERTIP + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the lamp."""
APPROACH = 0.00375
"""How far the hand comes down in a control step, both times [m]."""
RETURN_STEPS = 12
"""Control steps in which it comes down again, and in which nothing shows from where."""


class PressBothButtons(Task):
    """Press both buttons once, in either order; each springs back, and nothing shows that it was pressed.

    **Goal**: both buttons have been pressed.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the lamp (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the latches under both buttons are down for 10 control steps. There is no time to press three
    times, so a policy must remember which button it has pressed. Touching the lamp ends the episode.
    """

    id = "PandaPressBothButtons-v1"
    goal = "Press both buttons, in either order, without touching the lamp between them."
    modes = ("left button first", "right button first")
    max_episode_steps = 100
    objects = ("console",)
    grasps = np.array([[0.0, BUTTON_Y, PRESS_Z, ALONG_X], [0.0, -BUTTON_Y, PRESS_Z, ALONG_X]])
    success_height = 2 * LATCHED
    centre = (0.54, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    informed_control = "flow:16"
    buttons: ClassVar[tuple[str, str]] = ("left_button", "right_button")
    latches: ClassVar[tuple[str, str]] = ("left_latch", "right_latch")

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE[2] / 2), ENAMEL)
        scene.cylinder(console, "lamp", *LAMP, (0, 0, LAMP[1] / 2), None)
        glass = rounded_cylinder(LAMP[0] / 2, LAMP[1] / 2, 0.012)
        scene.shell(console, "glass", glass.vertices + [0, 0, LAMP[1] / 2], glass.faces, AMBER)
        scene.watch("lamp", "lamp")
        for button, latch, y in zip(self.buttons, self.latches, (BUTTON_Y, -BUTTON_Y), strict=True):
            self._add_button(scene, console, button, latch, y)

    def _add_button(self, scene: Scene, console: mujoco.MjsBody, button: str, latch: str, y: float) -> None:
        """Add a sprung cap, the latch that it pushes down, and the collar that hides it."""
        collar = rounded_cylinder(COLLAR[0] / 2, COLLAR[1] / 2, 0.001)
        at = np.array([0, y, PLATE[2] + COLLAR[1] / 2])
        scene.shell(console, f"{button}_collar", collar.vertices + at, collar.faces, STEEL)
        cap = scene.sliding(console, button, (0, 0, -1), TRAVEL, friction=0.0, damping=4.0)
        scene.cylinder(
            cap, button, CAP_DIAMETER, CAP_HEIGHT, (0, y, CAP_Z + CAP_HEIGHT / 2), GREEN, mass=0.02
        )
        spring = scene.spec.joint(button)
        spring.stiffness = np.array([SPRING, 0.0, 0.0])
        spring.springref = -PRELOAD
        scene.watch_fingers(button, button)
        below = scene.sliding(console, latch, (0, 0, -1), TRAVEL, LATCH_FRICTION, damping=4.0)
        z = CAP_Z - 0.001 - LATCH[1] / 2
        below.gravcomp = 1.0  # it would creep down by its weight
        scene.cylinder(below, latch, *LATCH, (0, y, z), None, mass=0.005)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        first = self.grasps[modes, :3]
        decision = np.column_stack([start[:, :2] / 2, np.full(len(start), DECISION_Z)])
        path = HandPath(start, self.hand_yaw, OPENING).line(decision, self.shared_steps)
        path = self._press(path, first).line([0, 0, DECISION_Z], RETURN_STEPS)
        return self._press(path, first * [1, -1, 1]).wait(4)

    def _press(self, path: HandPath, button: np.ndarray) -> HandPath:
        """Press from the middle, and return above it from the other side of the way out, so that where the
        hand is tells which of the two it does.
        """
        above = DECISION_Z + RETURN_STEPS * APPROACH
        up = button * [1, 1, 0] + [0, 0, above]
        return path.arc(button, 11).wait(3).ease(up, 7).line([0, 0, above], 8)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        way = np.stack([-simulation.in_frame(simulation.position(name))[:, 2] for name in self.latches])
        left, right = way > LATCHED
        touched = self.touched_part(simulation, self.buttons)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.minimum(way, LATCHED).sum(0),
            at_goal=left & right,
            in_hand=touched >= 0,
            part=np.where(left == right, -1, np.where(left, 0, 1)).astype(np.int8),
            illegal=simulation.force("lamp"),
            table=simulation.force("table"),
        )
