"""What the tasks share in which a hand comes down over a middle, parts to one side, grasps and lifts."""

from typing import ClassVar

import numpy as np

from ..envs.simulation import Simulation
from .core.hand_path import HandPath
from .core.task import SETTLED, Measurement, Task


class LiftTask(Task):
    """Base of the top-down tasks: the modes are grasps on both sides of something forbidden."""

    parts: ClassVar[tuple[str, ...]]
    """The geom that each mode grips; watched as finger sensors of the same name."""
    forbidden: ClassVar[tuple[str, ...]]
    """Geoms that must not be touched; watched as sensors of the same name."""
    decision_z: ClassVar[float]
    """TCP height where the modes part [m]."""
    arc_steps: ClassVar[int] = 12
    """Control steps from there to the grasp."""
    opening: ClassVar[tuple[float, ...] | None] = None
    """How far it opens for each mode once they part [m]; None for no change."""

    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Return where each body rests: at the scene frame's origin, unless a task says otherwise."""
        return dict.fromkeys(self.objects, (0.0, 0.0, 0.0))

    def decision(self, start: np.ndarray) -> np.ndarray:
        """Return where the modes part, half-way from TCP `start` (N, 3) to the middle, (N, 3)."""
        return np.column_stack([start[:, :2] / 2, np.full(len(start), self.decision_z)])

    def begin(self, start: np.ndarray) -> HandPath:
        """Return the path before its first step, from TCP `start` (N, 3); the gripper is open all the way."""
        return HandPath(start, self.hand_yaw)

    def path(self, start: np.ndarray, modes: np.ndarray) -> HandPath:
        grasp = self.grasps[modes, :3]
        yaw = self.grasps[modes, 3]
        opening = None if self.opening is None else np.array(self.opening)[modes]
        return self.path_to(start, grasp, yaw, opening)

    def path_to(
        self, start: np.ndarray, grasp: np.ndarray, yaw: np.ndarray, opening: np.ndarray | None = None
    ) -> HandPath:
        """Return the path from TCP `start` (N, 3) that lifts by a grasp (N, 3) at a yaw (N,)."""
        return (
            self.begin(start)
            .line(self.decision(start), self.shared_steps)
            .arc(grasp, self.arc_steps, yaw=yaw, opening=opening)
            .wait(3)
            .close(8)
            .ease(grasp + [0, 0, 0.12], 20)
            .wait(14)
        )

    def measure(self, simulation: Simulation) -> Measurement:
        rest = self.poses()
        lifts = np.stack([simulation.position(name)[:, 2] - rest[name][2] for name in self.objects])
        speeds = np.stack([simulation.speed(name) for name in self.objects])
        higher = np.argmax(lifts, axis=0)[None]
        lift = np.take_along_axis(lifts, higher, 0)[0]
        settled = np.take_along_axis(speeds, higher, 0)[0] < SETTLED
        part = self.touched_part(simulation, self.parts)
        return Measurement(
            hand=simulation.hand,
            opening=simulation.opening,
            lift=lift,
            at_goal=(lift >= self.success_height) & settled & (part >= 0),
            in_hand=part >= 0,
            part=part,
            illegal=np.max([simulation.force(name) for name in self.forbidden], axis=0),
            table=simulation.force("table"),
        )
