"""Actions of other suites as steps of ours (`ee_delta`), for policies trained there; called before `step`.

docs/integrations.md has the table, and where each convention was read. Every function takes actions (..., n)
of one arm and returns steps (..., 7): translation in units of 5 cm, rotation vector in units of 0.5 rad, both
about the world's axes (x ahead of the robot, y to its left, z up), and the gripper, +1 to close and -1 to
open. What was a larger step there is out of range here: clip it (`clip=True`).
"""

import numpy as np

from ...envs.errors import WrongUse
from ...envs.robot.inverse_kinematics import (
    DELTA_ROTATION,
    DELTA_TRANSLATION,
    columns_from_rotation,
    rotation_from_columns,
    rotation_from_vector,
)
from ...envs.specs import OPENING_HIGH, OPENING_LOW

MANISKILL_STEP = 0.1
"""A full step of ManiSkill's `pd_ee_delta_pose`, in every column [m], [rad]."""


def from_robosuite(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 7) of robosuite's OSC_POSE, or of LIBERO: they are ours."""
    return _of_width(actions, 7, "robosuite's OSC_POSE")


def from_robocasa(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 12) of RoboCasa's PandaOmron, as its `convert_action` orders them.

    Position, rotation, `gripper_close` (from 0.5 on it closes), base and torso (4), `control_mode`. Our robot
    has no base: what drives it is left out.
    """
    actions = _of_width(actions, 12, "RoboCasa")
    return np.concatenate([actions[..., :6], _closes(actions[..., 6:7] >= 0.5)], axis=-1)


def from_robocasa_dataset(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 12) of RoboCasa365's LeRobot data, where the base comes first."""
    actions = _of_width(actions, 12, "RoboCasa")
    return np.concatenate([actions[..., 5:11], _closes(actions[..., 11:] >= 0.5)], axis=-1)


def from_maniskill(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 7) of ManiSkill 3's `pd_ee_delta_pose` for the Panda.

    Its controller scales rotations by `rot_lower`, which is negative: a positive number turns the negative
    way. They are Euler angles about the moving axes x, y, z. Its gripper opens at +1.
    """
    from scipy.spatial.transform import Rotation

    actions = _of_width(actions, 7, "ManiSkill's pd_ee_delta_pose")
    length = np.linalg.norm(actions[..., 3:6], axis=-1, keepdims=True)
    angles = -MANISKILL_STEP * actions[..., 3:6] / np.maximum(length, 1.0)
    turn = Rotation.from_euler("XYZ", angles.reshape(-1, 3)).as_rotvec().reshape(angles.shape)
    translation = MANISKILL_STEP * np.clip(actions[..., :3], -1, 1)
    return _step(translation, turn, actions[..., 6:] < 0)


def from_openvla(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 7) of OpenVLA-style policies tuned on LIBERO, un-normalised.

    They are LIBERO's, but for the gripper, which their data writes as 0 closed and 1 open.
    """
    actions = _of_width(actions, 7, "OpenVLA")
    return np.concatenate([actions[..., :6], _closes(actions[..., 6:] < 0.5)], axis=-1)


def from_bridge(actions: np.ndarray) -> np.ndarray:
    """Return steps for actions (..., 7) in metres and radians, as policies of BridgeData V2 give them.

    Rotations are Euler angles roll, pitch, yaw about the fixed axes; the gripper is 1 open and 0 closed.
    """
    from scipy.spatial.transform import Rotation

    actions = _of_width(actions, 7, "BridgeData")
    turn = Rotation.from_euler("xyz", actions[..., 3:6].reshape(-1, 3)).as_rotvec()
    return _step(actions[..., :3], turn.reshape(actions[..., 3:6].shape), actions[..., 6:] < 0.5)


def to_absolute(steps: np.ndarray, position: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return `ee_absolute` actions (N, 10) that ask for the same as steps (N, 7) of a hand.

    Args:
        steps: `ee_delta` actions.
        position: TCP of the hand [m], world, (N, 3): `tcp_position` of the observation.
        columns: first two columns of its rotation, (N, 6): `tcp_rotation`.
    """
    turn = rotation_from_vector(DELTA_ROTATION * steps[:, 3:6])
    target = turn @ rotation_from_columns(columns)
    opening = np.where(steps[:, 6:] > 0, OPENING_LOW, OPENING_HIGH)
    return np.concatenate(
        [position + DELTA_TRANSLATION * steps[:, :3], columns_from_rotation(target), opening], axis=1
    )


def _step(translation: np.ndarray, turn: np.ndarray, close: np.ndarray) -> np.ndarray:
    parts = [translation / DELTA_TRANSLATION, turn / DELTA_ROTATION, _closes(close)]
    return np.concatenate(parts, axis=-1)


def _closes(close: np.ndarray) -> np.ndarray:
    return np.where(close, 1.0, -1.0)


def _of_width(actions: np.ndarray, width: int, source: str) -> np.ndarray:
    actions = np.asarray(actions, np.float64)
    if actions.shape[-1] != width:
        raise WrongUse(f"an action of {source} has {width} numbers, got {actions.shape[-1]}")
    return actions
