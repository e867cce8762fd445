"""Whether a generated scene may be used: nothing penetrates or moves, every expert's hand finds its way."""

import functools
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, NamedTuple

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..robot import inverse_kinematics as control
from ..robot import panda as robot
from ..specs import PREFIXES
from .expert_reference import Keyframe, Limb, Reference, place_all, reference, robots, things
from .placement import far

PENETRATION = 0.001
"""Shapes may be in one another up to this [m]."""
CLEARANCE = 0.003
"""Distance that the hand keeps from everything before it grips, and then from all but the part [m]."""
ROOM = 0.05
"""Up to this distance it is known how far the hands of the clean scene stay clear of things [m]."""
SETTLING = 20
"""Physics steps in which a scene must stay as it is: 0.1 s."""
MOVED, SPEED = 0.005, 0.05
"""How far and how fast an object may have moved then [m], [m/s]."""
REACH = 0.002
"""How far a hand may miss what its expert aims at [m]."""
SQUEEZE = 0.0005
"""How far the pads are pressed into a part to see where they touch it [m]."""
HOLD = 0.006
"""Smallest diagonal of what a pad touches of a part [m]."""

_FORMS, _BODIES = ("geom_type", "geom_quat"), ("body_pos", "body_quat")
_SHAPES = (*_FORMS, "geom_size", "geom_pos", "body_mass")
_sizes = attrgetter(
    *(n for n in dir(mujoco.MjModel) if n.startswith("n") and not n.startswith(("name", "numeric")))
)
_last: dict[str, Any] = {}  # data, and the sizes of the model that they were made for
_IK_STEPS, _EXACT = 6, 1e-4
_NEAR = 0.045  # a part farther from an open pad is not between the fingers [m]


class Grip(NamedTuple):
    """Which shapes of a task's scenes grip and are gripped; what perturbations add comes after them."""

    pads: tuple[tuple[int, ...], ...]
    """Left and right finger pad of every arm."""
    fingers: tuple[tuple[int, ...], ...]
    """Their joints in `qpos`."""
    parts: tuple[int, ...]
    """Shapes that are watched for the grip of fingers."""


class Changed(NamedTuple):
    """What a scene has that the clean one has not."""

    near: bool
    """Whether something may be where it would hinder hands."""
    nearer: float
    """A distance by which nothing is nearer to hands than in the clean scene [m]."""
    bases: bool
    """Whether bases of robots stand elsewhere."""


@functools.lru_cache(maxsize=64)
def excused(task: Any) -> frozenset[tuple[int, str]]:
    """Return what is tight in the clean scene already: keyframe and fault."""
    model, seen = clean_model(task).__copy__(), reference(task)
    data = mujoco.MjData(model)
    place_all(model, data, seen.start.poses)
    return frozenset(_hindrances(model, data, task, -1, Changed(near=True, nearer=np.inf, bases=False)))


def _as_clean(model: mujoco.MjModel, clean: mujoco.MjModel, fields: tuple[str, ...]) -> bool:
    """Return whether the first bodies or shapes of a model are those of the clean scene."""
    return all(np.array_equal(one := getattr(clean, n), getattr(model, n)[: len(one)]) for n in fields)


def _growth(model: mujoco.MjModel, clean: mujoco.MjModel) -> float:
    """Return a length by which no shape reaches farther than in the clean scene [m]."""
    if not _as_clean(model, clean, _FORMS):
        return np.inf
    n = clean.ngeom
    shifted = np.linalg.norm(model.geom_pos[:n] - clean.geom_pos, axis=1)
    grown = np.linalg.norm(np.maximum(model.geom_aabb[:n, 3:] - clean.geom_aabb[:, 3:], 0), axis=1)
    return float((shifted + grown).max())


@functools.lru_cache(maxsize=64)
def _rooms(task: Any) -> list[float]:
    """Return how far every keyframe's robot is from all things of the clean scene, at most `ROOM` [m]."""
    model, seen = clean_model(task), reference(task)
    data, machine = mujoco.MjData(model), np.flatnonzero(robots(model)).tolist()
    around, rooms = things(model).tolist(), []
    place_all(model, data, seen.start.poses)
    for frame in seen.keyframes:
        data.qpos[seen.joints] = frame.qpos
        mujoco.mj_kinematics(model, data)
        rooms.append(min(_distance(model, data, one, thing, ROOM) for one in machine for thing in around))
    return rooms


