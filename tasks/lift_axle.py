"""Two arms lift an axle by its two wheels; each grips one wheel, and their grips must be opposite."""

from typing import ClassVar

import numpy as np

from ..envs.frames import heading, yaw_quaternion
from ..envs.scene import Scene
from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import ALONG_Y, Measurement, Task
from .lift_ring import DECISION_Z, GRASP_RADIUS, GRASP_Z, add_wheel
from .lift_trefoil import OPENING, STEADY

ENAMEL = (0.42, 0.13, 0.12)
BRASS = (0.83, 0.64, 0.24)
BEECH = (0.82, 0.66, 0.45)

AXIS = np.deg2rad(112.5)
"""Where the first wheel lies, seen from the middle of the axle, scene frame [rad]: the shaft passes between
two grips of each wheel."""
WHEEL = 0.18 * heading(AXIS)
"""Where the middle of the first wheel is, scene frame [m]; that of the second is opposite."""
SHAFT = (0.27, 0.020, 0.018)
"""Extents of the shaft between the drums [m]; the fingers pass over it."""
SHAFT_MASS = 0.04
"""Mass of the shaft [kg]."""
ANGLES = np.deg2rad(np.arange(0, 360, 45))
"""Where the grips of the first wheel point, scene frame [rad]; those of the second point the other way."""
YAWS = ALONG_Y + ANGLES % np.pi
"""How the first hand is turned at each grip [rad]; the second is turned by half a turn more."""
WHEELS = ("first", "second")


class LiftAxle(Task):
    """Lift the axle with both arms, each by a grip of its own wheel, the two grips opposite to each other.

    **Goal**: hold the axle 6 cm above its rest for half a second, by two grips that point in opposite
    directions.
    **Randomised**: the axle's position (x +-2 cm, y +-4 cm) and yaw (+-10 degrees); each hand starts above
    the drum of its wheel (x +-5 mm, y +-3 mm, z +-1 cm).
    **Success**: both wheels lifted >= 6 cm and slower than 10 cm/s, by opposite grips, for 10 control steps.
    Touching a drum or a fin ends the episode.
    """

    id = "TwoPandaLiftAxle-v1"
    goal = "Lift the axle with both arms, by two opposite grips, without touching drums and fins."
    modes = ("far", "far left", "left", "near left", "near", "near right", "right", "far right")
    arms = 2
    max_episode_steps = 100
    objects = ("axle",)
    grasps = np.column_stack([GRASP_RADIUS * heading(ANGLES) + WHEEL, np.full(len(ANGLES), GRASP_Z), YAWS])
    centre = (0.60, 0.0)
    spread = (0.02, 0.04, np.deg2rad(10))
    hand_start = (*WHEEL, DECISION_Z + 0.10)
    hand_yaw = float(YAWS.mean())
    second_hand_start = (*-WHEEL, DECISION_Z + 0.10)
    second_hand_yaw = hand_yaw - np.pi
    dead_zone = (0.3, 0.7)
    slow_because = "it simulates two arms"
    informed_control = "mse_labelled"
    middles: ClassVar[tuple[tuple[str, ...], ...]] = tuple(
        (f"{wheel}_drum", *(f"{wheel}_fin_{index}" for index in range(len(ANGLES)))) for wheel in WHEELS
    )
    grips: ClassVar[tuple[tuple[str, ...], ...]] = tuple(
        tuple(f"{wheel}_grip_{index}" for index in range(len(ANGLES))) for wheel in WHEELS
    )

    def build(self, scene: Scene) -> None:
        axle = scene.movable("axle")
        scene.box(axle, "shaft", SHAFT, (0, 0, SHAFT[2] / 2), BRASS, SHAFT_MASS, yaw_quaternion(AXIS))
        wheels = zip((1, -1), (0, np.pi), self.middles, self.grips, strict=True)
        for arm, (side, turn, middle, grips) in enumerate(wheels):
            add_wheel(scene, axle, (ENAMEL, BRASS, BEECH), ANGLES + turn, middle, grips, side * WHEEL)
            for name in middle:
                scene.watch(name, name)
            for name in grips:
                scene.watch_fingers(name, name, arm)

    def poses(self) -> dict[str, tuple[float, float, float]]:
        return {"axle": (0.0, 0.0, 0.0)}

    def paths(self, starts: np.ndarray, modes: np.ndarray) -> tuple[HandPath, ...]:
        return tuple(self._path(arm, start, np.asarray(modes)) for arm, start in enumerate(starts))

    def _path(self, arm: int, start: np.ndarray, modes: np.ndarray) -> HandPath:
        """Return one arm's path from TCP `start` (N, 3); the second goes the first's way, turned round."""
        turn = np.array([1 - 2 * arm, 1 - 2 * arm, 1])
        grasp = self.grasps[modes, :3] * turn
        x, y, _, yaw = self.hands()[arm]
        decision = np.column_stack([(start[:, :2] + [x, y]) / 2, np.full(len(start), DECISION_Z)])
        return (
            HandPath(start, yaw, OPENING)
            .line(decision, self.shared_steps)
            .arc(grasp, 12, yaw=self.grasps[modes, 3] - np.pi * arm)
            .wait(3)
            .close(8)
            .ease(grasp + [0, 0, 0.12], 20)
            .wait(14)
        )

    def decided(self, measurement: Measurement) -> np.ndarray:
        return measurement.opening < 0.03

    def measure(self, simulation: Simulation) -> Measurement:
        first, second = (self.touched_part(simulation, grips) for grips in self.grips)
        agreed = (first >= 0) & (first == second)
        lift = simulation.position("axle")[:, 2].copy()
        lift -= np.abs(simulation.rotation("axle")[:, 2, :2] @ WHEEL)
        steady = simulation.speed("axle") < STEADY
        return Measurement(
            hand=simulation.hand,
            opening=np.min([arm.opening for arm in simulation.arms], axis=0),
            lift=lift,
            at_goal=(lift >= self.success_height) & steady & agreed,
            in_hand=agreed,
            part=np.where(agreed, first, -1).astype(np.int8),
            illegal=np.max([simulation.force(name) for middle in self.middles for name in middle], axis=0),
            table=simulation.force("table"),
        )
