"""Limits of what an arm may be commanded, and how a chunk of actions is brought within them.

Every function takes one arm's chunk (N, H, A) and returns it within the limits, with the rows that each rule
changed, {rule: (N,) bool}. A target that breaks none is left as it is, to the last bit.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...envs.frames import from_frame, to_frame
from ...envs.robot import inverse_kinematics as control
from ...envs.scene import BASES
from ...envs.specs import ROTATION


class Limits(NamedTuple):
    """What a target may do."""

    low: tuple[float, float, float] = (0.25, -0.45, 0.0)
    """Lower corner of the TCP's workspace in the frame of the arm's base [m]."""
    high: tuple[float, float, float] = (0.80, 0.45, 0.60)
    """Upper corner [m]."""
    speed: float = 0.03
    """Largest move of a target of the hand in a control step [m]; 0.6 m/s."""
    turn: float = 0.25
    """Largest turn of a target of the hand in a control step [rad]; 5 rad/s."""
    joint_speed: float = 0.10
    """Largest move of a target of a joint in a control step [rad]; 2 rad/s, the Panda's slowest may 2.2."""
    force: float = 20.0
    """Force on the table, or on what must not be touched, from which the hand retreats [N]."""
    retreat: float = 0.01
    """How far the hand rises in a control step of the retreat [m]."""


Limited = tuple[np.ndarray, dict[str, np.ndarray]]
"""A chunk within limits, and the rows that each rule changed."""
_ROUNDING = 1e-9


def limit_poses(
    chunk: np.ndarray, position: np.ndarray, rotation: np.ndarray, arm: int, limits: Limits
) -> Limited:
    """Limit `ee_absolute` targets that follow one at `position` (N, 3) and `rotation` (N, 3, 3), world."""
    # 1. positions into the box, 2. shorter moves, 3. smaller turns, each on what the one before left
    inside = chunk.copy()
    inside[..., :3] = boxed(chunk[..., :3], arm, limits)
    slow = chunk.copy()
    slow[..., :3] = follow(inside[..., :3], position, lambda move: shortened(move, limits.speed))
    gentle = slow.copy()
    for step in range(chunk.shape[1]):
        wish = control.rotation_from_columns(chunk[:, step, ROTATION])
        turn = control.rotation_error(wish, rotation)
        short = shortened(turn, limits.turn)
        far = np.any(short != turn, axis=-1)
        rotation = np.where(far[:, None, None], control.rotation_from_vector(short) @ rotation, wish)
        gentle[far, step, ROTATION] = control.columns_from_rotation(rotation[far])
    return gentle, {
        "workspace": changed(chunk, inside),
        "speed": changed(inside, slow),
        "turn": changed(slow, gentle),
    }


def limit_steps(chunk: np.ndarray, position: np.ndarray, arm: int, limits: Limits) -> Limited:
    """Limit `ee_delta` steps of a hand at `position` (N, 3) [m], world, that goes where it is commanded."""
    unit = control.DELTA_TRANSLATION
    # 1. shorter steps, 2. smaller turns
    slow = chunk.copy()
    slow[..., :3] = shortened(chunk[..., :3], limits.speed / unit)
    gentle = chunk.copy()
    gentle[..., :3] = slow[..., :3]
    gentle[..., 3:6] = shortened(chunk[..., 3:6], limits.turn / control.DELTA_ROTATION)
    # 3. steps that would leave the box end at its wall
    inside = gentle.copy()
    at = position
    for step in range(chunk.shape[1]):
        there = at + unit * gentle[:, step, :3]
        box = boxed(there[:, None], arm, limits)[:, 0]
        out = np.any(box != there, axis=-1)
        inside[out, step, :3] = shortened(box - at, limits.speed)[out] / unit
        at = at + unit * inside[:, step, :3]
    return inside, {
        "speed": changed(chunk, slow),
        "turn": changed(slow, gentle),
        "workspace": changed(gentle, inside),
    }


def limit_joints(
    chunk: np.ndarray, angles: np.ndarray | None, ranges: tuple[np.ndarray, np.ndarray], limits: Limits
) -> Limited:
    """Limit `joint_absolute` targets (N, H, 8) that follow targets `angles` (N, 7) [rad].

    Without angles, in an episode's first decision, targets begin anywhere in the joints' `ranges`, lower and
    upper limits [rad], (7,) each.
    """
    inside = chunk.copy()
    slow = chunk.copy()
    inside[..., :7] = np.clip(chunk[..., :7], *ranges)
    before = inside[:, 0, :7] if angles is None else angles
    fast = limits.joint_speed
    slow[..., :7] = follow(inside[..., :7], before, lambda move: np.clip(move, -fast, fast))
    slow[..., 7:] = chunk[..., 7:]
    return slow, {"joints": changed(chunk, inside), "speed": changed(inside, slow)}


def boxed(positions: np.ndarray, arm: int, limits: Limits) -> np.ndarray:
    """Return world positions (N, H, 3) moved into the arm's workspace; those in it are left as they are."""
    base = np.broadcast_to(BASES[arm], (positions[..., 0].size, 3))
    local = to_frame(positions.reshape(-1, 3), base)
    clipped = np.clip(local, limits.low, limits.high)
    out = np.any(np.abs(clipped - local) > _ROUNDING, axis=-1)
    moved = np.where(out[:, None], from_frame(clipped, base), positions.reshape(-1, 3))
    return moved.reshape(positions.shape)


def follow(targets: np.ndarray, before: np.ndarray, step: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what follows targets (N, H, d) from `before` (N, d) when it may go `step(move)` of each move."""
    followed = targets.copy()
    at = before
    for index in range(targets.shape[1]):
        move = targets[:, index] - at
        short = step(move)
        at = np.where(np.any(short != move, axis=-1)[:, None], at + short, targets[:, index])
        followed[:, index] = at
    return followed


def shortened(vector: np.ndarray, limit: float) -> np.ndarray:
    """Return vectors (..., 3) of at most this length, the short ones as they are."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.where(length > limit + _ROUNDING, vector * (limit / np.maximum(length, _ROUNDING)), vector)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the rows of chunks (N, H, A) that differ, (N,) bool."""
    return np.any(np.abs(after - before) > _ROUNDING, axis=(1, 2))
