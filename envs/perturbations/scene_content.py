"""Generated scenes: things beside the task's objects, an obstacle at one mode, a higher or a tilted table."""

from functools import cache
from typing import Any

import mujoco
import numpy as np

from ..base_scene import clean_spec, lean_spec
from ..distributions import TRAIN, Family, choice, uniform
from ..scene import Scene
from ..scene_generation import blocking_post as obstacle
from ..scene_generation import props
from ..scene_generation.generator import examined
from ..scene_generation.placement import NoPlace, editor, find
from ..scene_generation.reshape import candidates, reshape, resize, shapes
from .core.perturbation import Axis

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


class Distractors(Axis):
    """Things stand beside the task's objects, 3 cm or more from every hand's way.

    They do not give way: four that could would double the cost of a physics step.
    """

    name = "scene.distractors"
    unit = "objects"
    levels = (0, 1, 2, 4)
    family = DISTRACTORS

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Add one body with all of them."""
        if not self.level:
            return
        drawn = props.grown(DISTRACTORS.kinds(self.seed), int(self.magnitude), _SIZES, rng)
        radii, tall = np.array([one.radius for one in drawn]), max(one.height for one in drawn)
        _add(spec, "distractor", drawn, find(spec, task, rng, radii, tall), rng)


def _add(
    spec: mujoco.MjSpec, name: str, drawn: list[props.Prop], where: np.ndarray, rng: np.random.Generator
) -> None:
    """Stand things on the table, all of them shapes of one fixed body."""
    body, turned = editor(spec).fixed(name), uniform(rng, np.full(len(drawn), -np.pi), np.pi)
    for index, (one, place, yaw) in enumerate(zip(drawn, where, turned, strict=True)):
        props.add(spec, body, f"{name}_{index}", one, np.array([*place, one.height / 2]), yaw)


class Clutter(Axis):
    """Small things that do not move lie about, 3 cm or more from every hand's way."""

    name = "scene.clutter"
    unit = "pieces"
    levels = (0, 5, 10, 20)
    family = PIECES

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Add one fixed body with all pieces."""
        if not self.level:
            return
        drawn = props.grown(PIECES.kinds(self.seed), int(self.magnitude), _SMALL, rng)
        radii, tall = np.array([one.radius for one in drawn]), max(one.height for one in drawn)
        _add(spec, "clutter", drawn, find(spec, task, rng, radii, tall), rng)


class Blocked(Axis):
    """A post stands near the way of one mode's hand, nearer, or so that the hand cannot be at the grasp.

    Which mode is drawn. Touching the post is touching what is forbidden (`Variant.judged`).
    """

    name = "scene.blocked"
    unit = "cm from the hand's way"
    levels = (100.0, 6.0, 3.0, 0.0)

    def blocked(self, task: Any, rng: np.random.Generator) -> int:
        """Return one of the modes."""
        return choice(rng, len(task.modes)) if self.level else -1

    def aimed(self, task: Any, seed: int) -> int:
        """Return the blocked mode."""
        return self.blocked(task, self.rng(task, seed, "blocked"))

    def impossible(self, task: Any) -> str:
        """Refuse tasks in which a post that blocks one mode would hinder another."""
        if not self.level:
            return ""
        for mode, name in enumerate(task.modes):
            if not len(obstacle.places(task, mode, self.magnitude / 100)):
                return f"no place for a post {self.magnitude:g} cm from the hand of {name!r} alone"
        return ""

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Add the post."""
        if not self.level:
            return
        places, tall = (
            obstacle.places(task, self.blocks, self.magnitude / 100),
            obstacle.height(task, self.blocks),
        )
        if not len(places):
            raise NoPlace(f"no place for a post near {task.modes[self.blocks]!r}")
        scene: Scene = editor(spec)
        body, place = scene.fixed(OBSTACLE), places[choice(rng, len(places))]
        body.pos = [*place, 0.0]
        scene.cylinder(body, OBSTACLE, 2 * obstacle.RADIUS, tall, (0, 0, tall / 2), _RED)
        scene.watch(OBSTACLE, OBSTACLE)

    def illegal(self, simulation: Any) -> np.ndarray:
        """Return the force on the post."""
        return simulation.force(OBSTACLE) if self.level else np.zeros(simulation.n)


