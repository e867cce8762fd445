"""Variants: the same episode with something shifted. `contact.friction:2+sensing.latency:1` names one.

An episode in a variant and its clean twin differ in nothing else: the scene, the hand and the policy's noise
come from the same streams, and every axis draws from a stream of its own.
"""

from typing import Any, NamedTuple

import mujoco
import numpy as np

from ...base_scene import clean_spec, lean_spec
from ...errors import WrongUse, unknown_name
from ...perturber import M, Perturber, Seeds
from ...scene_generation.generator import redrawn, with_added, world
from ...simulation_data import SimulationData
from ...specs import ACTIONS, bounds, from_grid, of_arms, to_grid
from ...task_protocol import Start, TaskProtocol
from .perturbation import LEVELS, Axis, overrides
from .registry import axes

CLEAN = "clean"
"""Name of the world as the task defines it."""
COMBO = "combo"
"""Name of the combination, as if it were an axis: `combo:2`."""
COMBINED = ("contact.friction", "sensing.noise", "actuation.delay", "start.bias", "scene.size")
"""Its axes, all at its level: one of every group that leaves the episode its length."""


class Part(NamedTuple):
    """One axis at one level."""

    axis: str
    level: int

    def __str__(self) -> str:
        """Return it as it is written in a variant's name."""
        return f"{self.axis}:{self.level}"


def named(name: str) -> tuple[Part, ...]:
    """Return the parts of a variant's name as they are written, () for `clean`.

    Raises:
        WrongUse: no such axis or level.
    """
    if name == CLEAN:
        return ()
    parts: list[Part] = []
    for text in name.split("+"):
        axis, colon, level = text.partition(":")
        if axis != COMBO and axis not in axes():
            raise unknown_name("variant", axis, [CLEAN, COMBO, *axes()])
        if not colon or level not in map(str, LEVELS):
            raise WrongUse(f"variant {text!r} has no such level; write {axis}:1, {axis}:2 or {axis}:3")
        parts.append(Part(axis, int(level)))
    return tuple(parts)


def parse(name: str) -> tuple[Part, ...]:
    """Return the axes of a variant's name with their levels, those of the combination one by one.

    Raises:
        WrongUse: no such axis or level, or an axis that is named twice.
    """
    written = named(name)
    parts = [Part(axis, part.level) for part in written for axis in _axes_of(part)]
    names = [part.axis for part in parts]
    if twice := [axis for axis in names if names.count(axis) > 1]:
        raise WrongUse(f"variant {name!r} names {twice[0]} twice")
    return tuple(parts)


def _axes_of(part: Part) -> tuple[str, ...]:
    return COMBINED if part.axis == COMBO else (part.axis,)


