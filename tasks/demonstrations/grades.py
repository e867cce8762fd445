"""How demonstrations that are not all alike are marked: kinds, returns-to-go, operators, which frames count.

The return-to-go of frame t is gamma^(n - t) in an episode whose success has been held after n control
steps, 1 once it has, and 0 in an episode that does not succeed.
"""

import numpy as np

from .record import Demonstrations

KINDS = ("ordinary", "slow", "regrasp", "drop", "miss", "stop", "middle")
"""What an episode is meant to be; the last four are meant to fail."""
GAMMA = 0.995
"""Discount of a control step: an expert who needs 66 begins with a return of 0.72."""


def returns_to_go(success: np.ndarray, steps: np.ndarray, frames: int) -> np.ndarray:
    """Return the return-to-go of every frame, (N, frames) float32, for the verdicts' columns (N,)."""
    left = np.maximum(steps[:, None] - np.arange(frames), 0)
    return np.where(success[:, None], GAMMA**left, 0.0).astype(np.float32)


def frames_before_end(steps: np.ndarray, frames: int) -> np.ndarray:
    """Return which frames come before the end of their episode, (N, frames) bool."""
    return np.arange(frames) < steps[:, None]


def misfit(demos: Demonstrations) -> str:
    """Return what is wrong with the marks of demonstrations, "" for nothing."""
    shape = demos.actions.shape[:2]
    returns = demos.returns
    if returns is not None and not (_is(returns, np.float32, shape) and _within(returns, 0, 1)):
        return f"`returns` are not {shape} float32 values from 0 to 1"
    valid = demos.valid
    if valid is not None and not (_is(valid, bool, shape) and (valid[:, 1:] <= valid[:, :-1]).all()):
        return f"`valid` are not {shape} truth values that end once"
    kinds = demos.kinds
    if kinds is not None and not (_is(kinds, np.int8, shape[:1]) and _within(kinds, 0, len(KINDS) - 1)):
        return f"`kinds` are not {shape[:1]} int8 values below {len(KINDS)}"
    operators = demos.operators
    if operators is not None and not (_is(operators, np.int8, shape[:1]) and _within(operators, 0, 127)):
        return f"`operators` are not {shape[:1]} int8 values from 0"
    return ""


def _is(array: np.ndarray, kind: type, shape: tuple[int, ...]) -> bool:
    return array.dtype == kind and array.shape == shape


def _within(array: np.ndarray, low: int, high: int) -> bool:
    return bool(((array >= low) & (array <= high)).all())
