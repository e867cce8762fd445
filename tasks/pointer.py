"""What the tasks share in which a pointer shows a side, and rests in the middle when the hand must choose."""

import mujoco
import numpy as np

from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation_data import SimulationData
from ..envs.specs import Spec
from .press import PLATE_Z, STEEL
from .sides import SideTask

RED = (0.78, 0.24, 0.20)

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


class PointerTask(SideTask):
    """Base of the tasks in which a policy must remember from which side a pointer came."""

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Components of the `state` track: those of every task, and where the pointer is."""
        pointer = Spec("pointer_position", (3,), "m", "world", -2.0, 2.0, "Middle of the pointer.")
        return (*super().observation, pointer)

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

    def shown_by(self) -> str:
        return "rail"

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        return super().observe(simulation) | {"pointer_position": simulation.position("pointer").copy()}
