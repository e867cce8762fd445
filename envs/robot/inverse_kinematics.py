"""From actions to joint targets: vectorised differential inverse kinematics.

For an end-effector target the joint targets are
    q_target = q + J^T (J J^T + lambda I)^-1 e + k (I - J^+ J)(q_home - q),
with e the clipped position and rotation error of the TCP, q the measured angles and J^+ the same damped
inverse. Every row is computed on its own, so results do not depend on the batch.
"""

import numpy as np

from ..fixed_grid import product, solve
from . import panda as robot

DAMPING = 1e-3
"""lambda, in units of J J^T."""
POSITION_CLIP = 0.05
"""Largest position error that one control step acts on [m]."""
ROTATION_CLIP = 0.4
"""Largest rotation error that one control step acts on [rad]."""
NULLSPACE_GAIN = 0.1
"""k: pull towards the home posture per control step."""
DELTA_TRANSLATION = 0.05
"""Size of a full `ee_delta` action along one axis [m] (robosuite's OSC convention)."""
DELTA_ROTATION = 0.5
"""The same about one axis [rad]."""
DELTA_CLIP = (3**0.5 * DELTA_TRANSLATION, 3**0.5 * DELTA_ROTATION)
"""Lengths of a full `ee_delta` action along all axes [m], [rad]."""


def rotation_from_columns(columns: np.ndarray) -> np.ndarray:
    """Return the rotation matrices (..., 3, 3) whose first two columns are nearest to `columns` (..., 6).

    Gram-Schmidt: the first column is kept in direction, the second made orthogonal to it
    (Zhou et al. 2019, arXiv 1812.07035, eq. 15).
    """
    a = columns[..., :3]
    b = columns[..., 3:]
    x = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-9)
    b = b - np.sum(x * b, axis=-1, keepdims=True) * x
    y = b / np.maximum(np.linalg.norm(b, axis=-1, keepdims=True), 1e-9)
    rotation = np.empty((*columns.shape[:-1], 3, 3))
    rotation[..., 0] = x
    rotation[..., 1] = y
    for i in range(3):  # z = x cross y, written out: np.cross costs as much as the whole inverse kinematics
        j = (i + 1) % 3
        k = (i + 2) % 3
        rotation[..., i, 2] = x[..., j] * y[..., k] - x[..., k] * y[..., j]
    return rotation


def columns_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return the first two columns (..., 6) of rotation matrices (..., 3, 3)."""
    return np.concatenate([rotation[..., 0], rotation[..., 1]], axis=-1)


def rotation_error(target: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return the rotation vector [rad], world frame, (N, 3), that turns `current` into `target`."""
    # of target @ current.T, the part that changes sign when it is transposed, and the trace
    axis = np.stack(
        [
            (target[:, 2] * current[:, 1] - target[:, 1] * current[:, 2]).sum(-1),
            (target[:, 0] * current[:, 2] - target[:, 2] * current[:, 0]).sum(-1),
            (target[:, 1] * current[:, 0] - target[:, 0] * current[:, 1]).sum(-1),
        ],
        -1,
    )
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    cosine = (target * current).sum(-1).sum(-1)[:, None] - 1.0
    return axis * (np.arctan2(sine, cosine) / np.maximum(sine, 1e-9))


def rotation_from_vector(vector: np.ndarray) -> np.ndarray:
    """Return the rotation matrices (N, 3, 3) of rotation vectors (N, 3) [rad] (Rodrigues' formula)."""
    angle = np.linalg.norm(vector, axis=-1)[:, None, None]
    x, y, z = (vector / np.maximum(angle[:, 0], 1e-12)).T
    zero = np.zeros_like(x)
    cross = np.stack(
        [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2
    )
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * product(cross, cross)


def clip_length(vector: np.ndarray, limit: float) -> np.ndarray:
    """Return vectors (..., 3) none of which is longer than `limit`."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector * np.minimum(1.0, limit / np.maximum(length, 1e-12))


def joint_step(
    jacobian: np.ndarray,
    position_error: np.ndarray,
    rotation_error: np.ndarray,
    posture_error: np.ndarray,
    clip: tuple[float, float] = (POSITION_CLIP, ROTATION_CLIP),
) -> np.ndarray:
    """Return the change of the joint angles [rad], (N, 7).

    Args:
        jacobian: of the TCP, translation above rotation, (N, 6, 7).
        position_error: target minus current [m], world, (N, 3).
        rotation_error: rotation vector from current to target [rad], world, (N, 3).
        posture_error: home minus current joint angles [rad], (N, 7).
        clip: largest position [m] and rotation [rad] error that the step acts on.
    """
    # Elements first, rows last, and no matrix product: the same bits on every processor and for every N.
    error = np.concatenate([clip_length(position_error, clip[0]), clip_length(rotation_error, clip[1])], -1)
    jacobian = np.ascontiguousarray(jacobian.transpose(1, 2, 0))
    gram = (jacobian[:, None] * jacobian).sum(2)
    gram[np.arange(6), np.arange(6)] += DAMPING
    pull = NULLSPACE_GAIN * posture_error.T
    weights = solve(gram, error.T - (jacobian * pull).sum(1))
    return (pull + (jacobian * weights[:, None]).sum(0)).T


def finger_targets(opening: np.ndarray) -> np.ndarray:
    """Return the targets of the two finger joints [m], (N, 2), for a gripper opening [m], (N,)."""
    half = np.clip(opening / 2, robot.FINGER_LOW, robot.FINGER_HIGH)
    return np.stack([half, -half], -1)
