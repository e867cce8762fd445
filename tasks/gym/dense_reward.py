"""The dense reward, `reward="dense"` of the Gymnasium environments; no score depends on it.

The sum of an episode's rewards is the mean of its progress phi over its whole time T, where phi counts as 1
from success on and as 0 from a forbidden touch on:

    r_t = phi(after) / T,   at success (T - t) / T for the t steps before,   at a forbidden touch 0
    phi = sum of WEIGHTS[term] * term, each term from 0 to 1

So it lies between 0 and 1, nothing earns more than succeeding soon, and an end by touching costs what was
still to come.
"""

import numpy as np

from ...envs.errors import unknown_name
from ..core.grasp_distance import grasp_distance
from ..core.task import Task

REWARDS = ("sparse", "dense")
"""Names of the rewards."""
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
    return {
        "near": np.where(held, 1.0, 1 - np.tanh(grasp_distance(task, hand) / REACH)),
        "held": held.astype(float),
        "lifted": np.where(held, np.clip(lift / task.success_height, 0, 1), 0.0),
    }


def progress(task: Task, hand: np.ndarray, held: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Return phi of N episodes (N,); the arguments are those of `terms`."""
    found = terms(task, hand, held, lift)
    return np.sum([weight * found[name] for name, weight in WEIGHTS.items()], axis=0)


def dense(
    phi: np.ndarray, steps: np.ndarray, time: int, success: np.ndarray, terminated: np.ndarray
) -> np.ndarray:
    """Return the rewards of a step of N episodes, (N,).

    Args:
        phi: progress after the step, (N,).
        steps: control steps of each episode before it, (N,).
        time: T, the steps that an episode lasts at most.
        success: episodes that succeed in this step, (N,) bool.
        terminated: episodes that end in it by what happened, those included, (N,) bool.
    """
    return np.where(success, time - steps, np.where(terminated, 0.0, phi)) / time
