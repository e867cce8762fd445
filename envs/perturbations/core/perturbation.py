"""One way in which the world may shift: the class that every perturbation subclasses.

A perturbation is one small class in a file of `envs/axes/`, with a name, magnitudes and at least one hook;
nothing else is edited (docs/add-a-variant.md). Whatever it draws comes from the generator it is given, which
depends on the axis, the level, the task and the episode's seed alone.
"""

from typing import Any, ClassVar, Protocol

import mujoco
import numpy as np

from ...distributions import Family, is_unseen
from ...random_streams import stream
from ...specs import Spec

LEVELS = (0, 1, 2, 3)
"""Level 0 is the clean world; the others grow."""


class ShiftedTask(Protocol):
    """What an axis may ask of a task."""

    id: ClassVar[str]
    objects: ClassVar[tuple[str, ...]]
    grasps: ClassVar[np.ndarray]
    max_episode_steps: ClassVar[int]
    shared_steps: ClassVar[int]
    centre: ClassVar[tuple[float, float]]

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Observation components."""
        ...


class Axis:
    """A perturbation at one level. Subclasses override the hooks they need; the others do nothing."""

    name: ClassVar[str]
    """`group.what`, e.g. "contact.friction"."""
    unit: ClassVar[str]
    """Of the magnitude, e.g. "x" for a factor, "mm", "control steps"."""
    levels: ClassVar[tuple[float, float, float, float]]
    """Magnitude at levels 0 to 3; at level 0 the hooks change nothing, to the last bit."""
    family: ClassVar[Family | None] = None
    """Kinds of things that its scenes hold, some of which no train scene has shown."""
    every_step: ClassVar[bool] = False
    """Whether `observe` must see every control step, not only those at which the policy decides."""

    def __init__(self, level: int) -> None:
        """Take a level, 0 to 3."""
        self.level = level
        self.magnitude = self.levels[level]
        self.still = np.zeros((0, 0))
        self.seed, self.blocks, self.rejected = 0, -1, 0
        """Seed of the episode whose scene is drawn, the mode that `blocked` gave it, and how many of its
        scenes have been drawn in vain."""

    def rng(self, task: ShiftedTask, seed: int, hook: str) -> np.random.Generator:
        """Return what a hook draws from in one episode."""
        return stream("variant", self.name, self.level, task.id, int(seed), hook)

    # ------------------------------------------------------------------------------- before an episode

    def scene(self, spec: mujoco.MjSpec, task: ShiftedTask, rng: np.random.Generator) -> None:
        """Change the episode's scene before it is compiled; every episode needs the same number of parts.

        Poses of bodies that are added, free or mocap, are in the scene frame. The scene is drawn again, from
        the same `rng`, until it may be used (`scenes/check.py`); and once more for cameras, then with the
        shells that physics goes without (`scenes/clean.py`), so `spec.geom(name)` of a shell can be None.
        """

    def blocked(self, task: ShiftedTask, rng: np.random.Generator) -> int:
        """Return the mode that cannot or should not be taken in this episode, -1 for none."""
        return -1

    def model(self, model: mujoco.MjModel, task: ShiftedTask, rng: np.random.Generator) -> None:
        """Change numbers of the episode's compiled model, in place."""

    def look(self, model: mujoco.MjModel, task: ShiftedTask, rng: np.random.Generator) -> None:
        """Change the dressed model of the episode, in place: what cameras see, and nothing else."""

    def start(self, start: Any, task: ShiftedTask, rng: np.random.Generator) -> Any:
        """Return where the episode begins (a `simulation.Start`)."""
        return start

    def joints(self, task: ShiftedTask, rng: np.random.Generator) -> np.ndarray:
        """Return what is added to the arm's joint angles at the start [rad], (7,)."""
        return np.zeros(7)

    def draw(self, task: ShiftedTask, rng: np.random.Generator) -> np.ndarray:
        """Return the numbers that the hooks below need of one episode; those of N episodes are stacked."""
        return np.zeros(0)

    def horizon(self, steps: int) -> int:
        """Return the length of the episodes [control steps]."""
        return steps

    # --------------------------------------------------------------------------------- in the loop

    def begin(self, task: ShiftedTask, draws: np.ndarray) -> None:
        """Begin N episodes with their draws (N, ...); memory between steps is kept in `self`."""
        self.task, self.draws = task, draws

    def observe(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return what the policy sees of what is there, arrays (N, d)."""
        return seen

    def act(self, actions: np.ndarray, space: str, step: int) -> np.ndarray:
        """Return what the robot is commanded, (N, A) in `space`, of what the policy asked for.

        `self.still` (N, A) is the command that keeps the robot as it was at the start.
        """
        return actions

    def push(self, simulation: Any, step: int) -> None:
        """Act on the running `Simulation` before a control step."""

    def illegal(self, simulation: Any) -> np.ndarray:
        """Return the contact forces [N] on what only this axis forbids to touch, (N,)."""
        return np.zeros(simulation.n)

    # --------------------------------------------------------------------------------- what reports ask

    def aimed(self, task: Any, seed: int) -> int:
        """Return the mode that an episode favours or blocks, -1 for none; reports count who takes it."""
        return -1

    def unseen(self, task: Any, seed: int) -> bool | None:
        """Return whether an episode shows kinds that no train scene has; None without a family of kinds."""
        return is_unseen(seed) if self.family and self.level else None

    def impossible(self, task: Any) -> str:
        """Return why a task cannot be shifted this way, "" if it can; nothing must stay clean silently."""
        return ""


def drawn_mode(task: ShiftedTask, rng: np.random.Generator) -> int:
    """Return one of the task's modes, all equally likely."""
    return int(rng.integers(len(task.grasps)))


def overrides(axis: Axis | type[Axis], hook: str) -> bool:
    """Return whether an axis has a hook of its own."""
    kind = axis if isinstance(axis, type) else type(axis)
    return getattr(kind, hook) is not getattr(Axis, hook)
