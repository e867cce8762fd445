"""Generated scenes: things beside the task's objects, an obstacle at one mode, a higher or a tilted table."""

from functools import cache
from typing import ClassVar

import mujoco
import numpy as np

from ..base_scene import clean_spec, lean_spec
from ..frames import heading
from ..scene import SceneEditor
from ..scene_generation import blocking_post as obstacle
from ..scene_generation import props
from ..scene_generation.distributions import Family, choice, uniform
from ..scene_generation.episode_context import EpisodeContext
from ..scene_generation.generator import examined
from ..scene_generation.placement import NoPlace, find
from ..scene_generation.reshape import candidates, reshape, resize, shapes
from ..seed_ranges import TRAIN
from ..simulation_data import SimulationData
from ..task_protocol import TaskProtocol
from .core.perturbation import Perturbation

DISTRACTORS = Family(("box", "cylinder"), ("bottle", "bread", "can", "cereal", "milk"))
"""Primitives are seen in train scenes, robosuite's objects are not."""
PIECES = Family(("box",), ("cylinder",))
"""Small clutter: bricks are seen in train scenes, pegs are not."""
_SIZES = {"box": ((0.015, 0.015, 0.015), (0.03, 0.03, 0.05)), "cylinder": ((0.018, 0.02), (0.03, 0.05))}
_SMALL = {"box": ((0.006, 0.006, 0.004), (0.016, 0.016, 0.012)), "cylinder": ((0.007, 0.004), (0.014, 0.014))}
FORMS = Family(("square",), ("round",))
"""Forms that other shapes take."""
NARROWER = 0.8
"""By how much a range of sizes shrinks after a scene that is rejected."""
OBSTACLE = "obstacle"
"""Body, shape and contact sensor of what stands near or on a blocked mode."""
_RED = (0.80, 0.16, 0.13)


class _ThingsAbout(Perturbation):
    """Base: things that do not move stand about, 3 cm or more from every hand's way."""

    body: ClassVar[str]
    """Name of the one fixed body that holds them all."""
    sizes: ClassVar[dict[str, tuple]]
    """Smallest and largest half extents of each kind [m]."""

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        """Add one fixed body with as many things as the magnitude says."""
        if not self.level:
            return
        assert self.family is not None
        rng = episode.rng
        # 1. what stands about, 2. where there is room for it, 3. how each thing is turned
        drawn = props.grown(self.family.kinds(episode.seed), int(self.magnitude), self.sizes, rng)
        radii = np.array([one.radius for one in drawn])
        where = find(spec, episode.task, rng, radii, max(one.height for one in drawn))
        body = SceneEditor(spec).fixed(self.body)
        turned = uniform(rng, np.full(len(drawn), -np.pi), np.pi)
        for index, (one, place, yaw) in enumerate(zip(drawn, where, turned, strict=True)):
            props.add(spec, body, f"{self.body}_{index}", one, np.array([*place, one.height / 2]), yaw)


class Distractors(_ThingsAbout):
    """Things stand beside the task's objects, 3 cm or more from every hand's way.

    They do not give way: four that could would double the cost of a physics step.
    """

    name = "scene.distractors"
    unit = "objects"
    levels = (0, 1, 2, 4)
    family = DISTRACTORS
    body = "distractor"
    sizes = _SIZES


class Clutter(_ThingsAbout):
    """Small things that do not move lie about, 3 cm or more from every hand's way."""

    name = "scene.clutter"
    unit = "pieces"
    levels = (0, 5, 10, 20)
    family = PIECES
    body = "clutter"
    sizes = _SMALL


class Blocked(Perturbation):
    """A post stands near the way of one mode's hand, nearer, or so that the hand cannot be at the grasp.

    Which mode is drawn. Touching the post is touching what is forbidden (`Variant.judged`).
    """

    name = "scene.blocked"
    unit = "cm from the hand's way"
    levels = (100.0, 6.0, 3.0, 0.0)

    def blocked_mode(self, episode: EpisodeContext) -> int:
        return choice(episode.rng, len(episode.task.modes)) if self.level else -1

    def targeted_mode(self, task: TaskProtocol, seed: int) -> int:
        return self.blocked_mode(self.context(task, seed, "blocked"))

    def impossible(self, task: TaskProtocol) -> str:
        if not self.level:
            return ""
        for mode, name in enumerate(task.modes):
            if not len(obstacle.places(task, mode, self.magnitude / 100)):
                return f"no place for a post {self.magnitude:g} cm from the hand of {name!r} alone"
        return ""

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        if not self.level:
            return
        places = obstacle.places(episode.task, episode.blocked_mode, self.magnitude / 100)
        tall = obstacle.height(episode.task, episode.blocked_mode)
        if not len(places):
            raise NoPlace(f"no place for a post near {episode.task.modes[episode.blocked_mode]!r}")
        scene = SceneEditor(spec)
        body = scene.fixed(OBSTACLE)
        place = places[choice(episode.rng, len(places))]
        body.pos = [*place, 0.0]
        scene.cylinder(body, OBSTACLE, 2 * obstacle.RADIUS, tall, (0, 0, tall / 2), _RED)
        scene.watch(OBSTACLE, OBSTACLE)

    def forbidden_force(self, simulation: SimulationData) -> np.ndarray:
        return simulation.force(OBSTACLE) if self.level else np.zeros(simulation.n)


