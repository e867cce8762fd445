"""Guesses what actions in a wrong form are meant to be, so that a `trial` tells what else is wrong."""

import numpy as np

from ...envs.robot.inverse_kinematics import rotation_from_columns
from ...envs.specs import ACTIONS, of_arms, size

_TILTED = 0.05  # distance of a matrix from its transpose from which the two are told apart


def reshaped(actions: np.ndarray, n: int, steps: int, width: int) -> np.ndarray | None:
    """Return actions as (n, >= steps, width): a single action or a short chunk is repeated; None else."""
    chunk = actions
    if chunk.ndim == 2 and chunk.shape[1] == width:
        chunk = chunk[:, None] if len(chunk) == n else chunk[None]
    if chunk.ndim != 3 or chunk.shape[0] != n or chunk.shape[2] != width or not chunk.shape[1]:
        return None
    if chunk.shape[1] >= steps:
        return chunk
    return np.concatenate([chunk, np.repeat(chunk[:, -1:], steps - chunk.shape[1], axis=1)], axis=1)


def spaces_of(width: tuple[int, ...], arms: int) -> str:
    """Return the action spaces whose actions have so many numbers, "" for none."""
    return " or ".join(name for name, one in ACTIONS.items() if (size(of_arms(one, arms)),) == width)


def transposed(seen: np.ndarray, asked: np.ndarray) -> bool:
    """Whether asked rotations (B, 6) are the observed ones (B, 6), but with rows in the place of columns.

    The matrix of a hand that points straight down is symmetric, so only tilted hands tell.
    """
    hands = rotation_from_columns(seen)
    answers = rotation_from_columns(asked)
    as_columns = np.median(np.linalg.norm(answers - hands, axis=(-2, -1)))
    as_rows = np.median(np.linalg.norm(answers.swapaxes(-2, -1) - hands, axis=(-2, -1)))
    return bool(as_columns > max(_TILTED, 3 * as_rows))
