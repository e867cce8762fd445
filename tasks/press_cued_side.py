"""Hold down a button on the side a pointer came from; it rests in the middle when the hand must choose."""

from typing import ClassVar

import numpy as np

from ..envs.frames import yaw_quaternion
from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from ..envs.simulation_data import SimulationData
from ..envs.specs import Spec
from ..envs.task_protocol import Start
from .core.hand_path import HandPath, plan_from_paths
from .core.task import ALONG_Y, LIGHT_TOUCH, Measurement
from .press import AMBER, ENAMEL, FINGERTIP, PLATE_Z, PRESS_Z, PRESSED, STEEL, TRAVEL, PressTask

RED = (0.78, 0.24, 0.20)

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
RAIL = (0.014, 0.200, 0.010)
"""Extents of the rail on which the pointer slides [m]."""
RAIL_X = 0.160
"""Where the rail lies, beyond the far buttons [m]."""
POINTER = (0.024, 0.016)
"""Diameter and height of the pointer [m]."""
POINTER_Y = 0.070
"""Where the pointer starts, on either side of the middle [m]."""
POINTER_MASS = 0.05
"""Mass of the pointer [kg]."""
POINTER_RATE = 20.0
"""How fast its spring draws the pointer to the middle [1/s]; critically damped, it is 0.2 mm from there after
8 control steps, and 0.1 micrometre when the hand must choose a side."""


class PressCuedSide(PressTask):
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

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: those of every task, and where the pointer is."""
        pointer = Spec("pointer_position", (3,), "m", "world", -2.0, 2.0, "Middle of the pointer.")
        return (*super().observation, pointer)

    def build(self, scene: Scene) -> None:
        console = scene.fixed("console")
        scene.box(console, "plate", PLATE, (0, 0, PLATE_Z / 2), ENAMEL)
        scene.box(console, "bar", BAR, (0, 0, BAR[2] / 2), AMBER)
        scene.watch("bar", "bar")
        for side, names in zip((1, -1), self.buttons, strict=True):
            for x, name in zip((-BUTTON_X, BUTTON_X), names, strict=True):
                self.add_button(scene, console, name, (x, side * BUTTON_Y))
                scene.watch(name, f"{name}_touched")
        self._add_pointer(scene)

    def _add_pointer(self, scene: Scene) -> None:
        """Add a rail, which lies either way round, and the pointer that a spring draws to its middle."""
        rail = scene.fixed("rail")
        scene.box(rail, "rail", RAIL, (0, 0, RAIL[2] / 2), STEEL)
        pointer = scene.sliding(rail, "pointer", (0, -1, 0), 2 * POINTER_Y, friction=0.0, damping=0.0)
        pointer.pos = [0.0, POINTER_Y, RAIL[2] + POINTER[1] / 2]
        scene.cylinder(pointer, "pointer", *POINTER, (0, 0, 0), None, mass=POINTER_MASS)
        knob = rounded_cylinder(POINTER[0] / 2, POINTER[1] / 2, 0.004)
        scene.shell(pointer, "knob", knob.vertices, knob.faces, RED)
        spring = scene.spec.joint("pointer")
        spring.stiffness = np.array([POINTER_MASS * POINTER_RATE**2, 0.0, 0.0])
        spring.damping = np.array([2 * POINTER_MASS * POINTER_RATE, 0.0, 0.0])
        spring.springref = POINTER_Y

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0), "rail": (RAIL_X, 0.0, PLATE_Z)}

    def start(self, rng: np.random.Generator) -> Start:
        start = super().start(rng)
        turn = np.pi * rng.integers(2)
        start.poses["rail"][3:] = yaw_quaternion(start.frame[2] + turn)
        return start

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        return super().observe(simulation) | {"pointer_position": simulation.position("pointer").copy()}

    def cued(self, simulation: SimulationData) -> np.ndarray:
        """Return the side from which the pointer comes: 1 for the left, -1 for the right, (N,)."""
        along = simulation.rotation("rail")[:, :2, 1]  # from the middle to where the pointer started
        yaw = simulation.frame[:, 2]
        return np.sign(-np.sin(yaw) * along[:, 0] + np.cos(yaw) * along[:, 1])

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        return self._path(start, modes, np.ones(len(start)))

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        start = simulation.in_frame(simulation.tcp_position) if starts is None else starts[0]
        path = self._path(start, np.asarray(modes), self.cued(simulation))
        return plan_from_paths([path], simulation.frame)

    def _path(self, start: np.ndarray, modes: np.ndarray, side: np.ndarray) -> HandPath:
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