class TableHeight(Axis):
    """The table is higher or lower, with everything on it.

    The scene frame stays on the table and the robot's base stands lower or higher, which is the same: poses
    that are observed and commanded remain relative to the table, the arm's posture is another.
    """

    name = "scene.table_height"
    unit = "cm at most"
    levels = (0.0, 1.0, 2.0, 3.0)

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Move the base of the robot."""
        if self.level:
            high = float(uniform(rng, -self.magnitude, self.magnitude)) / 100
            base = spec.body("base")
            base.pos = np.array(base.pos) - [0.0, 0.0, high]


class TableTilt(Axis):
    """The table leans to one side, with the robot on it.

    The world's axes stay those of the table and gravity leans, which is the same.
    """

    name = "scene.table_tilt"
    unit = "degrees"
    levels = (0.0, 1.0, 2.0, 4.0)

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Turn gravity."""
        if self.level:
            tilt, to = np.radians(self.magnitude), float(uniform(rng, -np.pi, np.pi))
            size = np.linalg.norm(spec.option.gravity)
            spec.option.gravity = size * np.array(
                [np.sin(tilt) * np.cos(to), np.sin(tilt) * np.sin(to), -np.cos(tilt)]
            )


class Size(Axis):
    """The objects that are gripped have other sizes and aspects, within what the experts' grasps allow.

    Parts are never thicker than 7.4 cm along the finger-opening axis nor shorter along their length; what is
    beside them is never narrower, so that it still stops the hand. Masses follow the volumes. Where the
    experts' grasps allow less, the range is clipped: it shrinks with every scene that is rejected.
    """

    name = "scene.size"
    unit = "% at most"
    levels = (0.0, 5.0, 10.0, 15.0)

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Scale shapes."""
        if self.level:
            resize(spec, task, rng, self.magnitude / 100 * NARROWER**self.rejected)

    def impossible(self, task: Any) -> str:
        """Refuse scenes without anything to grip."""
        return "" if shapes(clean_spec(task), task) else "nothing is gripped"


class Form(Axis):
    """Some of the shapes of the objects that are gripped have another form of equal extents.

    In seen scenes round shapes become square, in unseen ones square shapes round. What is gripped changes
    only if it is as long as it is thick, and nothing that would then be in a hand's way. All test scenes of a
    task without round shapes that can change are unseen.
    """

    name = "scene.shape"
    unit = "% of the shapes that can"
    levels = (0.0, 34.0, 67.0, 100.0)
    family = FORMS

    def scene(self, spec: mujoco.MjSpec, task: Any, rng: np.random.Generator) -> None:
        """Change shapes."""
        if not self.level:
            return
        if self.seed in TRAIN and not _able(task, round_=False):
            raise NoPlace(f"no shape could be square; use seeds below {TRAIN.start}")
        able = list(_able(task, round_=bool(self.unseen(task, self.seed))))
        for _ in range(int(np.ceil(self.magnitude / 100 * len(able)))):
            reshape(spec.geom(able.pop(choice(rng, len(able)))))

    def unseen(self, task: Any, seed: int) -> bool | None:
        """Return whether shapes become round, as in no train scene."""
        unseen = super().unseen(task, seed)
        return unseen if unseen is None else unseen or not _able(task, round_=False)

    def impossible(self, task: Any) -> str:
        """Refuse tasks without a box that could be round."""
        return "" if _able(task, round_=True) else "no shape can have another form"


@cache
def _able(task: Any, round_: bool) -> tuple[str, ...]:
    """Return the names of the shapes that can have another form without being in a hand's way."""
    found = []
    for name in [geom.name for geom in candidates(clean_spec(task), task, round_)]:
        spec = lean_spec(task).copy()
        reshape(spec.geom(name))
        *_, why = examined(spec, task)
        if not why:
            found.append(name)
    return tuple(found)
