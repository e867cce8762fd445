"""Two arms press a button each, one after the other; the second must take the side that the first took."""

from typing import ClassVar

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_X, LIGHT_TOUCH, Measurement
from .press import ENAMEL, FINGERTIP, OPENING, PLATE_Z, PRESS_Z, PRESSED, TRAVEL, PressTask

ROW_X = 0.15
"""Distance of a row of buttons from the middle [m]; each arm has its own."""
BUTTON_Y = 0.10
"""Distance of a button from the lamp in its row [m]."""
PLATE = (0.44, 0.30, PLATE_Z)
"""Extents of the console's plate [m]."""
LAMP = (0.076, 0.085)
"""Diameter and height of the lamp in each row [m]."""
DECISION_Z = LAMP[1] + FINGERTIP + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the lamp."""
PARKED_Z = DECISION_Z + 0.12
"""TCP height in which the first hand waits when it has pressed [m]: higher than any hand starts."""
BACK = 0.03
"""How far the first hand may be aside of its lamp when the second arm touches a button [m]."""


class PressSameSide(PressTask):
    """Press a button with one arm, then with the other arm the button on the same side.

    **Goal**: the first arm has pressed a button of its row, and the second that on the same side of its own.
    **Randomised**: the console's position (x +-2 cm, y +-4 cm) and yaw (+-10 degrees); each hand starts above
    the lamp of its row (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the latches under both buttons are down for 10 control steps. Buttons spring back, and the
    first hand is back above its lamp before the second must choose, so a policy must remember the side.
    Touching a lamp ends the episode, and so does touching a button of the other side once one is pressed, and
    one of the second row before the first hand has pressed and is back.
    """

    id = "TwoPandaPressSameSide-v1"
    goal = (
        "Press a button with the first arm, then with the second the one on the same side, touching no lamp."
    )
    modes = ("left side", "right side")
    arms = 2
    max_episode_steps = 90
    objects = ("console",)
    grasps = np.array([[-ROW_X, BUTTON_Y, PRESS_Z, ALONG_X], [-ROW_X, -BUTTON_Y, PRESS_Z, ALONG_X]])
    success_height = 2 * PRESSED
    centre = (0.60, 0.0)
    spread = (0.02, 0.04, np.deg2rad(10))
    hand_start = (-ROW_X, 0.0, DECISION_Z + 0.06)
    second_hand_start = (ROW_X, 0.0, DECISION_Z + 0.06)
    second_hand_yaw = ALONG_X - np.pi
    slow_because = "it simulates two arms"
    informed_control = "flow:16"
    buttons: ClassVar[tuple[tuple[str, str], ...]] = (
        ("near_left", "near_right"),
        ("far_left", "far_right"),
    )
    """The left and the right button of each arm's row."""
    lamps: ClassVar[tuple[str, str]] = ("near_lamp", "far_lamp")

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE_Z / 2), ENAMEL)
        for arm, (lamp, names) in enumerate(zip(self.lamps, self.buttons, strict=True)):
            x = self.row(arm)
            self.add_lamp(scene, console, LAMP, x, (lamp, f"{lamp}_glass"))
            for y, name in zip((BUTTON_Y, -BUTTON_Y), names, strict=True):
                self.add_button(scene, console, name, (x, y), arm=arm)
                self.add_latch(scene, console, f"{name}_latch", (x, y))
                scene.watch(name, f"{name}_touched")

    def row(self, arm: int) -> float:
        """Return where the row of an arm is, scene frame x [m]."""
        return ROW_X * (2 * arm - 1)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0)}

    def paths(self, starts: np.ndarray, modes: np.ndarray) -> tuple[HandPath, ...]:
        side = self.grasps[modes, :3] * [0, 1, 1]
        first, second = starts
        return self._leads(first, side + [self.row(0), 0, 0]), self._follows(
            second, side + [self.row(1), 0, 0]
        )

    def _leads(self, start: np.ndarray, button: np.ndarray) -> HandPath:
        """Return the first arm's path: press, come back from above and wait there."""
        parked = [self.row(0), 0.0, PARKED_Z]
        path = self._down(HandPath(start, self.hand_yaw, OPENING), start, 0, self.shared_steps)
        return (
            path.arc(button, 11)
            .wait(3)
            .ease(button * [1, 1, 0] + [0, 0, PARKED_Z], 12)
            .line(parked, 4)
            .wait(36)
        )

    def _follows(self, start: np.ndarray, button: np.ndarray) -> HandPath:
        """Return the second arm's path: wait, come down while the first comes back, press."""
        path = HandPath(start, self.second_hand_yaw, OPENING).wait(self.shared_steps + 25)
        return self._down(path, start, 1, 16).arc(button, 11).wait(14)

    def _down(self, path: HandPath, start: np.ndarray, arm: int, steps: int) -> HandPath:
        """Go down to where the modes part, half-way from `start` (N, 3) to above the lamp of the row."""
        x = (start[:, 0] + self.row(arm)) / 2
        return path.line(np.column_stack([x, start[:, 1] / 2, np.full(len(start), DECISION_Z)]), steps)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        # 1. how far the latches are down, and the force of the robot on the buttons; (row, side, N)
        way = np.stack(
            [self.pushed(simulation, tuple(f"{name}_latch" for name in row)) for row in self.buttons]
        )
        force = np.stack([[simulation.force(f"{name}_touched") for name in row] for row in self.buttons])
        begun = way > PRESSED
        # 2. forbidden are the side that was not begun, and the second row while the first hand is not back
        aside = np.linalg.norm(simulation.hand[:, :2] - [self.row(0), 0.0], axis=-1) > BACK
        early = aside | ~begun[0]
        wrong = np.where(begun[0, ::-1], force, 0.0).max((0, 1))
        wrong = np.maximum(wrong, np.where(early, force[1], 0.0).max(0))
        lamps = np.max([simulation.force(lamp) for lamp in self.lamps], axis=0)
        left, right = begun[0]
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.minimum(way, PRESSED).sum(0).max(0),
            at_goal=way.min(0).max(0) > PRESSED,
            in_hand=force.max((0, 1)) > LIGHT_TOUCH,
            part=np.where(left == right, -1, np.where(left, 0, 1)).astype(np.int8),
            illegal=np.maximum(lamps, wrong),
            table=simulation.force("table"),
        )
