"""Variants: the same episode with something shifted. `contact.friction:2+sensing.latency=3` names one.

An episode in a variant and its clean twin differ in nothing else: the scene, the hand and the policy's noise
come from the same streams, and every perturbation draws from a stream of its own.
"""

import mujoco
import numpy as np

from ...base_scene import clean_spec, lean_spec
from ...errors import WrongUse, unknown_name
from ...perturber import M, Perturber, Seeds
from ...scene_generation.generator import redrawn, with_added, world
from ...simulation_data import SimulationData
from ...specs import ACTIONS, bounds, from_grid, of_arms, to_grid
from ...task_protocol import Start, TaskProtocol
from .magnitudes import Part, read_part
from .perturbation import LEVELS, Perturbation, overrides
from .registry import HOOKS, PERTURBATIONS, perturbations

CLEAN = "clean"
"""Name of the world as the task defines it."""
COMBO = "combo"
"""Name of the combination, as if it were a perturbation: `combo:2`."""
COMBINED = ("contact.friction", "sensing.noise", "actuation.delay", "start.bias", "scene.size")
"""Its perturbations, all at its level: one of every group that leaves the episode its length."""


def named(name: str) -> tuple[Part, ...]:
    """Return the parts of a variant's name as they are written, () for `clean`.

    Raises:
        WrongUse: no such perturbation, level or magnitude.
    """
    if name == CLEAN:
        return ()
    parts: list[Part] = []
    for text in name.split("+"):
        one, sign, value = next((text.partition(sign) for sign in ":=" if sign in text), (text, "", ""))
        if one != COMBO and one not in perturbations():
            near = unknown_name("variant", one, [CLEAN, COMBO, *perturbations()])
            raise WrongUse(f"{near}; for one of your own name its file in {PERTURBATIONS.variable}")
        if sign == "=" and one != COMBO:
            parts.append(read_part(perturbations()[one], value))
        elif sign == ":" and value in map(str, LEVELS):
            parts.append(Part(one, int(value)))
        else:
            raise WrongUse(f"variant {text!r} has no such level; write {one}:1, {one}:2 or {one}:3")
    return tuple(parts)


def parse(name: str) -> tuple[Part, ...]:
    """Return the perturbations of a variant's name with their levels, those of the combination one by one.

    Raises:
        WrongUse: no such perturbation, level or magnitude, or one that is named twice.
    """
    written = named(name)
    parts = [part._replace(perturbation=one) for part in written for one in _perturbations_of(part)]
    names = [part.perturbation for part in parts]
    if twice := [one for one in names if names.count(one) > 1]:
        raise WrongUse(f"variant {name!r} names {twice[0]} twice")
    return tuple(parts)


def _perturbations_of(part: Part) -> tuple[str, ...]:
    return COMBINED if part.perturbation == COMBO else (part.perturbation,)


