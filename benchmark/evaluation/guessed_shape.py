"""Guesses what actions of a wrong shape are meant to be, so that a `trial` tells what else is wrong."""

import numpy as np

from ...envs.specs import ACTIONS, of_arms, size


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
