"""Turns absolute poses into the steps of `ee_delta`: numbers from -1 to 1, as most policies of others expect.

Called by the sources of data sets, `from_demonstrations.py` and `from_run.py`.
"""

from collections.abc import Mapping

import numpy as np

from ...envs.errors import WrongUse
from ...envs.robot import inverse_kinematics as control
from ...envs.specs import GRIPPER, OPENING_HIGH, OPENING_LOW, POSITION, PREFIXES, ROTATION, by_arm

_HALF_OPEN = (OPENING_LOW + OPENING_HIGH) / 2
"""A gripper that is commanded to be narrower closes [m]."""


def check_conversion(space: str, wanted: str) -> None:
    """Refuse what `converted` cannot do, before anything is written.

    Raises:
        WrongUse: there is no way from the action space `space` to `wanted`.
    """
    if wanted != space and (space, wanted) != ("ee_absolute", "ee_delta"):
        raise WrongUse(
            f"actions of {space} cannot be written as {wanted}; only ee_absolute can be turned into ee_delta"
        )


def converted(actions: np.ndarray, space: str, wanted: str, hands: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return actions (T, A) in the action space `wanted`.

    Args:
        actions: of the space `space`.
        space: their action space.
        wanted: the same, or `ee_delta` for `ee_absolute`.
        hands: where the hands were before each action: `tcp_position` and `tcp_rotation`, (T or more, d).
    """
    if wanted == space:
        return actions
    arms = np.moveaxis(by_arm(actions), 1, 0)
    parts = [_steps(arm, prefix, hands) for prefix, arm in zip(PREFIXES, arms, strict=False)]
    return np.concatenate(parts, axis=1).astype(actions.dtype)


def _steps(targets: np.ndarray, prefix: str, hands: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the steps (T, 7) of one arm that lead to its targets (T, 10).

    Steps are cut off at the lengths at which the robot cuts off the way to an absolute pose, so both are the
    same command: `joint_step` sees the same errors.
    """
    # 1. from where the hand is to where it should be
    position = hands[f"{prefix}tcp_position"][: len(targets)].astype(float)
    rotation = control.rotation_from_columns(hands[f"{prefix}tcp_rotation"][: len(targets)].astype(float))
    goal = control.rotation_from_columns(targets[:, ROTATION].astype(float))
    way = control.clip_length(targets[:, POSITION] - position, control.POSITION_CLIP)
    turn = control.clip_length(control.rotation_error(goal, rotation), control.ROTATION_CLIP)
    # 2. in the units of `ee_delta`; the gripper opens or closes
    grip = np.where(targets[:, GRIPPER] < _HALF_OPEN, 1.0, -1.0)[:, None]
    steps = [way / control.DELTA_TRANSLATION, turn / control.DELTA_ROTATION, grip]
    return np.clip(np.concatenate(steps, axis=1), -1.0, 1.0)