class Variant(Perturber):
    """Some perturbations, each at a level or magnitude, applied to the N episodes of one simulation."""

    def __init__(self, name: str = CLEAN) -> None:
        """Parse a variant's name; see `parse`. What has a level of its magnitude is named by it."""
        self.parts: list[Perturbation] = [part.built() for part in parse(name)]
        self.name = "+".join(map(str, named(name))) or CLEAN
        self._stay = np.zeros((0, 0))

    def having(self, hook: str) -> list[Perturbation]:
        """Return the perturbations that have a hook of their own."""
        return [one for one in self.parts if overrides(one, hook)]

    def impossible(self, task: TaskProtocol, pictures: bool = False) -> str:
        """Return which perturbation a task cannot have, and why; "" if all are possible.

        `pictures` says whether the policy reads any.
        """
        reasons = ((one, one.unavailable(task, pictures)) for one in self.parts)
        return next((f"{one.label} is impossible: {why}" for one, why in reasons if why), "")

    def unseen(self, pictures: bool, words: bool = True) -> str:
        """Return which perturbation never reaches a policy, and why; "" if all can.

        Called where somebody asks to score a variant; videos of it may be drawn all the same.

        Args:
            pictures: whether the policy reads pictures.
            words: whether it reads the instruction.
        """
        for one in self.parts:
            if not one.level:
                return f"{one.name}:0 is the clean world; write {one.name}:1, {one.name}:2 or {one.name}:3"
            hooks = [hook for hook in HOOKS if overrides(one, hook)]
            if (one.camera or hooks == ["perturb_appearance"]) and not pictures:
                return f"{one.label} changes pictures only"
            if hooks == ["perturb_instruction"] and not words:
                return f"{one.label} changes the instruction only"
        return ""

    def check(self, task: TaskProtocol) -> None:
        """Refuse what is impossible.

        Raises:
            WrongUse: a perturbation would change nothing of this task, or what cannot be.
        """
        if why := self.impossible(task, pictures=True):  # who gives no pictures asks `impossible`
            raise WrongUse(f"{task.id}: {why}")

    # ------------------------------------------------------------------------------- before an episode

    def spec(self, task: TaskProtocol, seed: int) -> mujoco.MjSpec:
        scenes = self.having("perturb_scene")
        return redrawn(scenes, task, int(seed), lean_spec(task)) if scenes else lean_spec(task)

    def drawn(self, task: TaskProtocol, seed: int) -> mujoco.MjSpec:
        """Return the scene of one episode with all that is only seen."""
        scenes = self.having("perturb_scene")
        return redrawn(scenes, task, int(seed), clean_spec(task)) if scenes else task.spec()

    def blocked_mode(self, task: TaskProtocol, seed: int) -> int:
        """Return the mode that is blocked in one episode, -1 for none."""
        blocking = self.having("blocked_mode")
        return max((one.blocked_mode(one.context(task, seed, "blocked")) for one in blocking), default=-1)

    def targeted_mode(self, task: TaskProtocol, seed: int) -> int:
        """Return the mode that one episode favours or blocks, by the first perturbation that does, or -1."""
        return next((mode for one in self.parts if (mode := one.targeted_mode(task, int(seed))) >= 0), -1)

    def has_unseen_kinds(self, task: TaskProtocol, seed: int) -> bool | None:
        """Return whether one episode shows kinds that no train scene has; None where none differ."""
        each = [one.has_unseen_kinds(task, int(seed)) for one in self.parts]
        known = [found for found in each if found is not None]
        return any(known) if known else None

    def perturb_appearance(self, model: mujoco.MjModel, task: TaskProtocol, seed: int) -> None:
        """Change the dressed model of one episode, in place."""
        for one in self.having("perturb_appearance"):
            one.perturb_appearance(model, one.context(task, seed, "look"))

    def models(self, base: mujoco.MjModel, task: TaskProtocol, seeds: Seeds) -> list[mujoco.MjModel] | None:
        scenes = self.having("perturb_scene")
        numbers = self.having("perturb_model")
        if not scenes and not numbers:
            return None
        found = []
        for seed in seeds:
            model = world(scenes, task, int(seed)).model if scenes else base
            model = _copy(model) if numbers else model
            for one in numbers:
                one.perturb_model(model, one.context(task, seed, "model"))
            found.append(model)
        return found

    def perturb_start(self, start: Start, task: TaskProtocol, seed: int) -> Start:
        for one in self.having("perturb_start"):
            start = one.perturb_start(start, one.context(task, seed, "start"))
        scenes = self.having("perturb_scene")
        return with_added(start, world(scenes, task, int(seed))) if scenes else start

    def joint_offsets(self, task: TaskProtocol, seeds: Seeds) -> np.ndarray | None:
        moved = self.having("joint_offsets")
        if not moved:
            return None
        each = [[one.joint_offsets(one.context(task, s, "joints")) for one in moved] for s in seeds]
        return np.sum(each, axis=1)

    def episode_steps(self, steps: int) -> int:
        for one in self.parts:
            steps = one.episode_steps(steps)
        return steps

    # --------------------------------------------------------------------------------- in the loop

    def reset(self, task: TaskProtocol, seeds: Seeds) -> None:
        for one in self.parts:
            draws = np.zeros((len(seeds), 0))
            if overrides(one, "draw_numbers"):
                draws = np.stack([one.draw_numbers(one.context(task, s, "draw")) for s in seeds])
            one.reset(task, draws)

    @property
    def every_step(self) -> bool:
        return any(one.every_step for one in self.parts)

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        for one in self.having("perturb_observation"):
            seen = one.perturb_observation(seen, step)
        return seen

    def instruction(self, task: TaskProtocol, seed: int, mode: str) -> str:
        said = super().instruction(task, seed, mode)
        for one in self.having("perturb_instruction"):
            said = one.perturb_instruction(said, task.wording(mode), one.context(task, seed, "instruction"))
        return said

    def perturb_action(
        self, grid: np.ndarray, space: str, step: int, simulation: SimulationData
    ) -> np.ndarray:
        acting = self.having("perturb_action")
        if not acting:
            return grid.copy()
        actions = from_grid(grid)
        if step == 0:
            self._stay = simulation.stay(space)
        for one in acting:
            actions = one.perturb_action(actions, space, step, self._stay)
        return to_grid(np.clip(actions, *bounds(of_arms(ACTIONS[space], len(simulation.arms)))))

    def judged(self, measurement: M, simulation: SimulationData) -> M:
        for one in self.having("forbidden_force"):
            worst = np.maximum(measurement.illegal, one.forbidden_force(simulation))
            measurement = measurement._replace(illegal=worst)
        return measurement

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        for one in self.having("perturb_simulation"):
            one.perturb_simulation(simulation, step)


def _copy(model: mujoco.MjModel) -> mujoco.MjModel:
    return model.__copy__()
