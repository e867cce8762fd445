"""Where a policy planned that the hand goes: of the plans that it recorded, or of the chunk that it chose."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...envs.frames import from_frame, to_frame
from ...envs.specs import from_grid, size
from ...tasks.core.task import Task

PLANNED = 5
"""Numbers of a hand in the plans of `policies/mpc.py`: x, y, z [m], yaw [rad], opening [m]; scene frame."""


class PlannedHands(NamedTuple):
    """The hand of the first arm in the C candidates of K knots of M decisions."""

    world: np.ndarray
    """Positions in the world [m], (M, C, K, 3)."""
    poses: np.ndarray
    """Poses as `Task.side` wants them, scene frame, (M, C, K, 4)."""


def planned_hands(
    task: Task,
    observations: Sequence[str],
    privileged: bool,
    candidates: np.ndarray,
    frame: np.ndarray,
    yaw: float,
) -> PlannedHands | None:
    """Return the hands of candidates; None for variables of another kind.

    Two kinds are known: hands in the scene frame (model-predictive control), and observations of which one is
    `tcp_position` (planners).

    Args:
        task: the task.
        observations: the components that the policy reads, () for the whole state.
        privileged: whether it reads the simulator.
        candidates: its plans, (M, C, K, D).
        frame: the scene frame: x, y [m] and yaw [rad], world, (3,).
        yaw: of the hand at the start, scene frame [rad].
    """
    width = candidates.shape[-1]
    if width == PLANNED * task.arms and privileged:
        return PlannedHands(from_frame(candidates[..., :3], frame), candidates[..., :4])
    sizes = {spec.name: spec.size for spec in task.observation}
    names = tuple(observations) or tuple(sizes)
    if "tcp_position" not in names or sum(sizes.get(name, 0) for name in names) != width:
        return None
    at = np.cumsum([0, *(sizes[name] for name in names)])
    begin = {name: int(first) for name, first in zip(names, at, strict=False)}
    world = candidates[..., begin["tcp_position"] :][..., :3]
    flat = to_frame(world.reshape(-1, 3), np.broadcast_to(frame, (world.size // 3, 3)))
    if "tcp_rotation" in begin:  # its first column is the finger-opening axis
        axis = candidates[..., begin["tcp_rotation"] :][..., :2]
        yaws = np.arctan2(axis[..., 1], axis[..., 0]) - frame[2]
        yaws = yaw + (yaws - yaw + np.pi) % (2 * np.pi) - np.pi
    else:
        yaws = np.full(world.shape[:-1], yaw)
    return PlannedHands(world, np.concatenate([flat.reshape(world.shape), yaws[..., None]], axis=-1))


def chunk_ahead(task: Task, actions: np.ndarray, space: str, step: int, execute: int) -> np.ndarray:
    """Return where the executed part of the present chunk still leads every hand, world [m], (arms, L, 3).

    Args:
        task: the task.
        actions: what the robot was commanded in an episode, on the grid, (T, A).
        space: the action space; nothing but positions of the hand can be shown.
        step: the present control step.
        execute: actions executed of each chunk.
    """
    if space != "ee_absolute":
        return np.zeros((task.arms, 0, 3))
    end = step - step % execute + execute
    ahead = from_grid(actions[step:end]).reshape(-1, task.arms, size(task.actions(space)) // task.arms)
    return ahead[:, :, :3].swapaxes(0, 1)
