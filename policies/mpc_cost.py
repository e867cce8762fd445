"""What a planner wants: a staged cost of predicted episodes, for any task and with the minimum over its grasps.

The stages are those of a grasp: come to the hand's pose of one mode (sideways first, then down), hold, move the
target as far as success asks, rest. A sum over the grasps would have its minimum in the middle, between the
modes; the minimum over them is at a mode.
"""

from typing import NamedTuple

import numpy as np

from ..envs.specs import OPENING_HIGH
from ..tasks.task import LIGHT_TOUCH, PAD_RADIUS, Measurement

FORBIDDEN = 100.0
"""Cost of touching what must not be touched; more than all the rest together."""
TABLE_FORCE, TABLE = 5.0, 0.5
"""Force on the table [N] that costs, and how much."""
REACH = 10.0
"""Cost of a distance from a grasp [1/m]."""
UNHELD, UNMOVED, UNDONE = 1.0, 2.0, 1.0
"""Costs of a target that is not held, of one that has not moved at all, and of a goal that is not so."""
EMPTY = 0.2
"""Cost of closing on nothing."""
BEYOND = 0.02
"""How much farther than success asks the target should go [m]."""
FUNNEL, CLEARANCE = 1.5, 0.12
"""Height above a grasp that a hand beside it should have: so many times its distance aside, at most so much [m]."""


class Predicted(NamedTuple):
    """T control steps of C predicted episodes."""

    seen: Measurement
    """What the referee would see, arrays (T, C) and (T, C, 4)."""
    grasps: np.ndarray
    """Where the hand should be for each of k modes, with its object wherever it is then, scene frame: TCP [m]
    and yaw [rad], (T, C, k, 4)."""


def staged(predicted: Predicted, success_height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return each candidate's cost and the mode to which it goes, (C,) float and (C,) int8.

    With s_m(t) the stage cost of mode m, T the last step,
        J = min_m [ mean_t s_m(t) + s_m(T) ] + FORBIDDEN [touches] + TABLE [presses on the table],
        s_m = REACH reach_m + UNHELD [not held] + UNMOVED (1 - way) + UNDONE [not goal] + EMPTY closed on nothing.
    """
    seen = predicted.seen
    way = np.clip(np.where(seen.held, seen.lift, 0.0) / (success_height + BEYOND), 0, 1)
    empty = np.where(seen.held, 0.0, 1 - np.clip(seen.opening / OPENING_HIGH, 0, 1))
    common = UNHELD * ~seen.held + UNMOVED * (1 - way) + UNDONE * ~seen.goal + EMPTY * empty
    stage = REACH * reach(seen.hand, predicted.grasps) + common[..., None]  # (T, C, k)
    each = stage.mean(0) + stage[-1]
    penalty = FORBIDDEN * touches(seen) + TABLE * (seen.table > TABLE_FORCE).any(0)
    return each.min(-1) + penalty, each.argmin(-1).astype(np.int8)


def reach(hand: np.ndarray, grasps: np.ndarray) -> np.ndarray:
    """Return how far hands are from grasps [m], (..., k); yaw counts as the way of the pads.

    With e the distance aside and h the height above the grasp: e + |h - min(FUNNEL e, CLEARANCE)|, so that the way
    down begins beside nothing.

    Args:
        hand: TCP [m] and yaw [rad], scene frame, (..., 4).
        grasps: the same of k grasps, (..., k, 4).
    """
    away = hand[..., None, :] - grasps
    aside = np.sqrt(away[..., 0] ** 2 + away[..., 1] ** 2 + (PAD_RADIUS * away[..., 3]) ** 2)
    return aside + np.abs(away[..., 2] - np.minimum(FUNNEL * aside, CLEARANCE))


def touches(seen: Measurement) -> np.ndarray:
    """Return which candidates touch what must not be touched, (C,) bool; a touch ends an episode."""
    return (seen.illegal > LIGHT_TOUCH).any(0)
