"""Draws an episode's scene until one may be used, and gives up with an error, never with the clean scene."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import mujoco
import numpy as np

from ..base_scene import lean_spec
from ..errors import BimodalError
from ..perturbations.core.perturbation import Axis, overrides
from .expert_reference import reference
from .placement import NoPlace
from .validity import fault

TRIES = 60
"""Scenes drawn for an episode; each is the next of the same streams."""
KEPT = 256
"""Scenes that a process remembers."""


class World(NamedTuple):
    """The scene of one episode."""

    model: mujoco.MjModel
    """Compiled, without what is only seen; copy it before you change it."""
    added: dict[str, np.ndarray]
    """Poses of the bodies that the clean scene lacks, scene frame, (7,)."""
    rejected: int
    """Scenes that were drawn before it and may not be used."""


T = TypeVar("T")
_worlds: OrderedDict[tuple, World] = OrderedDict()
_judged: OrderedDict[tuple, tuple[mujoco.MjModel, str]] = OrderedDict()


def world(axes: Sequence[Axis], task: Any, seed: int) -> World:
    """Return the scene of one episode.

    Args:
        axes: those that change scenes.
        task: the task.
        seed: of the episode.

    Raises:
        BimodalError: none of `TRIES` scenes may be used.
    """
    axes = _ordered(axes)
    key = (task, seed, *((type(axis), axis.level) for axis in axes))
    return _remembered(_worlds, key, lambda: _generate(axes, task, seed))


def _remembered(known: OrderedDict[tuple, T], key: tuple, make: Callable[[], T]) -> T:
    """Return what is known under a key; make it first if need be, and forget the oldest."""
    if key not in known:
        known[key] = make()
        if len(known) > KEPT:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def redrawn(axes: Sequence[Axis], task: Any, seed: int, clean: mujoco.MjSpec) -> mujoco.MjSpec:
    """Return what `world` compiled; `clean` is the task's scene from which it is drawn, lean or not."""
    drafts = _drafts(_ordered(axes), task, seed, clean)
    spec, why = next(islice(drafts, world(axes, task, seed).rejected, None))
    assert spec is not None, why
    return spec


def _ordered(axes: Sequence[Axis]) -> list[Axis]:
    return sorted(axes, key=lambda axis: axis.name)  # the order in which they are named changes nothing


def _generate(axes: Sequence[Axis], task: Any, seed: int) -> World:
    drafts = _drafts(axes, task, seed, lean_spec(task))
    why = ""
    for rejected, (spec, why) in enumerate(drafts):
        if spec is None:
            continue
        model, added, why = examined(spec, task, max(axis.blocks for axis in axes))
        if not why:
            return World(model, added, rejected)
    names = " + ".join(f"{axis.name}:{axis.level} ({axis.magnitude:g} {axis.unit})" for axis in axes)
    raise BimodalError(
        f"{task.id}, seed {seed}: none of {TRIES} scenes of {names} can be used; the last: {why}"
    )


def _drafts(
    axes: Sequence[Axis], task: Any, seed: int, clean: mujoco.MjSpec
) -> Iterator[tuple[mujoco.MjSpec | None, str]]:
    """Draw one scene after the other; yield each, or None and what finds no place in it."""
    draws = {axis: axis.rng(task, seed, "scene") for axis in axes}
    for axis in axes:
        axis.seed, axis.blocks = seed, -1
        if overrides(axis, "blocked"):
            axis.blocks = axis.blocked(task, axis.rng(task, seed, "blocked"))
    for rejected in range(TRIES):
        spec = clean.copy()
        try:
            for axis, rng in draws.items():
                axis.rejected = rejected
                axis.scene(spec, task, rng)
        except NoPlace as error:
            yield None, str(error)
        else:
            yield spec, ""


def examined(
    spec: mujoco.MjSpec, task: Any, blocked: int = -1
) -> tuple[mujoco.MjModel, dict[str, np.ndarray], str]:
    """Compile a scene.

    Args:
        spec: the scene, a copy of the task's that was changed.
        task: whose.
        blocked: a mode whose hand need not find its way, -1 for none.

    Returns:
        The model, the poses of what is added (see `World`), and why it may not be used, "" if it may.
    """
    model = spec.compile()
    added = _added(spec, model, task)
    key = (task, blocked, _content(model))  # some axes draw few different scenes

    def judge() -> tuple[mujoco.MjModel, str]:
        return model, fault(model, task, _placed(added, reference(task).start.frame), blocked)

    model, why = _remembered(_judged, key, judge)
    return model, added, why


def _content(model: mujoco.MjModel) -> bytes:
    """Return what differs wherever two models do."""
    saved = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, saved)
    return blake2b(saved.data, digest_size=16).digest()


def _added(spec: mujoco.MjSpec, model: mujoco.MjModel, task: Any) -> dict[str, np.ndarray]:
    """Return the poses of added bodies that are free or stand on their own (mocap)."""
    clean, poses = reference(task).bodies, {}
    for body in spec.worldbody.bodies if model.nbody > len(clean) else ():
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
