"""What the tasks share in which one of two sides counts, as something in the scene shows."""

from typing import ClassVar

import mujoco
import numpy as np

from ..envs.frames import yaw_quaternion
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.simulation_data import SimulationData
from ..envs.task_protocol import Start
from .core.hand_path import HandPath, plan_from_paths
from .core.task import ALONG_Y, LIGHT_TOUCH, Measurement
from .press import AMBER, ENAMEL, FINGERTIP, GREEN, PLATE_Z, PRESS_Z, PRESSED, TRAVEL, PressTask

BUTTON_X = 0.080
"""Distance of a button from the bar's middle line, across the bar [m]."""
BUTTON_Y = 0.100
"""Distance of a button from the middle, along the bar [m]."""
PLATE = (0.24, 0.30, PLATE_Z)
"""Extents of the console's plate [m]."""
BAR = (0.060, 0.290, 0.085)
"""Extents of the bar between near and far buttons [m]."""
DECISION_Z = BAR[2] + FINGERTIP + 0.015
"""TCP height where the modes part [m]: the fingertips 15 mm above the bar."""


class SideTask(PressTask):
    """Base of the tasks in which a body that lies one way or the other shows which side counts."""

    def add_console(
        self,
        scene: Scene,
        buttons: tuple[tuple[str, ...], ...],
        colour: tuple[float, float, float] = GREEN,
    ) -> mujoco.MjsBody:
        """Add two rows of buttons with a bar between them, which must not be touched; return their body.

        Args:
            scene: under construction.
            buttons: names of the near and the far button on the left, and of those on the right.
            colour: of the buttons.
        """
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE_Z / 2), ENAMEL)
        scene.box(console, "bar", BAR, (0, 0, BAR[2] / 2), AMBER)
        scene.watch("bar", "bar")
        for side, names in zip((1, -1), buttons, strict=True):
            for x, name in zip((-BUTTON_X, BUTTON_X), names, strict=True):
                self.add_button(scene, console, name, (x, side * BUTTON_Y), colour)
                scene.watch(name, f"{name}_touched")
        return console

    def shown_by(self) -> str:
        """Return the name of the body that shows the side: a coin turns it by 180 degrees."""
        raise NotImplementedError

    def shown_turn(self) -> float:
        """Return how far that body is turned from the scene's y while the left side counts [rad]."""
        return 0.0

    def start(self, rng: np.random.Generator) -> Start:
        start = super().start(rng)
        turn = self.shown_turn() + np.pi * rng.integers(2)
        start.poses[self.shown_by()][3:] = yaw_quaternion(start.frame[2] + turn)
        return start

    def cued(self, simulation: SimulationData) -> np.ndarray:
        """Return the side that counts: 1 for the left, -1 for the right, (N,). Where what shows it is turned
        by a quarter to the right: 1 for the far side, -1 for the near one.
        """
        along = simulation.rotation(self.shown_by())[:, :2, 1]
        yaw = simulation.frame[:, 2] + self.shown_turn()
        return np.sign(-np.sin(yaw) * along[:, 0] + np.cos(yaw) * along[:, 1])

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        return self.cued_path(start, modes, np.ones(len(start)))

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        start = simulation.in_frame(simulation.tcp_position) if starts is None else starts[0]
        path = self.cued_path(start, np.asarray(modes), self.cued(simulation))
        return plan_from_paths([path], simulation.frame)

    def cued_path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
        """Return the path as `path` does, where `side` counts, as `cued` says it, (N,)."""
        raise NotImplementedError


class PressSideTask(SideTask):
    """Base of those in which the near or the far button of that side must be held down."""

    modes = ("near button", "far button")
    objects = ("console",)
    grasps = np.array([[-BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y], [BUTTON_X, BUTTON_Y, PRESS_Z, ALONG_Y]])
    success_height = PRESSED
    centre = (0.53, 0.0)
    hand_yaw = ALONG_Y
    buttons: ClassVar[tuple[tuple[str, str], ...]] = (
        ("near_left", "far_left"),
        ("near_right", "far_right"),
    )
    """The near and the far button on the left and on the right."""

    def cued_path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
        button = self.grasps[modes, :3] * np.column_stack([np.ones_like(side), side, np.ones_like(side)])
        return self.begin(start, DECISION_Z).arc(button, 11).wait(15)

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.hand[:, 2] < PRESS_Z + TRAVEL

    def measure(self, simulation: Simulation) -> Measurement:
        # 1. the two buttons of the side that counts, and those of the other
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
