"""The mug's looks: rings of points, and the closed meshes that are stretched over them."""

import numpy as np

from ...envs.frames import heading

Mesh = tuple[np.ndarray, np.ndarray]
"""Vertices (V, 3) [m] and faces (F, 3), counter-clockwise from outside."""

_ARC = np.linspace(0, np.pi / 2, 9)
"""Angles of the points of a round corner [rad]."""


def rectangle(half_x: float, half_y: float, radius: float) -> np.ndarray:
    """Return the outline of a rectangle with round corners, counter-clockwise, (M, 2) [m]."""
    centre = np.array([half_x, half_y]) - radius
    turns = zip(range(4), ((1, 1), (-1, 1), (-1, -1), (1, -1)), strict=True)
    angles = [(_ARC + quarter * np.pi / 2, corner) for quarter, corner in turns]
    return np.concatenate([centre * corner + radius * heading(a) for a, corner in angles])


def ring(outline: np.ndarray, z: float) -> np.ndarray:
    """Lift an outline (M, 2) to height `z`, (M, 3) [m]."""
    return np.column_stack([outline, np.full(len(outline), z)])


def bow(reach: float, low: float, high: float, radius: float) -> np.ndarray:
    """Return the line of a handle in the y-z plane, from y = 0 out to `reach`, down and back, (N, 2) [m]."""
    x = radius * np.sin(_ARC)
    y = radius * np.cos(_ARC)
    upper = np.stack([reach - radius + x, high - radius + y], 1)
    lower = np.stack([reach - radius + y, low + radius - x], 1)
    return np.concatenate([[[0.0, high]], upper, lower, [[0.0, low]]])


def band(outer: np.ndarray, inner: np.ndarray, half_x: float, bevel: float) -> np.ndarray:
    """Return the sections of a band between two lines (N, 2) of the y-z plane, (N, 8, 3) [m]."""
    across = (outer - inner) / np.linalg.norm(outer - inner, axis=1, keepdims=True)
    deep = ((outer, -half_x + bevel), (outer - bevel * across, -half_x), (inner + bevel * across, -half_x))
    near = ((inner, -half_x + bevel), (inner, half_x - bevel), (inner + bevel * across, half_x))
    ends = ((outer - bevel * across, half_x), (outer, half_x - bevel))
    sections = [np.column_stack([np.full(len(line), x), line]) for line, x in (*deep, *near, *ends)]
    return np.stack(sections, 1)


def loft(rings: np.ndarray) -> Mesh:
    """Stretch a closed mesh over rings (N, M, 3) that wind counter-clockwise seen from the last one."""
    n, m = rings.shape[:2]
    lower, step = np.meshgrid(np.arange(n - 1) * m, np.arange(m), indexing="ij")
    a = (lower + step).ravel()
    b = (lower + (step + 1) % m).ravel()
    low = n * m
    high = n * m + 1
    around = np.arange(m)
    ahead = (around + 1) % m
    last = (n - 1) * m
    faces = [
        np.stack([a, b, b + m], 1),
        np.stack([a, b + m, a + m], 1),
        np.stack([np.full(m, low), ahead, around], 1),
        np.stack([np.full(m, high), last + around, last + ahead], 1),
    ]
    vertices = np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(1)])
    return vertices, np.concatenate(faces)
