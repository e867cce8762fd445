"""Rules for the scene that a task builds: names, places, sensors, masses, widths; asked by `validation`."""

from collections.abc import Iterator, Mapping

import mujoco
import numpy as np

from ...envs.errors import unknown_name
from ...envs.specs import OPENING_HIGH
from .task import Task

WIDEST = 0.06
"""Widest part between the fingers, which open 8 cm [m]: they need room on both sides to come down."""
_KINDS = {"bodies": "nbody", "geoms": "ngeom", "joints": "njnt", "sensors": "nsensor"}


def described(spec: mujoco.MjSpec) -> Iterator[str]:
    """Rules for the scene before it is compiled: what is watched is there."""
    geoms = [geom.name for geom in spec.geoms]
    for sensor in spec.sensors:
        if sensor.type == mujoco.mjtSensor.mjSENS_CONTACT and sensor.objname not in geoms:
            own = [name for name in geoms if name]
            yield f"build() watches an {unknown_name('geom', sensor.objname, own)}"
            return


def built(task: Task, spec: mujoco.MjSpec, model: mujoco.MjModel, poses: Mapping) -> Iterator[str]:
    """Rules for the compiled scene.

    Args:
        task: whose `build` it comes from.
        spec: the scene.
        model: the same, compiled.
        poses: what the task's `poses()` gives.
    """
    # 1. everything has a name
    for kind, count in _KINDS.items():
        if "" in (found := _names(model, kind, count)):
            yield f"{found.count('')} of the {kind} that build() adds have no name; name each one"
    # 2. observed and placed bodies exist, and every body that can be placed is
    bodies = _names(model, "bodies", "nbody")
    if unknown := sorted({*task.objects, *poses} - set(bodies)):
        yield f"objects and poses() name {unknown[0]!r}, but build() adds no such body"
    placed = {
        model.body(i).name for i in range(model.nbody) if model.body_mocapid[i] >= 0 or _is_free(model, i)
    }
    if forgotten := sorted(placed - set(poses)):
        yield f"poses() does not say where {forgotten[0]!r} rests; give it a place"
    if standing := sorted(set(poses) & set(bodies) - placed):
        yield f"poses() places {standing[0]!r}, which is neither movable nor fixed by itself; leave it out"
    # 3. what is gripped and what is forbidden is watched, and can be gripped
    yield from _watched(task, model)
    yield from _gripped(task, spec, model)


def _watched(task: Task, model: mujoco.MjModel) -> Iterator[str]:
    """What the task names is watched: the parts at both fingers, the forbidden by the whole robot."""
    sensors = _names(model, "sensors", "nsensor")
    sides = {name.removesuffix("_left") for name in sensors if name.endswith("_left")}
    if not sides or any(f"{name}_right" not in sensors for name in sides):
        yield (
            "no grip is watched at both fingers; call scene.watch_fingers(geom, name) for what is held, or "
            "for what the fingers push in a task that pushes"
        )
        return
    for name in getattr(task, "parts", ()):
        if name not in sides:
            yield f"parts names {name!r}, which is not watched; call scene.watch_fingers(geom, {name!r})"
    for name in getattr(task, "forbidden", ()):
        if name not in sensors:
            yield f"forbidden names {name!r}, which is not watched; call scene.watch(geom, {name!r})"


def _gripped(task: Task, spec: mujoco.MjSpec, model: mujoco.MjModel) -> Iterator[str]:
    """What a mode grips weighs something, if it moves freely, and fits between the fingers."""
    sensors = _names(model, "sensors", "nsensor")
    parts = [name for name in getattr(task, "parts", ()) if f"{name}_left" in sensors]
    one_each = len(parts) == len(task.modes)
    for index, part in enumerate(parts):
        geom = int(model.sensor(f"{part}_left").objid[0])
        name = model.geom(geom).name
        if _is_free(model, int(model.geom_bodyid[geom])) and spec.geom(name).mass <= 0:
            yield f"{name!r} weighs nothing; give it a mass, as mass=0.02 [kg]"
        if one_each:
            width = _width(model, geom, float(task.grasps[index][3]))
            if width > WIDEST:
                yield (
                    f"{name!r} is {100 * width:.1f} cm wide where the mode {task.modes[index]!r} closes the "
                    f"fingers, which open {100 * OPENING_HIGH:.0f} cm; make it {100 * WIDEST:.0f} cm at most "
                    "or turn the hand (yaw, in grasps)"
                )


def _width(model: mujoco.MjModel, geom: int, yaw: float) -> float:
    """Return the extent [m] of a geom along the axis at `yaw` [rad] in its body's frame."""
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
    axis = np.array([np.cos(yaw), np.sin(yaw), 0.0]) @ turn.reshape(3, 3)
    return float(2 * np.abs(axis) @ model.geom_aabb[geom, 3:])


def _is_free(model: mujoco.MjModel, body: int) -> bool:
    first = model.body_jntadr[body]
    return first >= 0 and model.jnt_type[first] == mujoco.mjtJoint.mjJNT_FREE


def _names(model: mujoco.MjModel, kind: str, count: str) -> list[str]:
    get = {"bodies": model.body, "geoms": model.geom, "joints": model.joint, "sensors": model.sensor}[kind]
    first = 1 if kind == "bodies" else 0  # the world has a name of its own
    return [get(i).name for i in range(first, getattr(model, count))]
