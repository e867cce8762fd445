"""The dense reward, `reward="dense"` of both Gymnasium environments; no score depends on it.

It is the sparse reward, 1 for success, plus potential-based shaping, which leaves the best policy what it was
(Ng, Harada and Russell 1999, "Policy invariance under reward transformations", theorem 1):

    r = success + DISCOUNT * phi(after) - phi(before),   phi = 0 once the episode has terminated
    phi = sum of WEIGHTS[term] * term, each term from 0 to 1
"""

import numpy as np

from ...envs.errors import unknown_name
from ..core.task import PAD_RADIUS, Task

REWARDS = ("sparse", "dense")
"""Names of the rewards."""
DISCOUNT = 0.99
"""The discount that the shaping is exact for; train with the same one."""
REACH = 0.2
"""Distance from the nearest grasp at which `near` has fallen to a quarter [m]; about the start's."""
WEIGHTS = {"near": 0.4, "held": 0.3, "lifted": 0.3}
"""What the terms of `terms` count; `near` stays 1 while the target is held."""


def checked_reward(name: str) -> str:
    """Return the name of a reward.

    Raises:
        WrongUse: no such reward.
    """
    if name not in REWARDS:
        raise unknown_name("reward", name, REWARDS)
    return name


def terms(task: Task, hand: np.ndarray, held: np.ndarray, lift: np.ndarray) -> dict[str, np.ndarray]:
    """Return how far N episodes have come, a named term of 0 to 1 each, (N,).

    Args:
        task: the task.
        hand: TCP position [m] and yaw [rad] of the first hand, scene frame, (N, 4).
        held: whether both fingers press what may be gripped, (N,) bool.
        lift: how far the target has come from where it rested [m], (N,).
    """
    apart = hand[:, None] - task.grasps
    apart[..., 3] = ((apart[..., 3] + np.pi / 2) % np.pi - np.pi / 2) * PAD_RADIUS  # the fingers are alike
    distance = np.linalg.norm(apart, axis=-1).min(-1)
    return {
        "near": np.where(held, 1.0, 1 - np.tanh(distance / REACH)),
        "held": held.astype(float),
        "lifted": np.where(held, np.clip(lift / task.success_height, 0, 1), 0.0),
    }


def potential(task: Task, hand: np.ndarray, held: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Return phi of N episodes (N,); the arguments are those of `terms`."""
    found = terms(task, hand, held, lift)
    return np.sum([weight * found[name] for name, weight in WEIGHTS.items()], axis=0)


def shaping(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return what a step adds to the sparse reward, (N,), from phi before and after it."""
    return DISCOUNT * after - before
