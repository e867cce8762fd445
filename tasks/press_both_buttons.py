"""Press two buttons in either order; a pressed one looks like any other, and a lamp stands between them."""

from typing import ClassVar

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, Measurement
from .press import APPROACH, ENAMEL, FINGERTIP, PLATE_Z, PRESS_Z, PRESSED, TRAVEL, PressTask

BUTTON_Y = 0.10
"""Distance of a button from the middle [m]."""
PLATE = (0.15, 0.30, PLATE_Z)
"""Extents of the console's plate [m]."""
LAMP = (0.076, 0.085)
"""Diameter and height of the lamp [m]."""
DECISION_Z = LAMP[1] + FINGERTIP + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the lamp."""
RETURN_STEPS = 12
"""Control steps in which it comes down again, and in which nothing shows from where."""


class PressBothButtons(PressTask):
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
    success_height = 2 * PRESSED
    centre = (0.54, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    informed_control = "flow:16"
    buttons: ClassVar[tuple[str, str]] = ("left_button", "right_button")
    latches: ClassVar[tuple[str, str]] = ("left_latch", "right_latch")

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE[2] / 2), ENAMEL)
        self.add_lamp(scene, console, LAMP)
        for button, latch, y in zip(self.buttons, self.latches, (BUTTON_Y, -BUTTON_Y), strict=True):
            self.add_button(scene, console, button, (0, y))
            self.add_latch(scene, console, latch, (0, y))

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        first = self.grasps[modes, :3]
        path = self._press(self.begin(start, DECISION_Z), first).line([0, 0, DECISION_Z], RETURN_STEPS)
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
        way = self.pushed(simulation, self.latches)
        left, right = way > PRESSED
        touched = self.touched_part(simulation, self.buttons)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.minimum(way, PRESSED).sum(0),
            at_goal=left & right,
            in_hand=touched >= 0,
            part=np.where(left == right, -1, np.where(left, 0, 1)).astype(np.int8),
            illegal=simulation.force("lamp"),
            table=simulation.force("table"),
        )


class PressBothButtonsV2(PressBothButtons):
    """Press both buttons as in version 1, but choose the first one in the first executed block.

    **Goal**: both buttons have been pressed.
    **Randomised**: as in version 1, but the hand starts 1 cm over where the modes part (z +-1 cm).
    **Success**: as in version 1, in an episode as much shorter as the way to the lamp is. The average of the
    buttons touches the lamp within 8 control steps.
    """

    id = "PandaPressBothButtons-v2"
    supersedes = "PandaPressBothButtons-v1"
    hand_start = (0.0, 0.0, DECISION_Z + 0.01)
    shared_steps = 2
    max_episode_steps = 86
    informed_control = "flow:32"
    """Executing 16, it decides where 16 control steps do not show whether one or both are pressed."""
