"""Less time, and other starts."""

import math
from typing import Any

import numpy as np

from .core.perturbation import Axis, drawn_mode


class Horizon(Axis):
    """The episode is shorter."""

    name = "horizon.short"
    unit = "x"
    levels = (1.0, 0.75, 0.6, 0.5)

    def horizon(self, steps: int) -> int:
        """Return the shorter length."""
        return math.ceil(self.magnitude * steps)


class StartJoints(Axis):
    """The arm starts in another posture."""

    name = "start.joints"
    unit = "rad"
    levels = (0.0, 0.05, 0.1, 0.2)

    def joints(self, task: Any, rng: np.random.Generator) -> np.ndarray:
        """Return a random direction in joint space of this length."""
        direction = rng.standard_normal(7)
        return self.magnitude * direction / np.linalg.norm(direction)


class StartBias(Axis):
    """The hand starts nearer to one mode, in place and in yaw; which one is drawn."""

    name = "start.bias"
    unit = "share of the way to the mode"
    levels = (0.0, 0.1, 0.2, 0.3)

    def start(self, start: Any, task: Any, rng: np.random.Generator) -> Any:
        """Move the start sideways towards the mode's grasp and turn it."""
        x, y, yaw = self.magnitude * toward(task, drawn_mode(task, rng))
        c, s = np.cos(start.frame[2]), np.sin(start.frame[2])
        return start._replace(tcp=start.tcp + [c * x - s * y, s * x + c * y, 0.0], yaw=start.yaw + yaw)

    def aimed(self, task: Any, seed: int) -> int:
        """Return the nearer mode."""
        return drawn_mode(task, self.rng(task, seed, "start"))


def toward(task: Any, mode: int) -> np.ndarray:
    """Return the way from the middle of the modes to one of them, scene frame x, y [m] and yaw [rad]."""
    return (task.grasps[mode] - task.grasps.mean(0))[[0, 1, 3]]
