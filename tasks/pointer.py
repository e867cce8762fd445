"""What the tasks share in which a pointer shows a side, and rests in the middle when the hand must choose."""

import mujoco
import numpy as np

from ..envs.frames import yaw_quaternion
from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation_data import SimulationData
from ..envs.specs import Spec
from ..envs.task_protocol import Start
from .core.hand_path import HandPath, plan_from_paths
from .press import AMBER, ENAMEL, FINGERTIP, GREEN, PLATE_Z, STEEL, PressTask

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


class PointerTask(PressTask):
    """Base of the tasks in which a policy must remember from which side a pointer came."""

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: those of every task, and where the pointer is."""
        pointer = Spec("pointer_position", (3,), "m", "world", -2.0, 2.0, "Middle of the pointer.")
        return (*super().observation, pointer)

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

    def add_rail(self, scene: Scene) -> mujoco.MjsBody:
        """Add the rail, which lies either way round, and return it."""
        rail = scene.fixed("rail")
        scene.box(rail, "rail", RAIL, (0, 0, RAIL[2] / 2), STEEL)
        return rail

    def add_pointer(self, scene: Scene, base: mujoco.MjsBody, at: float, rate: float) -> None:
        """Add the pointer, which a spring draws to the middle of what it slides on.

        Args:
            scene: under construction.
            base: what it slides on, along y; its origin lies on the underside of the rail.
            at: where it starts, in the base's frame [m].
            rate: of the spring [1/s], see `draw_to_middle`.
        """
        pointer = scene.sliding(base, "pointer", (0, -1, 0), 2 * at, friction=0.0, damping=0.0)
        pointer.pos = [0.0, at, RAIL[2] + POINTER[1] / 2]
        scene.cylinder(pointer, "pointer", *POINTER, (0, 0, 0), None, mass=POINTER_MASS)
        knob = rounded_cylinder(POINTER[0] / 2, POINTER[1] / 2, 0.004)
        scene.shell(pointer, "knob", knob.vertices, knob.faces, RED)
        self.draw_to_middle(scene, "pointer", POINTER_MASS, at, rate)

    def draw_to_middle(self, scene: Scene, joint: str, mass: float, way: float, rate: float) -> None:
        """Give a joint a spring, critically damped: after t seconds a share (1 + rate t) exp(-rate t) of the
        way is left.

        Args:
            scene: under construction.
            joint: of a body that slides.
            mass: of what it moves [kg].
            way: from where it starts to where it rests [m].
            rate: [1/s].
        """
        spring = scene.spec.joint(joint)
        spring.stiffness = np.array([mass * rate**2, 0.0, 0.0])
        spring.damping = np.array([2 * mass * rate, 0.0, 0.0])
        spring.springref = way

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"console": (0.0, 0.0, 0.0), "rail": (RAIL_X, 0.0, PLATE_Z)}

    def start(self, rng: np.random.Generator) -> Start:
        start = super().start(rng)
        turn = self.rail_turn() + np.pi * rng.integers(2)
        start.poses["rail"][3:] = yaw_quaternion(start.frame[2] + turn)
        return start

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        return super().observe(simulation) | {"pointer_position": simulation.position("pointer").copy()}

    def rail_turn(self) -> float:
        """Return how far the rail is turned from the scene's y [rad]."""
        return 0.0

    def cued(self, simulation: SimulationData) -> np.ndarray:
        """Return the side from which the pointer comes: 1 for the left, -1 for the right, (N,). Of a rail
        that is turned by a quarter to the right: 1 for the far side, -1 for the near one.
        """
        along = simulation.rotation("rail")[:, :2, 1]  # from the middle to where the pointer started
        yaw = simulation.frame[:, 2] + self.rail_turn()
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
        """Return the path as `path` does, where the pointer comes from `side`, as `cued` says it, (N,)."""
        raise NotImplementedError
