"""How far an episode came: the last of a few milestones that it passed, for policies that seldom succeed."""

import numpy as np

from ...tasks.core.grasp_distance import grasp_distance
from ...tasks.core.referee import Verdict
from ...tasks.core.task import Task

REACHED = 0.03
"""Distance from the nearest grasp that counts as reached [m]; a turn counts as its arc at the fingers."""
MILESTONES = ("reached", "in hand", "half way", "at the goal", "held there")
"""In this order; who passes one has passed those before."""


def progress(
    task: Task, hand: np.ndarray, in_hand: np.ndarray, way: np.ndarray, verdict: Verdict
) -> np.ndarray:
    """Return the progress of N episodes, 0 to 1, (N,); `measures_of` and replays of entries call it.

        (m - m0) / (5 - m0)

    with m the number of the last milestone that was passed and m0 that of the first control step, since some
    tasks begin with the object in hand. A success has 1.

    Args:
        task: the task.
        hand: pose of the first hand after each of T control steps, (T, N, 4), as in `Measurement`.
        in_hand: whether something was held then, (T, N) bool.
        way: how far the target had come [m], (T, N): `Measurement.lift`.
        verdict: how the episodes ended.
    """
    lived = np.arange(len(hand))[:, None] < verdict.steps
    near = grasp_distance(task, hand) < REACHED
    half_way = way > task.success_height / 2
    passed = np.stack([near, in_hand.astype(bool), half_way]) & lived
    number = (np.arange(1, len(passed) + 1)[:, None, None] * passed).max(0)
    first = number[0] if len(number) else np.zeros(len(verdict.steps), int)
    last = np.maximum.reduce([number.max(0, initial=0), 4 * verdict.success_ever, 5 * verdict.success])
    return (last - first) / (len(MILESTONES) - first)
