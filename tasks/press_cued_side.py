"""Hold down a button on the side a pointer came from; it rests in the middle when the hand must choose."""

from typing import ClassVar

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_Y, LIGHT_TOUCH, Measurement
from .pointer import BUTTON_X, BUTTON_Y, DECISION_Z, POINTER_Y, PointerTask
from .press import PRESS_Z, PRESSED, TRAVEL

POINTER_RATE = 20.0
"""How fast its spring draws the pointer to the middle [1/s]; critically damped, it is 0.2 mm from there after
8 control steps, and 0.1 micrometre when the hand must choose a side."""


class PressCuedSide(PointerTask):
    """Hold down one of the two buttons on the side from which the pointer came.

    **Goal**: keep one of the two buttons on the cued side down for half a second.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); from which side the
    pointer comes; the hand starts above the bar (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: a button of the cued side is down for 10 control steps; the near and the far one are equally
    good. The pointer rests in the middle before the hand must choose a side, so a policy must remember
    where it came from. Touching the bar, or a button of the other side, ends the episode.
    """

    id = "PandaPressCuedSide-v1"
    goal = "Hold down a button on the side from which the pointer came, without touching the bar."
    modes = ("near button", "far button")
    max_episode_steps = 55
    objects = ("console",)
    grasps = np.array([[-BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y], [BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y]])
    success_height = PRESSED
    centre = (0.53, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    hand_yaw = ALONG_Y
    informed_control = "flow:16"
    buttons: ClassVar[tuple[tuple[str, str], ...]] = (
        ("near_left", "far_left"),
        ("near_right", "far_right"),
    )
    """The near and the far button on the left and on the right."""

    def build(self, scene: Scene) -> None:
        self.add_console(scene, self.buttons)
        self.add_pointer(scene, self.add_rail(scene), POINTER_Y, POINTER_RATE)

    def cued_path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
        button = self.grasps[modes, :3] * np.column_stack([np.ones_like(side), side, np.ones_like(side)])
        return self.begin(start, DECISION_Z).arc(button, 11).wait(15)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        # 1. the two buttons of the cued side, and those of the other
        left = self.cued(simulation) > 0
        near, far = np.where(left, *(self.pushed(simulation, names) for names in self.buttons))
        left_force, right_force = (self._force(simulation, names) for names in self.buttons)
        touched = np.where(left, left_force, right_force) > LIGHT_TOUCH
        wrong = np.where(left, right_force, left_force)
        # 2. which of them is held down now
        near_held = touched & (near > PRESSED)
        far_held = touched & (far > PRESSED)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.maximum(near, far),
            at_goal=near_held | far_held,
            in_hand=touched,
            part=np.where(near_held == far_held, -1, np.where(near_held, 0, 1)).astype(np.int8),
            illegal=np.maximum(simulation.force("bar"), wrong),
            table=simulation.force("table"),
        )

    def _force(self, simulation: Simulation, names: tuple[str, str]) -> np.ndarray:
        """Return the larger force between the robot and two buttons [N], (N,)."""
        near, far = (simulation.force(f"{name}_touched") for name in names)
        return np.maximum(near, far)


class PressCuedSideV2(PressCuedSide):
    """Hold down a button as in version 1, with less time to hesitate.

    **Goal**: keep one of the two buttons on the cued side down for half a second.
    **Randomised**: as in version 1.
    **Success**: as in version 1, but an episode ends after 50 control steps instead of 55, so that an expert
    who begins two executed blocks late is too late.
    """

    id = "PandaPressCuedSide-v2"
    supersedes = "PandaPressCuedSide-v1"
    max_episode_steps = 50
