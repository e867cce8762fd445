"""The class that every perturbation subclasses: one way in which the world differs from training.

A perturbation is one small class in a file of `envs/perturbations/`, with a name, magnitudes and at least one
hook; nothing else is edited (docs/add-a-variant.md). Whatever it draws comes from the generator it is given,
which depends on the perturbation, the level, the task and the episode's seed alone.
"""

from typing import ClassVar

import mujoco
import numpy as np

from ...images import Wording
from ...random_streams import stream
from ...scene_generation.distributions import Family, is_unseen
from ...scene_generation.episode_context import EpisodeContext
from ...simulation_data import SimulationData
from ...task_protocol import Start, TaskProtocol

LEVELS = (0, 1, 2, 3)
"""Level 0 is the clean world; the others grow."""


class Perturbation:
    """A perturbation at one level. Subclasses override the hooks they need; the others do nothing."""

    name: ClassVar[str]
    """`group.what`, e.g. "contact.friction"."""
    unit: ClassVar[str]
    """Of the magnitude, e.g. "x" for a factor, "mm", "control steps"."""
    levels: ClassVar[tuple[float, float, float, float]]
    """Magnitude at levels 0 to 3; at level 0 the hooks change nothing, to the last bit. Where all four are
    written as whole numbers, so are all magnitudes between and beyond them."""
    levels_alone: ClassVar[bool] = False
    """Whether the levels are kinds, not amounts, so that there is no magnitude between or beyond them."""
    family: ClassVar[Family | None] = None
    """Kinds of things that its scenes hold, some of which no train scene has shown."""
    camera: ClassVar[bool] = False
    """Whether it changes the pictures that a policy is given; who reads none has no such world."""
    every_step: ClassVar[bool] = False
    """Whether `perturb_observation` must see every control step, not only the policy's."""

    def __init__(self, level: int) -> None:
        """Take a level, 0 to 3."""
        self.level = level
        self.magnitude = self.levels[level]

    @property
    def label(self) -> str:
        """How it is written in a variant's name, such as "contact.friction:2" or "contact.friction=0.4"."""
        return f"{self.name}:{self.level}"

    def context(self, task: TaskProtocol, seed: int, stream_key: str) -> EpisodeContext:
        """Return what a hook is told of one episode; `stream_key` names what its draws are for."""
        rng = stream("variant", self.name, self.level, task.id, int(seed), stream_key)
        return EpisodeContext(task, int(seed), rng)

    # ------------------------------------------------------------------------------- before an episode

    def perturb_scene(self, spec: mujoco.MjSpec, episode: EpisodeContext) -> None:
        """Change the episode's scene before it is compiled; every episode needs the same number of parts.

        Poses of bodies that are added, free or mocap, are in the scene frame. The scene is drawn again, from
        the same `episode.rng`, until it may be used (`scene_generation/validity.py`); and once more for
        cameras, then with the shells that physics goes without (`envs/base_scene.py`), so `spec.geom(name)`
        of a shell can be None.
        """

    def blocked_mode(self, episode: EpisodeContext) -> int:
        """Return the mode that cannot or should not be taken in this episode, -1 for none."""
        return -1

    def perturb_model(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Change numbers of the episode's compiled model, in place."""

    def perturb_appearance(self, model: mujoco.MjModel, episode: EpisodeContext) -> None:
        """Change the dressed model of the episode, in place: what cameras see, and nothing else."""

    def perturb_start(self, start: Start, episode: EpisodeContext) -> Start:
        """Return where the episode begins."""
        return start

    def joint_offsets(self, episode: EpisodeContext) -> np.ndarray:
        """Return what is added to the arm's joint angles at the start [rad], (7,)."""
        return np.zeros(7)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return the numbers that the hooks below need of one episode; those of N episodes are stacked."""
        return np.zeros(0)

    def episode_steps(self, steps: int) -> int:
        """Return the length of the episodes [control steps]."""
        return steps

    # --------------------------------------------------------------------------------- in the loop

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        """Begin N episodes with their draws (N, ...); memory between steps is kept in `self`."""
        self.task = task
        self.draws = draws

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return what the policy sees of what is there, arrays (N, d)."""
        return seen

    def perturb_instruction(self, said: str, wording: Wording, episode: EpisodeContext) -> str:
        """Return what the policy is told in place of `said`, another sentence of the same wording."""
        return said

    def perturb_action(self, actions: np.ndarray, space: str, step: int, stay: np.ndarray) -> np.ndarray:
        """Return what the robot is commanded of what the policy asked for.

        Args:
            actions: what the policy asked for, (N, A) in `space`.
            space: the action space.
            step: the control step.
            stay: the command that keeps the robot as it was at the start, (N, A).
        """
        return actions

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Act on the running simulation before a control step."""

    def forbidden_force(self, simulation: SimulationData) -> np.ndarray:
        """Return the contact forces [N] on what only this perturbation forbids to touch, (N,)."""
        return np.zeros(simulation.n)

    # --------------------------------------------------------------------------------- what reports ask

    def targeted_mode(self, task: TaskProtocol, seed: int) -> int:
        """Return the mode that an episode favours or blocks, -1 for none; reports count who takes it."""
        return -1

    def has_unseen_kinds(self, task: TaskProtocol, seed: int) -> bool | None:
        """Return whether an episode shows kinds that no train scene has; None without a family of kinds."""
        return is_unseen(seed) if self.family and self.level else None

    def impossible(self, task: TaskProtocol) -> str:
        """Return why a task cannot be perturbed this way, "" if it can; nothing must stay clean silently."""
        return ""

    def unavailable(self, task: TaskProtocol, pictures: bool) -> str:
        """Return why a policy with or without pictures has no such world of a task, "" if it has."""
        return "no camera is observed" if self.camera and not pictures else self.impossible(task)


def drawn_mode(episode: EpisodeContext) -> int:
    """Return one of the task's modes, all equally likely."""
    return int(episode.rng.integers(len(episode.task.grasps)))


def overrides(perturbation: Perturbation | type[Perturbation], hook: str) -> bool:
    """Return whether a perturbation has a hook of its own."""
    kind = perturbation if isinstance(perturbation, type) else type(perturbation)
    return getattr(kind, hook) is not getattr(Perturbation, hook)
