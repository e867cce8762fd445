"""Draws an episode's scene until one may be used, and gives up with an error, never with the clean scene."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import ClassVar, NamedTuple, Protocol

import mujoco
import numpy as np

from ..base_scene import lean_spec
from ..errors import BimodalError
from ..frames import from_frame, yaw_quaternion
from ..task_protocol import Start, TaskProtocol
from .episode_context import EpisodeContext
from .expert_reference import reference
from .placement import NoPlace
from .validity import fault

TRIES = 60
"""Scenes drawn for an episode; each is the next of the same streams."""
KEPT = 256
"""Scenes that a process remembers."""


class ScenePerturbation(Protocol):
    """What the generator asks of a perturbation at one level."""

    name: ClassVar[str]
    unit: ClassVar[str]
    level: int
    magnitude: float

    def __init__(self, level: int) -> None: ...

    @property
    def label(self) -> str:
        """How it is written in a variant's name."""
        ...

    def context(self, task: TaskProtocol, seed: int, stream_key: str) -> EpisodeContext:
        """Return what a hook is told of one episode."""
        ...

    def blocked_mode(self, episode: EpisodeContext) -> int:
        """Return the mode that is blocked in one episode, -1 for none."""
        ...

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        """Change a scene before it is compiled."""
        ...


class World(NamedTuple):
    """The scene of one episode."""

    model: mujoco.MjModel
    """Compiled, without what is only seen; copy it before you change it."""
    added: dict[str, np.ndarray]
    """Poses of the bodies that the clean scene lacks, scene frame, (7,)."""
    rejected: int
    """Scenes that were drawn before it and may not be used."""


@dataclass(frozen=True)
class CompiledScene:
    """A scene that was drawn; two with equal models are equal, so that one verdict serves both."""

    content: bytes
    """Differs wherever two models do."""
    model: mujoco.MjModel = field(compare=False)
    added: dict[str, np.ndarray] = field(compare=False)
    """As in `World`."""


Levels = tuple[tuple[type[ScenePerturbation], int], ...]
"""Perturbations with their levels."""


def world(perturbations: Sequence[ScenePerturbation], task: TaskProtocol, seed: int) -> World:
    """Return the scene of one episode.

    Args:
        perturbations: those that change scenes.
        task: the task.
        seed: of the episode.

    Raises:
        BimodalError: none of `TRIES` scenes may be used.
    """
    return _generate(tuple((type(one), one.level) for one in _ordered(perturbations)), task, seed)


def redrawn(
    perturbations: Sequence[ScenePerturbation], task: TaskProtocol, seed: int, clean: mujoco.MjSpec
) -> mujoco.MjSpec:
    """Return what `world` compiled; `clean` is the task's scene from which it is drawn, lean or not."""
    drafts = _drafts(_ordered(perturbations), task, seed, clean)
    spec, _, why = next(islice(drafts, world(perturbations, task, seed).rejected, None))
    assert spec is not None, why
    return spec


def _ordered(perturbations: Sequence[ScenePerturbation]) -> list[ScenePerturbation]:
    return sorted(
        perturbations, key=lambda one: one.name
    )  # the order in which they are named changes nothing


@lru_cache(maxsize=KEPT)
def _generate(levels: Levels, task: TaskProtocol, seed: int) -> World:
    """Draw scenes until one may be used."""
    perturbations = [kind(level) for kind, level in levels]
    why = ""
    for rejected, (spec, blocked, why) in enumerate(_drafts(perturbations, task, seed, lean_spec(task))):
        if spec is None:
            continue
        model, added, why = examined(spec, task, blocked)
        if not why:
            return World(model, added, rejected)
    names = " + ".join(f"{one.label} ({one.magnitude:g} {one.unit})" for one in perturbations)
    raise BimodalError(
        f"{task.id}, seed {seed}: none of {TRIES} scenes of {names} can be used; the last: {why}"
    )


def _drafts(
    perturbations: Sequence[ScenePerturbation], task: TaskProtocol, seed: int, clean: mujoco.MjSpec
) -> Iterator[tuple[mujoco.MjSpec | None, int, str]]:
    """Draw one scene after the other; yield each, the mode that is blocked, and what finds no place in it.

    Instead of a scene in which something finds no place, None.
    """
    # 1. once for the episode: which mode each perturbation blocks, and the stream of all its scenes
    episodes = []
    for one in perturbations:
        blocked = one.blocked_mode(one.context(task, seed, "blocked"))
        episodes.append(replace(one.context(task, seed, "scene"), blocked_mode=blocked))
    blocked = max(episode.blocked_mode for episode in episodes)
    # 2. scene after scene, each the next of the same streams
    for attempt in range(TRIES):
        spec = clean.copy()
        try:
            for one, episode in zip(perturbations, episodes, strict=True):
                one.perturb_scene(spec, replace(episode, attempt=attempt))
        except NoPlace as error:
            yield None, blocked, str(error)
        else:
            yield spec, blocked, ""


def examined(
    spec: mujoco.MjSpec, task: TaskProtocol, blocked: int = -1
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
    scene = CompiledScene(_content(model), model, _added(spec, model, task))
    model, why = _judged(scene, task, blocked)
    return model, scene.added, why


@lru_cache(maxsize=KEPT)
def _judged(scene: CompiledScene, task: TaskProtocol, blocked: int) -> tuple[mujoco.MjModel, str]:
    """Return the first of equal models, and why it may not be used; some perturbations draw few scenes."""
    added = _placed(scene.added, reference(task).start.frame)
    return scene.model, fault(scene.model, task, added, blocked)


def _content(model: mujoco.MjModel) -> bytes:
    """Return what differs wherever two models do."""
    saved = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, saved)
    return blake2b(saved.data, digest_size=16).digest()


def _added(spec: mujoco.MjSpec, model: mujoco.MjModel, task: TaskProtocol) -> dict[str, np.ndarray]:
    """Return the poses of added bodies that are free or stand on their own (mocap)."""
    clean = reference(task).bodies
    poses = {}
    for body in spec.worldbody.bodies if model.nbody > len(clean) else ():
        if body.name not in clean and (body.mocap or body.joints):
            index = model.body(body.name).id
            poses[body.name] = np.concatenate([model.body_pos[index], model.body_quat[index]])
    return poses


def _placed(added: dict[str, np.ndarray], frame: np.ndarray) -> dict[str, np.ndarray]:
    """Return poses (7,) of a scene frame (3,) in the world."""
    moved = {}
    for name, pose in added.items():
        quat = np.empty(4)
        mujoco.mju_mulQuat(quat, np.array(yaw_quaternion(frame[2])), pose[3:])
        moved[name] = np.concatenate([from_frame(pose[:3], frame), quat])
    return moved


def with_added(start: Start, found: World) -> Start:
    """Return a start that places what the generator added, too."""
    return start._replace(poses=start.poses | _placed(found.added, start.frame))
