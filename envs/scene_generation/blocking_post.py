"""A post that stands near one mode's grasp, or so that the hand cannot be there."""

import functools

import numpy as np

from ..task_protocol import TaskProtocol
from .expert_reference import PALM_UP, Boxes, reference

RADIUS = 0.012
"""Of the post [m]."""
OVER = 0.03
"""How far it is taller than the underside of a hand at the grasp [m]."""
INSIDE = 0.01
"""How deep the hand would be in a post that blocks its grasp [m]."""
TOLERANCE = 0.0025
"""How exactly the distance from the hand's way is kept [m]."""
FROM_OTHERS = 0.015
"""Distance from the hands of the other modes [m]."""
FROM_OBJECTS = 0.004
"""Distance from objects [m]."""
AROUND = 0.30
"""How far from the grasp places are tried [m]."""
FINE = 0.0025
"""How far apart they are [m]."""
COARSE = 0.02
"""Sides of the squares of places that are ruled out at once [m]."""
NEAREST = 0.04
"""Places that are this much farther from the grasp than the nearest one will do, too [m]."""


def height(task: TaskProtocol, mode: int) -> float:
    """Return the height of a mode's post [m]."""
    return float(task.grasps[mode, 2]) + PALM_UP + OVER


@functools.lru_cache(maxsize=512)
def places(task: TaskProtocol, mode: int, distance: float) -> np.ndarray:
    """Return where a mode's post can stand, scene frame x, y [m], (P, 2).

    Args:
        task: the task.
        mode: whose hand passes the post.
        distance: between them [m]; 0 puts the post where the hand is at the grasp.
    """
    seen = reference(task)
    tall = height(task, mode)
    # 1. a fine grid of places around the grasp
    steps = np.arange(-AROUND, AROUND + FINE, FINE)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2) + task.grasps[mode, :2]
    # 2. those at the right distance from the hand's way, or inside the hand at the grasp
    if distance:
        grid = _within(grid, seen.ways[mode], tall, distance - TOLERANCE, distance + TOLERANCE)
    else:
        grid = _within(grid, seen.grasps[mode], tall, -np.inf, -INSIDE - RADIUS)
    # 3. those clear of objects and of the other modes' hands
    grid = _within(grid, seen.objects, tall, FROM_OBJECTS, np.inf)
    for other in range(len(task.modes)):
        if other != mode:
            grid = _within(grid, seen.ways[other], tall, FROM_OTHERS, np.inf)
    # 4. the nearest of them
    far = np.linalg.norm(grid - task.grasps[mode, :2], axis=1)
    return grid[far < far.min(initial=np.inf) + NEAREST]


def _within(places: np.ndarray, boxes: Boxes, tall: float, low: float, high: float) -> np.ndarray:
    """Return the places (P, 2) at which a post's gap to boxes is between two bounds [m].

    From one place to another the gap changes by no more than their distance, so it is found for squares
    first, and then only in those where it may be within the bounds.
    """
    cells = np.rint(places / COARSE)
    _, first, square = np.unique(cells @ [1.0, 1e4], return_index=True, return_inverse=True)
    around = boxes.gap(cells[first] * COARSE, RADIUS, tall)
    reach = COARSE * 0.71  # from the middle of a square to its corners
    places = places[((around > low - reach) & (around < high + reach))[square]]
    gap = boxes.gap(places, RADIUS, tall)
    return places[(gap > low) & (gap < high)]
