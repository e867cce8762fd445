"""Press both buttons of a row in the order that a pointer shows; it rests when the hand must choose."""

from typing import ClassVar

import numpy as np

from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_Y, Measurement
from .pointer import POINTER_Y, PointerTask
from .press import BLUE, PRESS_Z, PRESSED, TRAVEL
from .sequence import SequenceTask
from .sides import BUTTON_X, BUTTON_Y, DECISION_Z

SLIDER_Y = 0.130
"""Where the slider starts, on the other side than the pointer [m]."""
SLIDER_MASS = 0.5
"""Mass of the slider [kg]."""
SLIDER_RATE = 17.0
"""How fast its spring draws the slider to the middle [1/s]."""
POINTER_RATE = 60.0
"""How fast a spring draws the pointer to the slider [1/s]: it first goes over to the other side, where it is
64 mm from the middle after 1 and 2 control steps; when the hand must choose, 3 micrometres are left."""
RISE_STEPS = 7
"""Control steps in which a hand that has pressed goes up past the bar."""


class PressCuedOrder(SequenceTask, PointerTask):
    """Press both buttons of one row in the order that a pointer shows; each springs back.

    **Goal**: of one row, near or far, the button on the side that the pointer shows first has been pressed,
    then the one on the other side.
    **Randomised**: the console's position (x +-3 cm, y +-4 cm) and yaw (+-10 degrees); which side the pointer
    shows first; the hand starts above the bar (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: the latches under both buttons of a row are down for 10 control steps; the near and the far
    row are equally good. The pointer starts on the first side, goes over to the second and rests in the
    middle before the hand must choose. From the first button to the second the hand goes by the middle. So
    a policy must remember the order, and then what it has pressed. Touching the bar ends the episode, and
    so does touching the second side first, or a button of one row once one of the other is pressed.
    """

    id = "PandaPressCuedOrder-v1"
    goal = "Press both buttons of one row in the order that the pointer shows, without touching the bar."
    buttons: ClassVar[tuple[str, ...]] = ("near_left", "far_left", "near_right", "far_right")
    latches: ClassVar[tuple[str, ...]] = tuple(f"{button}_latch" for button in buttons)
    sequences = ((0, 2), (1, 3))
    """Parts are the near and the far button of the side shown first, then those of the other side."""
    modes = ("near row", "far row")
    max_episode_steps = 80
    objects = ("console",)
    grasps = np.array([[-BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y], [BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y]])
    commit_steps = 1
    success_height = 2 * PRESSED
    centre = (0.53, 0.0)
    hand_start = (0.0, 0.0, DECISION_Z + 0.06)
    hand_yaw = ALONG_Y
    informed_control = "flow:16"

    def build(self, scene: Scene) -> None:
        console = self.add_console(scene, (self.buttons[:2], self.buttons[2:]), BLUE)
        places = [(x, y) for y in (BUTTON_Y, -BUTTON_Y) for x in (-BUTTON_X, BUTTON_X)]
        for latch, place in zip(self.latches, places, strict=True):
            self.add_latch(scene, console, latch, place)
        # a slider that nobody sees takes the pointer over to the other side, and then to the middle
        rail = self.add_rail(scene)
        slider = scene.sliding(rail, "slider", (0, 1, 0), 2 * SLIDER_Y, friction=0.0, damping=0.0)
        slider.pos = [0.0, -SLIDER_Y, 0.0]
        slider.mass = SLIDER_MASS
        slider.inertia = np.full(3, 1e-4)
        slider.explicitinertial = True
        self.draw_to_middle(scene, "slider", SLIDER_MASS, SLIDER_Y, SLIDER_RATE)
        self.add_pointer(scene, slider, SLIDER_Y + POINTER_Y, POINTER_RATE)

    def cued_path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
        first = self.grasps[modes, :3] * np.column_stack([np.ones_like(side), side, np.ones_like(side)])
        path = self.press_and_return(self.begin(start, DECISION_Z), first, DECISION_Z, RISE_STEPS)
        return self.press_and_rise(path, first * [1, -1, 1], DECISION_Z, RISE_STEPS)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        # 1. of the buttons, those of the side shown first before the others; by side and row, (2, 2, N)
        left = self.cued(simulation) > 0
        latched = self._by_order(self.pushed(simulation, self.latches), left)
        pressed = self._by_order(self.pushed(simulation, self.buttons), left) > PRESSED
        forces = np.stack([simulation.force(f"{button}_touched") for button in self.buttons])
        first, second = self._by_order(forces, left)
        # 2. the second side is forbidden before the first, and a row once the other is begun
        early = np.where(latched[0] > PRESSED, 0.0, second)
        begun = latched.max(0) > PRESSED
        other = np.where(begun[::-1], np.maximum(first, second), 0.0)
        wrong = np.maximum(early, other).max(0)
        part = pressed.reshape(4, -1)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=np.minimum(latched, PRESSED).sum(0).max(0),
            at_goal=latched.min(0).max(0) > PRESSED,
            in_hand=self.touched_part(simulation, self.buttons) >= 0,
            part=np.where(part.sum(0) == 1, part.argmax(0), -1).astype(np.int8),
            illegal=np.maximum(simulation.force("bar"), wrong),
            table=simulation.force("table"),
        )

    def _by_order(self, values: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return values of the buttons (4, N) by side and row, (2, 2, N), the first side first.

        `left` (N,) says where that is the left.
        """
        sides = values.reshape(2, 2, -1)
        return np.where(left, sides, sides[::-1])
