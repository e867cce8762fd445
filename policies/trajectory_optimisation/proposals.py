"""Candidates worth trying whatever the noise says: towards each grasp, closing, and moving what is held.

Blind noise finds a grasp rarely; a few candidates that know the stages make a small number of them enough.
"""

import numpy as np

from ...envs.specs import OPENING_HIGH, OPENING_LOW
from ...tasks.core.task import PAD_RADIUS

SPEED = 0.010
"""Distance that the hand moves in a control step [m]."""
SETTLE_STEPS = 2
"""Control steps between arriving and closing."""
CLOSING_STEPS = 5
"""Control steps of closing before what is held moves."""
DIRECTIONS = np.array([[0, 0, 1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], float)
"""Directions in which what is held may be meant to go, scene frame."""


def proposals(start: np.ndarray, grasps: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return candidate knots of one arm, (12 + 2 k, K, 5).

    Staying; staying and closing; closed, moving in each of `DIRECTIONS` at once, and after closing; going to
    each grasp, without and with closing there. The target starts at TCP x, y, z [m], yaw [rad] and opening
    [m], (5,); grasps are hand poses of the modes, (k, 4), in the same frame; `steps` (K,) are the control
    steps of the knots.
    """
    stay = np.repeat(start[None], len(steps), axis=0)
    closed = stay.copy()
    closed[:, 4] = OPENING_LOW
    moves = [_moved(closed, direction, steps) for direction in DIRECTIONS]
    after_closing = np.maximum(steps - CLOSING_STEPS, 0)
    later = [_moved(closed, direction, after_closing) for direction in DIRECTIONS]
    reaches = [path for grasp in grasps for path in _towards(start, grasp, steps)]
    return np.stack([stay, closed, *moves, *later, *reaches])


def _moved(knots: np.ndarray, direction: np.ndarray, steps: np.ndarray) -> np.ndarray:
    moved = knots.copy()
    moved[:, :3] += SPEED * steps[:, None] * direction
    return moved


def _towards(start: np.ndarray, grasp: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a path to a grasp on a quarter ellipse, sideways first, and the same with closing there."""
    away = grasp - start[:4]
    far = max(np.linalg.norm(away[:2]), abs(away[2]), PAD_RADIUS * abs(away[3]))
    needed = max(1.0, np.ceil(far / SPEED))
    angle = 0.5 * np.pi * np.clip(steps / needed, 0, 1)
    share = np.stack([np.sin(angle), np.sin(angle), 1 - np.cos(angle), np.sin(angle)], -1)
    path = np.column_stack([start[:4] + share * away, np.full(len(steps), OPENING_HIGH)])
    closing = path.copy()
    closing[steps > needed + SETTLE_STEPS, 4] = OPENING_LOW
    return path, closing
