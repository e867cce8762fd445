"""What the tasks share in which a hand presses buttons, which spring back."""

import mujoco
import numpy as np

from ..envs.rendering.meshes import rounded_cylinder
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import Task

ENAMEL = (0.86, 0.87, 0.84)
STEEL = (0.32, 0.34, 0.37)
GREEN = (0.16, 0.55, 0.32)
BLUE = (0.16, 0.36, 0.72)
AMBER = (0.95, 0.62, 0.16)

PLATE_Z = 0.008
"""Thickness of the console's plate [m]."""
CAP_DIAMETER = 0.052
"""Cap of a button, which is pushed [m]."""
CAP_HEIGHT = 0.012
"""Height of a cap [m]."""
CAP_Z = 0.034
"""Underside of a cap that nobody pushes, over the table [m]."""
COLLAR = (0.030, 0.024)
"""Diameter and height of the collar under a cap, which is only seen [m]."""
TRAVEL = 0.012
"""How far a cap goes down [m]."""
SPRING = 200.0
"""Stiffness of the spring under a cap [N/m]."""
PRELOAD = 0.004
"""How far the spring is compressed under a cap that nobody pushes [m]."""
LATCH = (0.020, 0.010)
"""Diameter and height of the latch, which a cap pushes down and leaves there [m]; nobody sees it."""
LATCH_FRICTION = 2.0
"""What keeps a latch where it is [N]; its weight is borne."""
PRESSED = 0.006
"""Way of a cap or a latch that counts as pressed [m]; a cap that is pushed down takes its latch 11 mm."""
OPENING = 0.020
"""Distance between the pads of a hand that presses [m]."""
FINGERTIP = 0.0092
"""How far the fingertips reach below the TCP [m]."""
PRESS_Z = CAP_Z + CAP_HEIGHT - TRAVEL - 0.002 + FINGERTIP
"""TCP height of a press [m]: the fingertips 2 mm below the lowest top of a cap."""
APPROACH = 0.00375
"""How far the hand comes down towards the decision in a control step [m]."""
RETURN_STEPS = 10
"""Control steps in which a hand that has pressed comes down again, and in which nothing shows from where."""


class PressTask(Task):
    """Base of the tasks with buttons on a console."""

    def add_lamp(
        self,
        scene: Scene,
        console: mujoco.MjsBody,
        size: tuple[float, float],
        x: float = 0.0,
        names: tuple[str, str] = ("lamp", "glass"),
    ) -> None:
        """Add a lamp between buttons, which must not be touched.

        Args:
            scene: under construction.
            console: the body on which the lamp stands.
            size: diameter and height [m].
            x: where its middle is, in the console's frame [m].
            names: of its shape, as of the sensor of the robot on it, and of what is seen.
        """
        lamp, glass = names
        scene.cylinder(console, lamp, *size, (x, 0, size[1] / 2), None)
        mesh = rounded_cylinder(size[0] / 2, size[1] / 2, 0.012)
        scene.shell(console, glass, mesh.vertices + [x, 0, size[1] / 2], mesh.faces, AMBER)
        scene.watch(lamp, lamp)

    def add_button(
        self,
        scene: Scene,
        console: mujoco.MjsBody,
        button: str,
        at: tuple[float, float],
        colour: tuple[float, float, float] = GREEN,
        arm: int = 0,
    ) -> None:
        """Add a sprung cap on a collar.

        Args:
            scene: under construction.
            console: the body on which the button stands.
            button: name of the cap, and of the sensors of the fingers on it.
            at: x, y of its middle in the console's frame [m].
            colour: of the cap.
            arm: whose fingers are felt on it.
        """
        x, y = at
        collar = rounded_cylinder(COLLAR[0] / 2, COLLAR[1] / 2, 0.001)
        below = np.array([x, y, PLATE_Z + COLLAR[1] / 2])
        scene.shell(console, f"{button}_collar", collar.vertices + below, collar.faces, STEEL)
        cap = scene.sliding(console, button, (0, 0, -1), TRAVEL, friction=0.0, damping=4.0)
        middle = (x, y, CAP_Z + CAP_HEIGHT / 2)
        scene.cylinder(cap, button, CAP_DIAMETER, CAP_HEIGHT, middle, colour, mass=0.02)
        spring = scene.spec.joint(button)
        spring.stiffness = np.array([SPRING, 0.0, 0.0])
        spring.springref = -PRELOAD
        scene.watch_fingers(button, button, arm)

    def add_latch(self, scene: Scene, console: mujoco.MjsBody, latch: str, at: tuple[float, float]) -> None:
        """Add what the cap at `at` pushes down and leaves there, hidden in the collar."""
        x, y = at
        below = scene.sliding(console, latch, (0, 0, -1), TRAVEL, LATCH_FRICTION, damping=4.0)
        z = CAP_Z - 0.001 - LATCH[1] / 2
        below.gravcomp = 1.0  # it would creep down by its weight
        scene.cylinder(below, latch, *LATCH, (x, y, z), None, mass=0.005)

    def pushed(self, simulation: Simulation, names: tuple[str, ...]) -> np.ndarray:
        """Return how far caps or latches have been pushed down [m], (names, N)."""
        return np.stack([-simulation.in_frame(simulation.position(name))[:, 2] for name in names])

    def begin(self, start: np.ndarray, decision_z: float) -> HandPath:
        """Return the path from TCP `start` (N, 3) down to where the modes part, half-way to the middle."""
        decision = np.column_stack([start[:, :2] / 2, np.full(len(start), decision_z)])
        return HandPath(start, self.hand_yaw, OPENING).line(decision, self.shared_steps)

    def press_and_return(
        self, path: HandPath, button: np.ndarray, decision_z: float, rise: int = 6
    ) -> HandPath:
        """Press `button` (N, 3) from the middle, and come back to the middle from above.

        Where the hand is tells whether it goes out or comes back, and at last not from where.
        """
        path = self.press_and_rise(path, button, decision_z, rise)
        return path.line([0.0, 0.0, decision_z], RETURN_STEPS)

    def press_and_rise(
        self, path: HandPath, button: np.ndarray, decision_z: float, rise: int = 6
    ) -> HandPath:
        """Press `button` (N, 3) from the middle, and go over the middle in 12 steps, `rise` of them up."""
        above = decision_z + RETURN_STEPS * APPROACH
        up = button * [1, 1, 0] + [0, 0, above]
        return path.arc(button, 8).wait(2).ease(up, rise).line([0.0, 0.0, above], 12 - rise)
