"""Whether a generated scene may be used: nothing penetrates or moves, every expert's hand finds its way."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..robot import inverse_kinematics as control
from ..robot.parts import robots, things
from ..simulation_data import place
from ..task_protocol import TaskProtocol
from .expert_reference import Keyframe, Limb, reference
from .grip import distance, grip_fault, gripping
from .placement import far
from .settling import begun, moving, restless

PENETRATION = 0.001
"""Shapes may be in one another up to this [m]."""
CLEARANCE = 0.003
"""Distance that the hand keeps from everything before it grips, and then from all but the part [m]."""
ROOM = 0.05
"""Up to this distance it is known how far the hands of the clean scene stay clear of things [m]."""
REACH = 0.002
"""How far a hand may miss what its expert aims at [m]."""

_FORMS = ("geom_type", "geom_quat")
_BODIES = ("body_pos", "body_quat")
_SHAPES = (*_FORMS, "geom_size", "geom_pos", "body_mass")
_IK_STEPS = 6
_EXACT = 1e-4


class Changed(NamedTuple):
    """What a scene has that the clean one has not."""

    near: bool
    """Whether something may be where it would hinder hands."""
    nearer: float
    """A distance by which nothing is nearer to hands than in the clean scene [m]."""
    bases: bool
    """Whether bases of robots stand elsewhere."""


@functools.lru_cache(maxsize=64)
def excused(task: TaskProtocol) -> frozenset[tuple[int, str]]:
    """Return what is tight in the clean scene already: keyframe and fault."""
    model = clean_model(task).__copy__()
    seen = reference(task)
    data = mujoco.MjData(model)
    place(model, data, seen.start.poses)
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
def _rooms(task: TaskProtocol) -> list[float]:
    """Return how far every keyframe's robot is from all things of the clean scene, at most `ROOM` [m]."""
    model = clean_model(task)
    seen = reference(task)
    data = mujoco.MjData(model)
    machine = np.flatnonzero(robots(model)).tolist()
    around = np.flatnonzero(things(model) & (model.geom_contype > 0)).tolist()
    rooms = []
    place(model, data, seen.start.poses)
    for frame in seen.keyframes:
        data.qpos[seen.joints] = frame.qpos
        mujoco.mj_kinematics(model, data)
        rooms.append(min(distance(model, data, one, thing, ROOM) for one in machine for thing in around))
    return rooms


def fault(model: mujoco.MjModel, task: TaskProtocol, added: dict[str, np.ndarray], blocked: int) -> str:
    """Return why a scene may not be used, "" if it may.

    What a perturbation left as it is in the clean scene is not checked again.

    Args:
        model: the scene, at the average start.
        task: whose.
        added: poses of the bodies that the clean scene lacks, world, (7,).
        blocked: a mode whose hand need not find its way, -1 for none.
    """
    seen = reference(task)
    clean = clean_model(task)
    # 1. what differs from the clean scene
    same_shapes = _as_clean(model, clean, _SHAPES)
    same_bodies = _as_clean(model, clean, _BODIES)
    beside = model.ngeom > clean.ngeom and not far(model, clean, task)
    loose = not same_shapes or model.nv > clean.nv or not np.array_equal(model.opt.gravity, clean.opt.gravity)
    if not beside and not loose and same_bodies:
        return ""
    # 2. nothing penetrates at the start
    data = begun(model, seen, {**seen.start.poses, **added})
    own = ~robots(model)[data.contact.geom].any(1)
    if (data.contact.dist[own] < -PENETRATION).any():
        return "shapes penetrate one another"
    # 3. every hand finds its way, except where it does not in the clean scene either
    if beside or not same_shapes or not same_bodies:
        before = data.qpos.copy()
        nearer = np.inf if beside or not same_bodies else _growth(model, clean)
        changed = Changed(beside or not same_shapes, nearer, not same_bodies)
        found = _hindrances(model, data, task, blocked, changed)
        if why := next((why for index, why in found if (index, why) not in excused(task)), ""):
            return why
        data.qpos[:] = before
    # 4. nothing moves by itself, except what does in the clean scene, too
    found = moving(model, data, seen) if loose else set()
    return "something moves by itself" if found and found - restless(task) else ""


def _hindrances(
    model: mujoco.MjModel, data: mujoco.MjData, task: TaskProtocol, blocked: int, changed: Changed
) -> Iterator[tuple[int, str]]:
    """Go through the moments of the experts' paths; yield which are hindered, and how.

    Moments at which nothing that `changed` can matter are left out.
    """
    seen = reference(task)
    near = changed.near
    rooms = _rooms(task) if changed.nearer < ROOM else [0.0] * len(seen.keyframes)
    machine = robots(model)
    grip = gripping(task)
    # Contacts are told from CLEARANCE on while the moments are gone through.
    flags = model.opt.enableflags
    margin = model.opt.o_margin
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
            if frame.closing and (why := grip_fault(model, data, machine, grip)):
                yield index, why
    finally:
        model.opt.enableflags = flags
        model.opt.o_margin = margin


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