class TableHeight(Perturbation):
    """The table is higher or lower, with everything on it.

    The scene frame stays on the table and the robot's base stands lower or higher, which is the same: poses
    that are observed and commanded remain relative to the table, the arm's posture is another.
    """

    name = "scene.table_height"
    unit = "cm at most"
    levels = (0.0, 1.0, 2.0, 3.0)

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        if self.level:
            high = float(uniform(episode.rng, -self.magnitude, self.magnitude)) / 100
            base = spec.body("base")
            base.pos = np.array(base.pos) - [0.0, 0.0, high]


class TableTilt(Perturbation):
    """The table leans to one side, with the robot on it.

    The world's axes stay those of the table and gravity leans, which is the same.
    """

    name = "scene.table_tilt"
    unit = "degrees"
    levels = (0.0, 1.0, 2.0, 4.0)

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        if self.level:
            tilt = np.radians(self.magnitude)
            to = float(uniform(episode.rng, -np.pi, np.pi))
            size = np.linalg.norm(spec.option.gravity)
            spec.option.gravity = size * np.array([*(np.sin(tilt) * heading(to)), -np.cos(tilt)])


class Size(Perturbation):
    """The objects that are gripped have other sizes and aspects, within what the experts' grasps allow.

    Parts are never thicker than 7.4 cm along the finger-opening axis nor shorter along their length; what is
    beside them is never narrower, so that it still stops the hand. Masses follow the volumes. Where the
    experts' grasps allow less, the range is clipped: it shrinks with every scene that is rejected.
    """

    name = "scene.size"
    unit = "% at most"
    levels = (0.0, 5.0, 10.0, 15.0)

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        if self.level:
            resize(spec, episode.task, episode.rng, self.magnitude / 100 * NARROWER**episode.attempt)

    def impossible(self, task: TaskProtocol) -> str:
        return "" if shapes(clean_spec(task), task) else "nothing is gripped"


class Form(Perturbation):
    """Some of the shapes of the objects that are gripped have another form of equal extents.

    In seen scenes round shapes become square, in unseen ones square shapes round. What is gripped changes
    only if it is as long as it is thick, and nothing that would then be in a hand's way. All test scenes of a
    task without round shapes that can change are unseen.
    """

    name = "scene.shape"
    unit = "% of the shapes that can"
    levels = (0.0, 34.0, 67.0, 100.0)
    family = FORMS

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        if not self.level:
            return
        if episode.seed in TRAIN and not _able(episode.task, round_=False):
            raise NoPlace(f"no shape could be square; use seeds below {TRAIN.start}")
        able = list(_able(episode.task, round_=bool(self.has_unseen_kinds(episode.task, episode.seed))))
        for _ in range(int(np.ceil(self.magnitude / 100 * len(able)))):
            reshape(spec.geom(able.pop(choice(episode.rng, len(able)))))

    def has_unseen_kinds(self, task: TaskProtocol, seed: int) -> bool | None:
        """Return whether shapes become round, as in no train scene."""
        unseen = super().has_unseen_kinds(task, seed)
        return unseen if unseen is None else unseen or not _able(task, round_=False)

    def impossible(self, task: TaskProtocol) -> str:
        return "" if _able(task, round_=True) else "no shape can have another form"


@cache
def _able(task: TaskProtocol, round_: bool) -> tuple[str, ...]:
    """Return the names of the shapes that can have another form without being in a hand's way."""
    found = []
    for name in [geom.name for geom in candidates(clean_spec(task), task, round_)]:
        spec = lean_spec(task).copy()
        reshape(spec.geom(name))
        *_, why = examined(spec, task)
        if not why:
            found.append(name)
    return tuple(found)