class Variant(Perturber):
    """Some axes, each at a level, applied to the N episodes of one simulation."""

    def __init__(self, name: str = CLEAN) -> None:
        """Parse a variant's name; see `parse`."""
        self.name = name
        self.parts: list[Axis] = [axes()[part.axis](part.level) for part in parse(name)]

    def having(self, hook: str) -> list[Axis]:
        """Return the axes that have a hook of their own."""
        return [axis for axis in self.parts if overrides(axis, hook)]

    def impossible(self, task: TaskProtocol) -> str:
        """Return which axis at which level a task cannot have, and why; "" if all are possible."""
        reasons = ((axis, axis.impossible(task)) for axis in self.having("impossible"))
        return next((f"{axis.name}:{axis.level} is impossible: {why}" for axis, why in reasons if why), "")

    def check(self, task: TaskProtocol) -> None:
        """Refuse what is impossible.

        Raises:
            WrongUse: an axis would change nothing of this task, or what cannot be.
        """
        if why := self.impossible(task):
            raise WrongUse(f"{task.id}: {why}")

    # ------------------------------------------------------------------------------- before an episode

    def spec(self, task: TaskProtocol, seed: int) -> mujoco.MjSpec:
        """Return the scene of one episode without what is only seen; copy it before you change it."""
        scenes = self.having("scene")
        return redrawn(scenes, task, int(seed), lean_spec(task)) if scenes else lean_spec(task)

    def drawn(self, task: TaskProtocol, seed: int) -> mujoco.MjSpec:
        """Return the scene of one episode with all that is only seen."""
        scenes = self.having("scene")
        return redrawn(scenes, task, int(seed), clean_spec(task)) if scenes else task.spec()

    def blocked(self, task: TaskProtocol, seed: int) -> int:
        """Return the mode that is blocked in one episode, -1 for none."""
        each = (axis.blocked(task, axis.rng(task, seed, "blocked")) for axis in self.having("blocked"))
        return max(each, default=-1)

    def aimed(self, task: TaskProtocol, seed: int) -> int:
        """Return the mode that one episode favours or blocks, by the first axis that does; -1 for none."""
        return next((mode for axis in self.parts if (mode := axis.aimed(task, int(seed))) >= 0), -1)

    def unseen(self, task: TaskProtocol, seed: int) -> bool | None:
        """Return whether one episode shows kinds that no train scene has; None where none differ."""
        each = [found for axis in self.parts if (found := axis.unseen(task, int(seed))) is not None]
        return any(each) if each else None

    def look(self, model: mujoco.MjModel, task: TaskProtocol, seed: int) -> None:
        """Change the dressed model of one episode, in place."""
        for axis in self.having("look"):
            axis.seed = int(seed)
            axis.look(model, task, axis.rng(task, seed, "look"))

    def models(self, base: mujoco.MjModel, task: TaskProtocol, seeds: Seeds) -> list[mujoco.MjModel] | None:
        """Return every episode's model; None when none differs from `base`, the task's compiled scene."""
        scenes, fields = self.having("scene"), self.having("model")
        if not scenes and not fields:
            return None
        found = []
        for seed in seeds:
            model = world(scenes, task, int(seed)).model if scenes else base
            model = _copy(model) if fields else model
            for axis in fields:
                axis.model(model, task, axis.rng(task, seed, "model"))
            found.append(model)
        return found

    def start(self, start: Start, task: TaskProtocol, seed: int) -> Start:
        """Return where one episode begins."""
        for axis in self.having("start"):
            start = axis.start(start, task, axis.rng(task, seed, "start"))
        scenes = self.having("scene")
        return with_added(start, world(scenes, task, int(seed))) if scenes else start

    def joints(self, task: TaskProtocol, seeds: Seeds) -> np.ndarray | None:
        """Return what is added to the arms' joint angles at the start [rad], (N, 7); None for nothing."""
        moved = self.having("joints")
        if not moved:
            return None
        each = [[axis.joints(task, axis.rng(task, s, "joints")) for axis in moved] for s in seeds]
        return np.sum(each, axis=1)

    def horizon(self, steps: int) -> int:
        """Return the length of the episodes [control steps]."""
        for axis in self.parts:
            steps = axis.horizon(steps)
        return steps

    # --------------------------------------------------------------------------------- in the loop

    def begin(self, task: TaskProtocol, seeds: Seeds) -> None:
        """Begin the episodes."""
        for axis in self.parts:
            draws = np.zeros((len(seeds), 0))
            if overrides(axis, "draw"):
                draws = np.stack([axis.draw(task, axis.rng(task, s, "draw")) for s in seeds])
            axis.begin(task, draws)

    @property
    def every_step(self) -> bool:
        """Whether `observe` must see every control step."""
        return any(axis.every_step for axis in self.parts)

    def observe(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return what the policy sees of what is there, arrays (N, d)."""
        for axis in self.having("observe"):
            seen = axis.observe(seen, step)
        return seen

    def command(self, grid: np.ndarray, space: str, step: int, simulation: Any) -> np.ndarray:
        """Return what the robot is commanded of what the policy asked for, (N, A) on the grid of actions."""
        acting = self.having("act")
        if not acting:
            return grid.copy()
        actions = from_grid(grid)
        for axis in acting:
            if step == 0:
                axis.still = simulation.stay(space)
            actions = axis.act(actions, space, step)
        return to_grid(np.clip(actions, *bounds(of_arms(ACTIONS[space], len(simulation.arms)))))

    def judged(self, measurement: M, simulation: SimulationData) -> M:
        """Return a `Measurement` that knows of what the variant forbids to touch."""
        for axis in self.having("illegal"):
            worst = np.maximum(measurement.illegal, axis.illegal(simulation))
            measurement = measurement._replace(illegal=worst)
        return measurement

    def push(self, simulation: Any, step: int) -> None:
        """Act on the running simulation before a control step."""
        for axis in self.having("push"):
            axis.push(simulation, step)


def _copy(model: mujoco.MjModel) -> mujoco.MjModel:
    return model.__copy__()
