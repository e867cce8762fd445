"""The task's own objects in other sizes and shapes, as far as the experts' fixed grasps allow."""

import functools
import math
from typing import NamedTuple

import mujoco
import numpy as np

from ..base_scene import clean_spec
from ..specs import PREFIXES
from ..task_protocol import TaskProtocol
from .distributions import uniform

WIDEST_PART = 0.074
"""What is gripped is never thicker than this along the finger-opening axis [m]; the fingers open 8 cm."""
_FINGERS = tuple(f"{prefix}{side}finger" for prefix in PREFIXES for side in ("left", "right"))
_LEAST = np.array([-1.0, -1.0, -1.0, 0.0, 0.0])  # relative to the largest change of what `resize` draws
_ROUND = 1.2  # shapes whose sides differ by no more than this factor can become round
_BOX = mujoco.mjtGeom.mjGEOM_BOX
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
_ELLIPSOID = mujoco.mjtGeom.mjGEOM_ELLIPSOID


class Shape(NamedTuple):
    """One of the shapes of an object that can be gripped."""

    body: mujoco.MjsBody
    geom: mujoco.MjsGeom
    part: bool
    """Whether fingers may grip it."""
    thick: tuple[bool, bool]
    """Whether its own x and its own y are along a finger-opening axis that grips it."""


def gripped(spec: mujoco.MjSpec) -> set[str]:
    """Return the names of the shapes that fingers may grip."""
    contact = mujoco.mjtSensor.mjSENS_CONTACT
    return {one.objname for one in spec.sensors if one.type == contact and one.refname in _FINGERS}


def shapes(spec: mujoco.MjSpec, task: TaskProtocol) -> list[Shape]:
    """Return the shapes of all objects with something to grip; the others stay as they are."""
    found = []
    for body, geom, part, thick in _known(task):
        if shape := spec.geom(geom):  # a lean scene has no shells
            found.append(Shape(spec.body(body), shape, part, thick))
    return found


@functools.lru_cache(maxsize=64)
def _known(task: TaskProtocol) -> tuple[tuple[str, str, bool, tuple[bool, bool]], ...]:
    """Return them as they are in the clean scene: names of body and shape, and what `Shape` says of them."""
    parts = gripped(clean_spec(task))
    found = []
    poses = task.poses()
    for body in clean_spec(task).bodies:
        names = [geom.name for geom in body.geoms]
        if not parts.intersection(names):
            continue
        origin = np.array(poses.get(body.name, (0.0, 0.0, 0.0)))
        for geom in body.geoms:
            part = geom.name in parts
            thick = _thick(geom, origin, task) if part else (False, False)
            found.append((body.name, geom.name, part, thick))
    return tuple(found)


def _thick(geom: mujoco.MjsGeom, origin: np.ndarray, task: TaskProtocol) -> tuple[bool, bool]:
    """Return whether fingers that grip a shape close along its own x, and along its own y."""
    away = np.linalg.norm(task.grasps[:, :2] - (origin + geom.pos)[:2], axis=1)
    near = away < away.min() + 0.01
    turn = 2 * np.arctan2(geom.quat[3], geom.quat[0])
    along = np.abs(np.cos(task.grasps[near, 3] - turn)) > 0.7
    return bool(along.any()), bool((~along).any())


# ----------------------------------------------------------------------------------------------- size