def fault(model: mujoco.MjModel, task: Any, added: dict[str, np.ndarray], blocked: int) -> str:
    """Return why a scene may not be used, "" if it may.

    What a perturbation left as it is in the clean scene is not checked again.

    Args:
        model: the scene, at the average start.
        task: whose.
        added: poses of the bodies that the clean scene lacks, world, (7,).
        blocked: a mode whose hand need not find its way, -1 for none.
    """
    seen, clean = reference(task), clean_model(task)
    same_shapes, same_bodies = _as_clean(model, clean, _SHAPES), _as_clean(model, clean, _BODIES)
    beside = model.ngeom > clean.ngeom and not far(model, clean, task)
    loose = not same_shapes or model.nv > clean.nv or not np.array_equal(model.opt.gravity, clean.opt.gravity)
    if not beside and not loose and same_bodies:
        return ""
    data = _data(model)
    data.qpos[seen.joints] = seen.keyframes[0].qpos
    place_all(model, data, {**seen.start.poses, **added})
    mujoco.mj_fwdPosition(model, data)
    own = ~robots(model)[data.contact.geom].any(1)
    if (data.contact.dist[own] < -PENETRATION).any():
        return "shapes penetrate one another"
    if beside or not same_shapes or not same_bodies:
        begun = data.qpos.copy()
        nearer = np.inf if beside or not same_bodies else _growth(model, clean)
        changed = Changed(beside or not same_shapes, nearer, not same_bodies)
        found = _hindrances(model, data, task, blocked, changed)
        if why := next((why for index, why in found if (index, why) not in excused(task)), ""):
            return why
        data.qpos[:] = begun
    return _moves(model, data, seen) if loose else ""


def _data(model: mujoco.MjModel) -> mujoco.MjData:
    """Return fresh data of a model: those of the last one if all its sizes are the same, which is quicker."""
    sizes = _sizes(model)
    if _last.get("sizes") != sizes:
        _last.update(sizes=sizes, data=mujoco.MjData(model))
    mujoco.mj_resetData(model, _last["data"])
    return _last["data"]


def _moves(model: mujoco.MjModel, data: mujoco.MjData, seen: Reference) -> str:
    """Let go and see what moves."""
    bodies = np.flatnonzero(model.body_rootid != model.body(PREFIXES[0] + "base").id)
    places = data.xpos[bodies].copy()
    data.ctrl[:] = data.qpos[seen.joints]
    for _ in range(SETTLING):
        mujoco.mj_step(model, data)
    loose = np.ones(model.nv, bool)
    loose[: len(seen.joints)] = False
    moved = np.abs(data.xpos[bodies] - places).max(initial=0.0)
    fast = np.abs(data.qvel[loose]).max(initial=0.0)
    return "something moves by itself" if moved > MOVED or fast > 10 * SPEED else ""


def _hindrances(
    model: mujoco.MjModel, data: mujoco.MjData, task: Any, blocked: int, changed: Changed
) -> Iterator[tuple[int, str]]:
    """Go through the moments of the experts' paths; yield which are hindered, and how.

    Moments at which nothing that `changed` can matter are left out.
    """
    seen, near = reference(task), changed.near
    rooms = _rooms(task) if changed.nearer < ROOM else [0.0] * len(seen.keyframes)
    machine, grip, before = robots(model), gripping(task), (model.opt.enableflags, model.opt.o_margin)
    model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_OVERRIDE
    model.opt.o_margin = CLEARANCE
    try:
        for index, frame in enumerate(seen.keyframes):
            if frame.mode == blocked or not (near or frame.closing or not frame.free):
                continue
            if not frame.closing and rooms[index] > CLEARANCE + changed.nearer:
                continue
            data.qpos[seen.joints] = frame.qpos
            mujoco.mj_kinematics(model, data)
            if changed.bases and not _reaches(model, data, seen.limbs, frame):
                yield index, "a hand cannot reach"
                continue
            if not near or not frame.free:
                continue
            mujoco.mj_collision(model, data)
            if machine[data.contact.geom].any():
                yield index, "a hand is hindered on its way"
            if frame.closing and (why := _misses(model, data, machine, grip)):
                yield index, why
    finally:
        model.opt.enableflags, model.opt.o_margin = before


