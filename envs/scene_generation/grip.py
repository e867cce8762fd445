"""Whether closing fingers hold a part: a check of a generated scene, called at every moment of closing."""

import functools
from typing import NamedTuple

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..robot import panda as robot
from ..specs import PREFIXES
from ..task_protocol import TaskProtocol

SQUEEZE = 0.0005
"""How far the pads are pressed into a part to see where they touch it [m]."""
HOLD = 0.006
"""Smallest diagonal of what a pad touches of a part [m]."""

_NEAR = 0.045  # a part farther from an open pad is not between the fingers [m]


class Grip(NamedTuple):
    """Which shapes of a task's scenes grip and are gripped; what perturbations add comes after them."""

    pads: tuple[tuple[int, ...], ...]
    """Left and right finger pad of every arm."""
    fingers: tuple[tuple[int, ...], ...]
    """Their joints in `qpos`."""
    parts: tuple[int, ...]
    """Shapes that are watched for the grip of fingers."""


def grip_fault(model: mujoco.MjModel, data: mujoco.MjData, machine: np.ndarray, grip: Grip) -> str:
    """Close the fingers on what lies between them; return why they do not hold it well, "" if they do."""
    # 1. which fingers have something between them; they close on it
    closed = []
    for pads, fingers in zip(grip.pads, grip.fingers, strict=True):
        ways = [min(distance(model, data, pad, part) for part in grip.parts) for pad in pads]
        if max(ways) < _NEAR:
            data.qpos[list(fingers)] += np.array([-1, 1]) * (np.array(ways) + SQUEEZE)
            closed += pads
    if not closed:
        return "nothing lies between the fingers"
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    # 2. what they touch then
    pairs = data.contact.geom
    places = data.contact.pos
    part = np.zeros(model.ngeom, bool)
    part[list(grip.parts)] = True
    touching = machine[pairs].any(1)
    with_part = part[pairs].any(1)
    if (touching & ~with_part).any():
        return "closing fingers touch more than the part"
    # 3. how much of the part each pad touches
    for pad in closed:
        where = places[with_part & (pairs == pad).any(1)]
        if len(where) < 2 or np.linalg.norm(np.ptp(where, axis=0)) < HOLD:
            return "the fingers hold too little of the part"
    return ""


def distance(model: mujoco.MjModel, data: mujoco.MjData, geom: int, other: int, most: float = 1.0) -> float:
    """Return the distance of two shapes [m], at most `most`."""
    return mujoco.mj_geomDistance(model, data, geom, other, most, None)


@functools.lru_cache(maxsize=64)
def gripping(task: TaskProtocol) -> Grip:
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
