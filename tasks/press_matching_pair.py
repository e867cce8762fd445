"""Press the two buttons of one colour in either order; nothing shows which was pressed first."""

from typing import ClassVar

import numpy as np

from ..envs.frames import heading
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, Measurement
from .press import AMBER, BLUE, ENAMEL, FINGERTIP, GREEN, PLATE_Z, PRESS_Z, PRESSED, TRAVEL, PressTask
from .sequence import SequenceTask

BUTTON_RADIUS = 0.130
"""Distance of a button from the middle [m]."""
ANGLES = np.deg2rad([0, 90, 180, 270])
"""Where the buttons are, scene frame [rad]: far, left, near, right; those of one colour are opposite."""
PLATE = (0.33, 0.33, PLATE_Z)
"""Extents of the console's plate [m]."""
BLOCK = (0.120, 0.120, 0.060)
"""Extents of the block between the buttons [m]: its corners are where a hand between two neighbouring buttons
comes down; the palm of a hand that presses stays above it."""
DECISION_Z = BLOCK[2] + FINGERTIP + 0.026
"""TCP height where the modes part [m]: the fingertips 26 mm above the block."""


class PressMatchingPair(SequenceTask, PressTask):
    """Press the two buttons of one colour; each springs back, and nothing shows that it was pressed.

    **Goal**: both green or both blue buttons have been pressed.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); the hand starts
    above the block (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the latches under the two buttons of a colour are down for 10 control steps. The buttons of a
    colour are opposite to each other, and the hand goes from one to the other by the middle, so a policy must
    remember which button it has pressed. A mode is a colour and an order. Touching the block ends the
    episode, and so does touching a button of the other colour once one is pressed.
    """

    id = "PandaPressMatchingPair-v1"
    goal = "Press both buttons of one colour, in either order, without touching the block between them."
    buttons: ClassVar[tuple[str, ...]] = ("far", "left", "near", "right")
    latches: ClassVar[tuple[str, ...]] = tuple(f"{button}_latch" for button in buttons)
    sequences = ((0, 2), (1, 3), (2, 0), (3, 1))
    modes = ("far, then near", "left, then right", "near, then far", "right, then left")
    max_episode_steps = 80
    objects = ("console",)
    grasps = np.column_stack([BUTTON_RADIUS * heading(ANGLES), np.full(4, PRESS_Z), np.full(4, ALONG_X)])
    commit_steps = 1
    success_height = 2 * PRESSED
    centre = (0.53, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    dead_zone = (0.3, 0.7)
    informed_control = "mse_labelled:16"

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE_Z / 2), ENAMEL)
        scene.box(console, "block", BLOCK, (0, 0, BLOCK[2] / 2), AMBER)
        scene.watch("block", "block")
        colours = (GREEN, BLUE, GREEN, BLUE)
        for button, latch, angle, colour in zip(self.buttons, self.latches, ANGLES, colours, strict=True):
            x, y = BUTTON_RADIUS * heading(angle)
            self.add_button(scene, console, button, (x, y), colour)
            self.add_latch(scene, console, latch, (x, y))
            scene.watch(button, f"{button}_touched")

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0)}

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        first = self.grasps[modes, :3]
        path = self.press_and_return(self.begin(start, DECISION_Z), first, DECISION_Z)
        return path.arc(first * [-1, -1, 1], 8).wait(13)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        latched = self.pushed(simulation, self.latches)
        pressed = self.pushed(simulation, self.buttons) > PRESSED
        touched = np.stack([simulation.force(f"{button}_touched") for button in self.buttons])
        # 1. of each colour: the latches' way, whether one is down, the force on its buttons; (2, N)
        way = np.minimum(latched[:2], PRESSED) + np.minimum(latched[2:], PRESSED)
        begun = latched.reshape(2, 2, -1).max(0) > PRESSED
        force = touched.reshape(2, 2, -1).max(0)
        # 2. touching one colour is forbidden once the other is begun
        wrong = np.where(begun[::-1], force, 0.0).max(0)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=way.max(0),
            at_goal=latched.reshape(2, 2, -1).min(0).max(0) > PRESSED,
            in_hand=self.touched_part(simulation, self.buttons) >= 0,
            part=np.where(pressed.sum(0) == 1, pressed.argmax(0), -1).astype(np.int8),
            illegal=np.maximum(simulation.force("block"), wrong),
            table=simulation.force("table"),
        )