def _reaches(model: mujoco.MjModel, data: mujoco.MjData, limbs: tuple[Limb, ...], frame: Keyframe) -> bool:
    """Bring the TCPs to where they are in the clean scene, wherever the base stands."""
    sites = [limb.site for limb in limbs]
    turned = data.site_xmat[sites].reshape(-1, 3, 3).copy()
    for _ in range(_IK_STEPS):
        if np.abs(data.site_xpos[sites] - frame.tcp).max() < _EXACT:
            return True
        mujoco.mj_comPos(model, data)
        for limb, tcp, way in zip(limbs, frame.tcp, turned, strict=True):
            _step(model, data, limb, tcp, way)
        mujoco.mj_kinematics(model, data)
    return bool(np.linalg.norm(data.site_xpos[sites] - frame.tcp, axis=1).max() < REACH)


def _step(
    model: mujoco.MjModel, data: mujoco.MjData, limb: Limb, tcp: np.ndarray, turned: np.ndarray
) -> None:
    """Move one arm's joints by one step of the inverse kinematics that simulations use."""
    jacobian = np.empty((2, 3, model.nv))
    mujoco.mj_jacSite(model, data, jacobian[0], jacobian[1], limb.site)
    step = control.joint_step(
        jacobian.reshape(1, 6, -1)[:, :, limb.dofs],
        (tcp - data.site_xpos[limb.site])[None],
        control.rotation_error(turned[None], data.site_xmat[limb.site].reshape(1, 3, 3)),
        np.zeros((1, 7)),
    )
    data.qpos[limb.angles] = np.clip(data.qpos[limb.angles] + step[0], limb.low, limb.high)


def _misses(model: mujoco.MjModel, data: mujoco.MjData, machine: np.ndarray, grip: Grip) -> str:
    """Close the fingers on what lies between them and see what they touch."""
    closed = []
    for pads, fingers in zip(grip.pads, grip.fingers, strict=True):
        ways = [min(_distance(model, data, pad, part) for part in grip.parts) for pad in pads]
        if max(ways) < _NEAR:
            data.qpos[list(fingers)] += np.array([-1, 1]) * (np.array(ways) + SQUEEZE)
            closed += pads
    if not closed:
        return "nothing lies between the fingers"
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    pairs, places = data.contact.geom, data.contact.pos
    part = np.zeros(model.ngeom, bool)
    part[list(grip.parts)] = True
    touching, with_part = machine[pairs].any(1), part[pairs].any(1)
    if (touching & ~with_part).any():
        return "closing fingers touch more than the part"
    for pad in closed:
        where = places[with_part & (pairs == pad).any(1)]
        if len(where) < 2 or np.linalg.norm(np.ptp(where, axis=0)) < HOLD:
            return "the fingers hold too little of the part"
    return ""


def _distance(model: mujoco.MjModel, data: mujoco.MjData, geom: int, other: int, most: float = 1.0) -> float:
    return mujoco.mj_geomDistance(model, data, geom, other, most, None)


@functools.lru_cache(maxsize=64)
def gripping(task: Any) -> Grip:
    """Return which shapes of a task's scenes grip and are gripped."""
    model = clean_model(task)
    names = [model.geom(i).name for i in range(model.ngeom)]
    pads = [
        tuple(names.index(f"{prefix}finger{finger}_pad_collision") for finger in (1, 2))
        for prefix in PREFIXES[: task.arms]
    ]
    fingers = [
        tuple(int(model.joint(prefix + name).qposadr[0]) for name in robot.FINGER_JOINTS)
        for prefix in PREFIXES[: task.arms]
    ]
    kinds = (mujoco.mjtSensor.mjSENS_CONTACT, mujoco.mjtObj.mjOBJ_XBODY)
    sensors = (i for i in range(model.nsensor) if (model.sensor_type[i], model.sensor_reftype[i]) == kinds)
    of_fingers = (i for i in sensors if model.body(int(model.sensor_refid[i])).name.endswith("finger"))
    return Grip(tuple(pads), tuple(fingers), tuple(sorted({int(model.sensor_objid[i]) for i in of_fingers})))
