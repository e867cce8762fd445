"""Shorter episodes and other starts: less time, another posture of the arm, a hand nearer to one mode."""

import math

import numpy as np

from ..frames import rotated
from ..scene_generation.episode_context import EpisodeContext
from ..task_protocol import Start, TaskProtocol
from .core.perturbation import Perturbation, drawn_mode


class ShortEpisode(Perturbation):
    """The episode is shorter."""

    name = "horizon.short"
    unit = "x"
    levels = (1.0, 0.75, 0.6, 0.5)

    def episode_steps(self, steps: int) -> int:
        return math.ceil(self.magnitude * steps)


class StartJoints(Perturbation):
    """The arm starts in another posture."""

    name = "start.joints"
    unit = "rad"
    levels = (0.0, 0.05, 0.1, 0.2)

    def joint_offsets(self, episode: EpisodeContext) -> np.ndarray:
        """Return a random direction in joint space of this length."""
        direction = episode.rng.standard_normal(7)
        return self.magnitude * direction / np.linalg.norm(direction)


class StartBias(Perturbation):
    """The hand starts nearer to one mode, in place and in yaw; which one is drawn."""

    name = "start.bias"
    unit = "share of the way to the mode"
    levels = (0.0, 0.1, 0.2, 0.3)

    def perturb_start(self, start: Start, episode: EpisodeContext) -> Start:
        """Move the start sideways towards the mode's grasp and turn it."""
        x, y, yaw = self.magnitude * toward(episode.task, drawn_mode(episode))
        along = rotated(x, y, start.frame[2])
        return start._replace(tcp=start.tcp + [*along, 0.0], yaw=start.yaw + yaw)

    def targeted_mode(self, task: TaskProtocol, seed: int) -> int:
        return drawn_mode(self.context(task, seed, "start"))


def toward(task: TaskProtocol, mode: int) -> np.ndarray:
    """Return the way from the middle of the modes to one of them, scene frame x, y [m] and yaw [rad]."""
    return (task.grasps[mode] - task.grasps.mean(0))[[0, 1, 3]]
