"""A post that stands near one mode's grasp, or so that the hand cannot be there."""

import functools
from typing import Any

import numpy as np

from .reference import PALM_UP, reference

RADIUS = 0.012
"""Of the post [m]."""
OVER = 0.03
"""How far it is taller than the underside of a hand at the grasp [m]."""
INSIDE = 0.01
"""How deep the hand would be in a post that blocks its grasp [m]."""
TOLERANCE = 0.0025
"""How exactly the distance from the hand's way is kept [m]."""
FROM_OTHERS, FROM_OBJECTS = 0.015, 0.004
"""Distance from the hands of the other modes and from objects [m]."""
AROUND, FINE = 0.30, 0.0025
"""How far from the grasp places are tried, and how far apart they are [m]."""
NEAREST = 0.04
"""Places that are this much farther from the grasp than the nearest one will do, too [m]."""


def height(task: Any, mode: int) -> float:
    """Return the height of a mode's post [m]."""
    return float(task.grasps[mode, 2]) + PALM_UP + OVER


@functools.lru_cache(maxsize=512)
def places(task: Any, mode: int, distance: float) -> np.ndarray:
    """Return where a mode's post can stand, scene frame x, y [m], (P, 2).

    Args:
        task: the task.
        mode: whose hand passes the post.
        distance: between them [m]; 0 puts the post where the hand is at the grasp.
    """
    seen, tall = reference(task), height(task, mode)
    steps = np.arange(-AROUND, AROUND + FINE, FINE)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2) + task.grasps[mode, :2]
    grid = grid[seen.objects.gap(grid, RADIUS, tall) > FROM_OBJECTS]
    for other in range(len(task.modes)):
        if other != mode:
            grid = grid[seen.ways[other].gap(grid, RADIUS, tall) > FROM_OTHERS]
    if distance:
        grid = grid[np.abs(seen.ways[mode].gap(grid, RADIUS, tall) - distance) < TOLERANCE]
    else:
        grid = grid[seen.grasps[mode].gap(grid, RADIUS, tall) < -INSIDE - RADIUS]
    far = np.linalg.norm(grid - task.grasps[mode, :2], axis=1)
    return grid[far < far.min(initial=np.inf) + NEAREST]
