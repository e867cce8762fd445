"""Where things can be put: clear of every hand and its start, of the task's objects and of each other."""

import functools

import mujoco
import numpy as np

from ..scene import BASES
from ..task_protocol import TaskProtocol
from .distributions import uniform
from .expert_reference import reference

REGION = (0.30, 0.42)
"""Half extents of the region in which things are put, scene frame [m]."""
FROM_BASE = 0.24
"""Things stand farther from every base than this [m]."""
FAR = 0.76
"""Things stand nearer to the first base, along x, than this [m]."""
CLEAR = 0.03
"""Distance from hands and objects [m]."""
APART = 0.008
"""Distance of added things from each other [m]."""
DRAWS = 400
"""Places that are drawn for all things together."""
GRID = 0.01
"""Distance between the points at which the clear room is known [m]."""

_LOW = 0.04  # heights of things for which the clear room is known [m]
_HIGH = 0.17


class NoPlace(Exception):
    """A thing finds no place in the scene that is being drawn."""


def taken(spec: mujoco.MjSpec, task: TaskProtocol) -> np.ndarray:
    """Return cylinders around what was added: x, y, radius, height, scene frame [m], (P, 4)."""
    clean = reference(task).bodies
    found = []
    for body in spec.worldbody.bodies:
        if body.name not in clean:
            found += [_cylinder(body, geom) for geom in body.geoms]
    return np.reshape(found, (-1, 4))


def _cylinder(body: mujoco.MjsBody, geom: mujoco.MjsGeom) -> list[float]:
    box = geom.type == mujoco.mjtGeom.mjGEOM_BOX
    radius, half = (np.hypot(*geom.size[:2]), geom.size[2]) if box else geom.size[:2]
    return [*(body.pos + geom.pos)[:2], radius, body.pos[2] + geom.pos[2] + half]


def far(model: mujoco.MjModel, clean: mujoco.MjModel, task: TaskProtocol) -> bool:
    """Return whether all that a scene has more than the clean one is surely clear of hands and objects."""
    added = np.arange(clean.ngeom, model.ngeom)
    bodies = model.geom_bodyid[added]
    size = model.geom_size[added]
    half = np.where(model.geom_type[added] == mujoco.mjtGeom.mjGEOM_CYLINDER, size[:, 1], size[:, 2])
    place = model.body_pos[bodies] + model.geom_pos[added]
    low = _room(task, _LOW)
    high = _room(task, _HIGH)
    # 1. only upright boxes and cylinders inside the region are known to stand where the grid says
    cell = np.rint((place[:, :2] + REGION) / GRID).astype(int)
    known = np.isin(model.geom_type[added], (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_BOX))
    level = (model.geom_quat[added, 1:3] == 0).all(1) & (model.body_quat[bodies, 1:] == 0).all(1)
    inside = (cell >= 0).all(1) & (cell < low.shape).all(1) & (place[:, 2] + half < _HIGH)
    if not (known & level & inside).all():
        return False
    # 2. the room at the nearest point of the grid must hold the cylinder around each
    x, y = cell.T
    room = np.where(place[:, 2] + half < _LOW, low[x, y], high[x, y])
    around = np.hypot(
        size[:, 0], np.where(model.geom_type[added] == mujoco.mjtGeom.mjGEOM_BOX, size[:, 1], 0)
    )
    return bool((room + GRID > around).all())


def find(
    spec: mujoco.MjSpec, task: TaskProtocol, rng: np.random.Generator, radii: np.ndarray, height: float
) -> np.ndarray:
    """Return places for upright things, scene frame x, y [m], (P, 2).

    Args:
        spec: the scene so far.
        task: whose.
        rng: what is drawn from.
        radii: of the things [m], (P,).
        height: of the highest of them [m].

    Raises:
        NoPlace: one finds none.
    """
    places = []
    room = _room(task, _LOW if height < _LOW else _HIGH)
    # 1. draw places, and see how large a thing each could hold
    drawn = uniform(rng, -np.ones((DRAWS, 2)), 1.0) * REGION
    cell = np.rint((drawn + REGION) / GRID).astype(int)
    largest = room[cell[:, 0], cell[:, 1]] - 0.71 * GRID  # the nearest point may be so far away
    for x, y, around, _ in taken(spec, task):
        np.minimum(largest, np.hypot(drawn[:, 0] - x, drawn[:, 1] - y) - around - APART, out=largest)
    # 2. each thing takes the first place that holds it, and leaves less room to the others
    for radius in radii:
        first = int(np.argmax(largest > radius))
        if largest[first] <= radius:
            raise NoPlace(f"no place for something of {2e3 * radius:.0f} mm")
        places.append(drawn[first])
        away = np.hypot(*(drawn - drawn[first]).T) - radius - APART
        np.minimum(largest, away, out=largest)
    return np.array(places)


@functools.lru_cache(maxsize=64)
def _room(task: TaskProtocol, height: float) -> np.ndarray:
    """Return how large a radius is clear of hands, objects and bases [m], on a grid over the region."""
    # 1. the grid, and where its points are in the world
    seen = reference(task)
    axes = [np.arange(-reach, reach + GRID, GRID) for reach in REGION]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    places = grid.reshape(-1, 2)
    world = places + seen.start.frame[:2]
    # 2. what limits the radius at each point: bases, reach, hands and objects
    bases = BASES[: len(seen.start.tcp), :2]
    end = FAR if len(bases) == 1 else np.inf
    limits = [np.linalg.norm(world[:, None] - bases, axis=-1).min(1) - FROM_BASE, end - world[:, 0]]
    limits += [boxes.gap(places, 0.0, height) - CLEAR for boxes in (*seen.ways, seen.objects)]
    return np.min(limits, axis=0).reshape(grid.shape[:2])