def resize(spec: mujoco.MjSpec, task: TaskProtocol, rng: np.random.Generator, share: float) -> None:
    """Scale all shapes of the objects that can be gripped, with their masses.

    What is gripped becomes thicker or thinner and higher or lower, and never shorter along its length, on
    which the experts' grasps are fixed. What is beside it becomes higher or lower, and never less wide, so
    that what stops the hand in the middle still does.

    Args:
        spec: the scene.
        task: whose.
        rng: what is drawn from.
        share: largest change of an extent, e.g. 0.1.
    """
    # 1. one factor for each way in which shapes may change
    thick, tall, high, long, wide = 1 + share * uniform(rng, _LEAST, np.ones(5))
    objects = shapes(spec, task)
    bodies = {one.body.name: one.body for one in objects}
    bottoms = {name: _bottom(body) for name, body in bodies.items()}
    for body in bodies.values():
        body.simple = False  # a batch cannot mix layouts, and a centre of mass may come to lie in its origin
    # 2. every shape by those that are its own; its foot stays where it was
    for body, geom, part, along in objects:
        if geom.type == mujoco.mjtGeom.mjGEOM_MESH:
            _scale_shell(spec, body, geom, objects, (thick, tall, high, long, wide))
            continue
        before = np.array(geom.size)
        if part:
            sides = [thick if is_thick else long for is_thick in along]
            limit = [WIDEST_PART / 2 / before[axis] if along[axis] else np.inf for axis in range(2)]
            sides = [min(side, most) for side, most in zip(sides, limit, strict=True)]
            foot = geom.pos[2] - _half_height(geom)
            _scale(geom, sides[0], sides[1], tall)
            geom.pos[2] = foot + _half_height(geom)
        else:
            bottom = bottoms[body.name]
            _scale(geom, wide, wide, high)
            geom.pos[:] = [*(wide * geom.pos[:2]), bottom + high * (geom.pos[2] - bottom)]
        # 3. its mass follows the volume
        geom.mass *= math.prod((_three(geom, np.array(geom.size)) / _three(geom, before)).tolist())


def _three(geom: mujoco.MjsGeom, size: np.ndarray) -> np.ndarray:
    """Return extents along a shape's axes of which the volume is a multiple."""
    return size[[0, 0, 1]] if geom.type == _CYLINDER else size


def _half_height(geom: mujoco.MjsGeom) -> float:
    return float(geom.size[1] if geom.type == _CYLINDER else geom.size[2])


def _bottom(body: mujoco.MjsBody) -> float:
    """Return the lowest height of a body's shapes, its own frame [m]."""
    solid = [geom for geom in body.geoms if geom.type in (_BOX, _CYLINDER)]
    return min(geom.pos[2] - _half_height(geom) for geom in solid)


def _scale(geom: mujoco.MjsGeom, x: float, y: float, z: float) -> None:
    if geom.type == _CYLINDER:
        geom.size[:2] = [geom.size[0] * max(x, y), geom.size[1] * z]
    else:
        geom.size[:] = geom.size * [x, y, z]


def _scale_shell(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    geom: mujoco.MjsGeom,
    objects: list[Shape],
    factors: tuple[float, ...],
) -> None:
    """Scale a mesh that is only seen as the part whose name it continues, or as what is beside the parts."""
    thick, tall, high, long, wide = factors
    owner = next((one for one in objects if one.part and geom.name.startswith(one.geom.name)), None)
    if owner is None:
        scale = np.array([wide, wide, high])
        fixed = np.array([0.0, 0.0, _bottom(body)])
    else:
        sides = [thick if along else long for along in owner.thick]
        scale = np.array([*sides, tall])
        fixed = np.array(owner.geom.pos)
        fixed[2] -= _half_height(owner.geom)
    spec.mesh(geom.meshname).scale = scale
    geom.pos = np.array(geom.pos) + fixed * (1 - scale)


# ---------------------------------------------------------------------------------------------- shape


def reshape(geom: mujoco.MjsGeom) -> None:
    """Give a shape another form of equal extents: cylinders become boxes, boxes cylinders or ellipsoids."""
    x, y, z = _three(geom, np.array(geom.size))
    if geom.type == _CYLINDER:
        geom.type = _BOX
        geom.size = [x, y, z]
    elif max(x, y) <= _ROUND * min(x, y):
        geom.type = _CYLINDER
        geom.size = [max(x, y), z, 0.0]
    else:
        geom.type = _ELLIPSOID
        geom.size = [x, y, z]


def candidates(spec: mujoco.MjSpec, task: TaskProtocol, round_: bool) -> list[mujoco.MjsGeom]:
    """Return the shapes that can have another form: what is gripped only if it is as long as thick.

    Args:
        spec: the scene.
        task: whose.
        round_: whether boxes are to become round, or cylinders boxes.
    """
    able = []
    for one in shapes(spec, task):
        if one.geom.type == (_BOX if round_ else _CYLINDER):
            x, y = np.array(one.geom.size)[[0, 1 if round_ else 0]]
            if not one.part or max(x, y) <= _ROUND * min(x, y):
                able.append(one.geom)
    return able
