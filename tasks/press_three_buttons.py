"""Press three buttons in any order; a pressed one looks like any other, and a lamp stands between them."""

from itertools import permutations
from typing import ClassVar

import numpy as np

from ..envs.frames import heading
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, Measurement
from .press import ENAMEL, FINGERTIP, PLATE_Z, PRESS_Z, PRESSED, TRAVEL, PressTask
from .sequence import SequenceTask

BUTTON_RADIUS = 0.125
"""Distance of a button from the middle [m]."""
ANGLES = np.deg2rad([90, 210, 330])
"""Where the buttons are, scene frame [rad]: left, near right, far right."""
PLATE = (0.32, 0.32, PLATE_Z)
"""Extents of the console's plate [m]."""
LAMP = (0.116, 0.060)
"""Diameter and height of the lamp [m]; the palm of a hand that presses stays above it."""
DECISION_Z = LAMP[1] + FINGERTIP + 0.022
"""TCP height where the modes part [m]: the fingertips 22 mm above the lamp."""


class PressThreeButtons(SequenceTask, PressTask):
    """Press all three buttons once, in any order; each springs back, and nothing shows that it was pressed.

    **Goal**: all three buttons have been pressed.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the lamp (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the latches under all buttons are down for 10 control steps. There is no time to press four
    times, so a policy must remember which buttons it has pressed. A mode is an order of all three; a press
    so short that no control step sees it shows none, and there is no success without a mode. Touching the
    lamp ends the episode.
    """

    id = "PandaPressThreeButtons-v1"
    goal = "Press all three buttons, in any order, without touching the lamp between them."
    buttons: ClassVar[tuple[str, ...]] = ("left", "near", "far")
    latches: ClassVar[tuple[str, ...]] = ("left_latch", "near_latch", "far_latch")
    sequences = tuple(permutations(range(3)))
    modes = tuple(", ".join(("left", "near", "far")[part] for part in order) for order in sequences)
    max_episode_steps = 112
    objects = ("console",)
    grasps = np.array(
        [[*BUTTON_RADIUS * heading(ANGLES[order[0]]), PRESS_Z, ALONG_X] for order in permutations(range(3))]
    )
    commit_steps = 1
    success_height = 3 * PRESSED
    centre = (0.54, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    informed_control = "mse_labelled:16"

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE_Z / 2), ENAMEL)
        self.add_lamp(scene, console, LAMP)
        for button, latch, angle in zip(self.buttons, self.latches, ANGLES, strict=True):
            x, y = BUTTON_RADIUS * heading(angle)
            self.add_button(scene, console, button, (x, y))
            self.add_latch(scene, console, latch, (x, y))

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        places = np.column_stack([BUTTON_RADIUS * heading(ANGLES), np.full(3, PRESS_Z)])
        first, second, third = np.moveaxis(places[np.array(self.sequences)[modes]], 1, 0)
        path = self.press_and_return(self.begin(start, DECISION_Z), first, DECISION_Z)
        path = self.press_and_return(path, second, DECISION_Z)
        return path.arc(third, 8).wait(13)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        latched = self.pushed(simulation, self.latches)
        pressed = self.pushed(simulation, self.buttons) > PRESSED
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.minimum(latched, PRESSED).sum(0),
            at_goal=latched.min(0) > PRESSED,
            in_hand=self.touched_part(simulation, self.buttons) >= 0,
            part=np.where(pressed.sum(0) == 1, pressed.argmax(0), -1).astype(np.int8),
            illegal=simulation.force("lamp"),
            table=simulation.force("table"),
        )
