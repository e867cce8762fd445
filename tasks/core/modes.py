"""What is measured after a control step, and the mode that it shows, of a hand or of an episode."""

from typing import NamedTuple

import numpy as np


class Measurement(NamedTuple):
    """What the referee sees of N episodes after a control step; arrays (N,) unless said."""

    hand: np.ndarray
    """TCP position [m] and yaw of the finger-opening axis [rad], scene frame, (N, 4)."""
    opening: np.ndarray
    """Distance between the finger pads [m]."""
    lift: np.ndarray
    """How far the target has come from where it rested: its height, or the way it slid [m]."""
    at_goal: np.ndarray
    """Whether what the task asks for is so at this step, bool; success is this for `hold_steps`."""
    in_hand: np.ndarray
    """Whether both fingers press what may be gripped, bool."""
    part: np.ndarray
    """Index of the mode that the hand has taken at this step, -1 for none, int."""
    illegal: np.ndarray
    """Contact force on what must not be touched [N]."""
    table: np.ndarray
    """Contact force between robot and table [N]."""


def between_modes(grasps: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return where points stand between the poses of two or more modes: alpha, (...).

    Of two modes,
        alpha = <x - g0, g1 - g0> / |g1 - g0|^2,
    0 at the first and 1 at the second. Of more, with x' the point nearest to x among their weighted sums,
        alpha = min_m |x' - g_m| / min_(l<m) |g_l - g_m|,
    0 at a mode and a half or more in the middle of some.

    Args:
        grasps: pose of each mode as lengths [m], all different, (k, 4).
        x: points of the same kind, (..., 4).
    """
    axes = grasps[1:] - grasps[0]
    if len(axes) == 1:
        return (x - grasps[0]) @ axes[0] / (axes[0] @ axes[0])
    onto = np.linalg.pinv(axes) @ axes
    # Written out: a matrix product would give a row other last bits in another batch.
    x = grasps[0] + ((x - grasps[0])[..., :, None] * onto).sum(-2)
    distance = np.linalg.norm(x[..., None, :] - grasps, axis=-1).min(-1)
    apart = np.linalg.norm(grasps[:, None] - grasps, axis=-1)
    return distance / apart[np.triu_indices(len(grasps), 1)].min()


def runs(parts: np.ndarray) -> np.ndarray:
    """Return for how many steps each part has been taken in a row, (T, N); parts (T, N), -1 for none."""
    found = np.zeros(parts.shape, np.int32)
    run = np.zeros(parts.shape[1], np.int32)
    previous = np.full(parts.shape[1], -1)
    for step, part in enumerate(parts):
        run = np.where((part == previous) & (part >= 0), run + 1, (part >= 0).astype(np.int32))
        found[step] = run
        previous = part
    return found


def last_part(parts: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return the last part that was taken in each episode, -1 for none, (N,).

    Args:
        parts: index of the part at each step, (T, N).
        taken: where it counts as taken, (T, N) bool.
    """
    found = np.full(parts.shape[1], -1, np.int8)
    for part, row in zip(parts, taken, strict=True):
        found = np.where(row, part, found).astype(np.int8)
    return found


def parts_in_order(parts: np.ndarray, taken: np.ndarray, most: int) -> np.ndarray:
    """Return the different parts that were taken in each episode, in the order of the first time, (N, most).

    What is missing is -1; arguments as for `last_part`.
    """
    found = np.full((parts.shape[1], most), -1, np.int8)
    for part, row in zip(parts, taken, strict=True):
        place = (found >= 0).sum(1)
        new = row & (place < most) & (found != part[:, None]).all(1)
        found[new, place[new]] = part[new]
    return found
