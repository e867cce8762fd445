"""How far a hand is from the nearest grasp of its task; for rewards and measures, never for a verdict."""

import numpy as np

from .task import PAD_RADIUS, Task


def grasp_distance(task: Task, hand: np.ndarray) -> np.ndarray:
    """Return the distance of hands from the nearest grasp of a task [m], (...).

    A turn counts as its arc at the fingers, which are alike.

    Args:
        task: the task.
        hand: TCP positions [m] and yaws [rad] of the first hand, scene frame, (..., 4).
    """
    apart = hand[..., None, :] - np.concatenate([task.grasps, task.more_grasps])
    apart[..., 3] = ((apart[..., 3] + np.pi / 2) % np.pi - np.pi / 2) * PAD_RADIUS
    return np.linalg.norm(apart, axis=-1).min(-1)
