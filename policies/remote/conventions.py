"""Turns actions in a server's conventions into ours; called for every chunk that a server answers."""

import numpy as np

from ...envs.specs import ACTIONS, OPENING_HIGH, OPENING_LOW, size

ROTATIONS = {"columns": 6, "interleaved": 6, "axis_angle": 3, "quaternion_xyzw": 4, "euler_xyz": 3}
"""Ways to write a rotation, and how many numbers each takes. `columns`: the first two columns of the matrix,
one after the other (ours in `ee_absolute`); `interleaved`: row by row, as in vla-eval; `axis_angle` [rad]
(ours in `ee_delta`, in its unit); `euler_xyz`: about the fixed axes x, y, z [rad]."""
GRIPPERS = ("opening", "close_positive", "close_negative", "close_01", "open_01")
"""Ways to write the gripper: its opening in metres (ours in absolute spaces); -1 open and +1 closed (ours in
`ee_delta`), or the other way round; 0 to 1, where 1 is closed, or open."""
OWN_ROTATION = {"ee_absolute": "columns", "ee_delta": "axis_angle", "joint_absolute": ""}
OWN_GRIPPER = {"ee_absolute": "opening", "ee_delta": "close_positive", "joint_absolute": "opening"}
"""What we write in each action space; "" for none."""


def width(space: str, rotation: str) -> int:
    """Return how many numbers an action of one arm has where its rotation is written in some way."""
    own = OWN_ROTATION[space]
    return size(ACTIONS[space]) + (ROTATIONS[rotation] - ROTATIONS[own] if own else 0)


def to_ours(actions: np.ndarray, space: str, rotation: str, gripper: str) -> np.ndarray:
    """Return actions (..., arms x width) as ours (..., arms x A); where conventions agree no bit changes."""
    own = OWN_ROTATION[space]
    if rotation == own and gripper == OWN_GRIPPER[space]:
        return actions
    arms = []
    for part in np.split(actions, actions.shape[-1] // width(space, rotation), axis=-1):
        turned = part[..., :-1]
        if rotation != own:
            turned = np.concatenate([part[..., :3], _columns(part[..., 3:-1], rotation)], axis=-1)
        arms += [turned, _grip(part[..., -1:], gripper, OWN_GRIPPER[space])]
    return np.concatenate(arms, axis=-1)


def hand_state(seen: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """Return the first hand as other robots tell it, from what is observed of it, float32.

    `droid`: position [m] with Euler angles about fixed axes [rad], and the gripper, 1 closed and 0 open.
    `eef_pos3_quat4_gripper1`: position [m], quaternion xyzw, opening of the gripper [m].
    """
    from scipy.spatial.transform import Rotation

    first = seen["tcp_rotation"][:3]
    second = seen["tcp_rotation"][3:]
    turn = Rotation.from_matrix(np.stack([first, second, np.cross(first, second)], axis=1))
    if kind == "droid":
        pose = [seen["tcp_position"], turn.as_euler("xyz")]
        closed = np.clip(1 - seen["gripper_opening"] / OPENING_HIGH, 0, 1)
        found = {"cartesian_position": np.concatenate(pose), "gripper_position": closed}
    else:
        found = {"state": np.concatenate([seen["tcp_position"], turn.as_quat(), seen["gripper_opening"]])}
    return {f"observation/{name}": values.astype(np.float32) for name, values in found.items()}


def _columns(rotation: np.ndarray, convention: str) -> np.ndarray:
    """Return two columns (..., 6) of rotations in another convention; not finite where they are none."""
    if convention == "interleaved":
        return rotation[..., [0, 2, 4, 1, 3, 5]]
    from scipy.spatial.transform import Rotation

    flat = rotation.reshape(-1, rotation.shape[-1])
    made = {
        "axis_angle": Rotation.from_rotvec,
        "quaternion_xyzw": Rotation.from_quat,
        "euler_xyz": lambda angles: Rotation.from_euler("xyz", angles),
    }[convention]
    sound = np.isfinite(flat).all(axis=-1) & ((convention != "quaternion_xyzw") | (flat != 0).any(axis=-1))
    found = np.full((len(flat), 6), np.nan)
    if sound.any():
        found[sound] = made(flat[sound]).as_matrix()[..., :2].transpose(0, 2, 1).reshape(-1, 6)
    return found.reshape(*rotation.shape[:-1], 6)


def _grip(value: np.ndarray, given: str, wanted: str) -> np.ndarray:
    """Return a gripper's command in another convention."""
    if given == wanted:
        return value
    closed = {
        "opening": lambda g: (OPENING_HIGH - g) / (OPENING_HIGH - OPENING_LOW),
        "close_positive": lambda g: (g + 1) / 2,
        "close_negative": lambda g: (1 - g) / 2,
        "close_01": lambda g: g,
        "open_01": lambda g: 1 - g,
    }[given](value)
    return (
        2 * closed - 1 if wanted == "close_positive" else OPENING_HIGH + closed * (OPENING_LOW - OPENING_HIGH)
    )
