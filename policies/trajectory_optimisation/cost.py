"""What a planner wants: a staged cost of predicted episodes, the minimum over the task's grasps.

The stages are those of a grasp: come to the hand's pose of one mode (sideways first, then down), hold, move
the target as far as success asks, rest. A sum over the grasps would have its minimum in the middle, between
the modes; the minimum over them is at a mode.
"""

from typing import NamedTuple

import numpy as np

from ...envs.specs import OPENING_HIGH
from ...tasks.core.task import LIGHT_TOUCH, PAD_RADIUS, Measurement

FORBIDDEN = 100.0
"""Cost of touching what must not be touched; more than all the rest together."""
LOST = 1000.0
"""Cost of a prediction that diverges."""
TABLE_FORCE = 5.0
"""Force on the table [N] from which it costs."""
TABLE = 0.5
"""Cost of such a force."""
REACH = 10.0
"""Cost of a distance from a grasp [1/m]."""
NOT_HELD = 1.0
"""Cost of a target that is not held."""
NOT_MOVED = 2.0
"""Cost of one that has not moved at all."""
NOT_AT_GOAL = 1.0
"""Cost of a goal that is not reached."""
CLOSED_EMPTY = 0.2
"""Cost of closing on nothing."""
GOAL_MARGIN = 0.02
"""How much farther than success asks the target should go [m]."""
FUNNEL = 1.5
"""Height over a grasp for a hand beside it, as a multiple of its distance aside."""
CLEARANCE = 0.12
"""Largest such height [m]."""


class Predicted(NamedTuple):
    """T control steps of C predicted episodes."""

    seen: Measurement
    """What the referee would see, arrays (T, C) and (T, C, 4)."""
    grasps: np.ndarray
    """Where the hand should be for each of k modes, with its object wherever it is then, scene frame: TCP [m]
    and yaw [rad], (T, C, k, 4)."""
    diverged: np.ndarray
    """Candidates whose physics broke down, (C,) bool."""


def staged_cost(predicted: Predicted, success_height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return each candidate's cost and the mode to which it goes, (C,) float and (C,) int8.

    With s_m(t) the stage cost of mode m, T the last step, progress 0 to 1 how far what is held has come, and
    closed 0 to 1 how far the gripper has closed on nothing,
        J = min_m [ mean_t s_m(t) + s_m(T) ] + FORBIDDEN [touches] + TABLE [presses on the table],
        s_m = REACH reach_m + NOT_HELD [not held] + NOT_MOVED (1 - progress) + NOT_AT_GOAL [not at the goal]
            + CLOSED_EMPTY closed.
    """
    seen = predicted.seen
    # 1. what does not depend on the mode, then each mode's distance from its grasp
    progress = np.clip(np.where(seen.in_hand, seen.lift, 0.0) / (success_height + GOAL_MARGIN), 0, 1)
    closed = np.where(seen.in_hand, 0.0, 1 - np.clip(seen.opening / OPENING_HIGH, 0, 1))
    common = NOT_HELD * ~seen.in_hand + NOT_MOVED * (1 - progress)
    common = common + NOT_AT_GOAL * ~seen.at_goal + CLOSED_EMPTY * closed
    stage = REACH * reach(seen.hand, predicted.grasps) + common[..., None]  # (T, C, k)
    # 2. the mode that is cheapest over the whole prediction, whose last step counts once more
    each = stage.mean(0) + stage[-1]
    penalty = FORBIDDEN * touches(seen) + TABLE * (seen.table > TABLE_FORCE).any(0)
    costs = np.where(predicted.diverged | np.isnan(each).any(-1), LOST, each.min(-1) + penalty)
    return costs, each.argmin(-1).astype(np.int8)


def reach(hand: np.ndarray, grasps: np.ndarray) -> np.ndarray:
    """Return how far hands are from grasps [m], (..., k); yaw counts as the arc on which it moves the pads.

    With e the distance aside and h the height above the grasp,
        reach = e + |h - min(FUNNEL e, CLEARANCE)|,
    so that the hand comes down only where it has come aside. Hands (..., 4) and grasps (..., k, 4) are TCP
    [m] and yaw [rad], scene frame.
    """
    away = hand[..., None, :] - grasps
    aside = np.sqrt(away[..., 0] ** 2 + away[..., 1] ** 2 + (PAD_RADIUS * away[..., 3]) ** 2)
    return aside + np.abs(away[..., 2] - np.minimum(FUNNEL * aside, CLEARANCE))


def touches(seen: Measurement) -> np.ndarray:
    """Return which candidates touch what must not be touched, (C,) bool; a touch ends an episode."""
    return np.any(seen.illegal > LIGHT_TOUCH, axis=0)
