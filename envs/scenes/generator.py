"""Draws an episode's scene until one may be used, and gives up with an error, never with the clean scene."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import mujoco
import numpy as np

from ..axis import Axis
from ..errors import BimodalError
from ..streams import stream
from .check import fault
from .clean import clean_spec
from .places import NoPlace
from .reference import reference

TRIES = 60
"""Scenes drawn for an episode; each is the next of the same streams."""
KEPT = 256
"""Scenes that a process remembers."""
_TETRAHEDRON = (
    np.array([0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.01]),
    np.array([0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3], np.int32),
)


class World(NamedTuple):
    """The scene of one episode."""

    drawn: mujoco.MjSpec
    """With the meshes that are only seen."""
    spec: mujoco.MjSpec
    """The same without them: their places are kept by tetrahedra."""
    model: mujoco.MjModel
    """The latter, compiled; copy it before you change it."""
    added: dict[str, np.ndarray]
    """Poses of the bodies that the clean scene lacks, scene frame, (7,)."""
    blocked: int
    """The mode that is blocked, -1 for none."""


_worlds: OrderedDict[tuple, World] = OrderedDict()


def world(axes: Sequence[Axis], task: Any, seed: int) -> World:
    """Return the scene of one episode.

    Args:
        axes: those that change scenes.
        task: the task.
        seed: of the episode.

    Raises:
        BimodalError: none of `TRIES` scenes may be used.
    """
    axes = sorted(axes, key=lambda axis: axis.name)  # the order in which they are named changes nothing
    key = (task, seed, *((type(axis), axis.level) for axis in axes))
    if key not in _worlds:
        _worlds[key] = _generate(axes, task, seed)
        if len(_worlds) > KEPT:
            _worlds.popitem(last=False)
    _worlds.move_to_end(key)
    return _worlds[key]


def _generate(axes: Sequence[Axis], task: Any, seed: int) -> World:
    draws = {axis: stream("variant", axis.name, axis.level, task.id, seed, "scene") for axis in axes}
    why, blocked = "", -1
    for axis in axes:
        rng = stream("variant", axis.name, axis.level, task.id, seed, "blocked")
        axis.seed, axis.blocks = seed, axis.blocked(task, rng)
        blocked = max(blocked, axis.blocks)
    for rejected in range(TRIES):
        spec = clean_spec(task).copy()
        try:
            for axis, rng in draws.items():
                axis.rejected = rejected
                axis.scene(spec, task, rng)
        except NoPlace as error:
            why = str(error)
            continue
        found, why = examined(spec, task, blocked)
        if not why:
            return found
    names = " + ".join(f"{axis.name}:{axis.level} ({axis.magnitude:g} {axis.unit})" for axis in axes)
    raise BimodalError(
        f"{task.id}, seed {seed}: none of {TRIES} scenes of {names} can be used; the last: {why}"
    )


def examined(spec: mujoco.MjSpec, task: Any, blocked: int = -1) -> tuple[World, str]:
    """Compile a scene; return it with why it may not be used, "" if it may.

    Args:
        spec: the scene, a copy of the task's that was changed.
        task: whose.
        blocked: a mode whose hand need not find its way, -1 for none.
    """
    lean = _lean(spec)
    model = lean.compile()
    added = _added(spec, model, task)
    why = fault(model, task, _placed(added, reference(task).start.frame), blocked)
    return World(spec, lean, model, added, blocked), why


def _lean(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    """Return a scene without the shells that touch nothing, which would take most of the time to compile."""
    felt = {geom.meshname for geom in spec.geoms if geom.contype or geom.conaffinity}
    shells = [mesh.name for mesh in spec.meshes if mesh.name not in felt]
    if not shells:
        return spec
    lean = spec.copy()
    for name in shells:
        mesh = lean.mesh(name)
        mesh.uservert, mesh.userface = _TETRAHEDRON
        mesh.usernormal, mesh.userfacenormal = np.zeros(0), np.zeros(0, np.int32)
    return lean


def _added(spec: mujoco.MjSpec, model: mujoco.MjModel, task: Any) -> dict[str, np.ndarray]:
    """Return the poses of added bodies that are free or stand on their own (mocap)."""
    clean, poses = reference(task).bodies, {}
    for body in spec.worldbody.bodies:
        if body.name not in clean and (body.mocap or body.joints):
            index = model.body(body.name).id
            poses[body.name] = np.concatenate([model.body_pos[index], model.body_quat[index]])
    return poses


def _placed(added: dict[str, np.ndarray], frame: np.ndarray) -> dict[str, np.ndarray]:
    """Return poses (7,) of a scene frame (3,) in the world."""
    x, y, yaw = frame
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
    moved = {}
    for name, pose in added.items():
        quat = np.empty(4)
        mujoco.mju_mulQuat(quat, turn, pose[3:])
        place = [x + c * pose[0] - s * pose[1], y + s * pose[0] + c * pose[1], pose[2]]
        moved[name] = np.concatenate([place, quat])
    return moved


def with_added(start: Any, found: World) -> Any:
    """Return a start (`simulation.Start`) that places what the generator added, too."""
    return start._replace(poses=start.poses | _placed(found.added, start.frame))
