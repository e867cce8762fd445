"""What simulations, perturbations and scene generation ask of a task; `tasks.core.task.Task` answers it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Protocol

import mujoco
import numpy as np

from .images import ANY, Wording
from .simulation_data import SimulationData
from .specs import Spec


class Start(NamedTuple):
    """Where one episode begins."""

    poses: dict[str, np.ndarray]
    """Pose of every object the task added: position [m] and quaternion wxyz, world, (7,)."""
    tcp: np.ndarray
    """TCP position of each arm [m], world, (arms, 3)."""
    yaw: np.ndarray
    """Angle of each arm's finger-opening axis about world z [rad], (arms,); the hands point down."""
    frame: np.ndarray
    """The scene frame's origin x, y [m] and yaw [rad], world, (3,): tasks think in this frame."""
    ways: Mapping[str, float] = MappingProxyType({})
    """How far each sliding body has come that does not begin at 0 [m]."""
    velocities: Mapping[str, np.ndarray] = MappingProxyType({})
    """Velocity of each body that does not begin at rest [m/s]: of a free one in the world, (3,); of a
    sliding one along its axis, (1,)."""


class HandPath(Protocol):
    """The path of one hand of an expert."""

    def actions(self, frame: np.ndarray) -> np.ndarray:
        """Return its `ee_absolute` actions (N, T, 10) in scene frames (N, 3)."""
        ...


class TaskProtocol(Protocol):
    """A task as the rooms below `tasks/` see it; what each member means is written at `Task`."""

    id: ClassVar[str]
    goal: ClassVar[str]
    supersedes: ClassVar[str]
    arms: ClassVar[int]
    modes: ClassVar[tuple[str, ...]]
    objects: ClassVar[tuple[str, ...]]
    grasps: ClassVar[np.ndarray]
    max_episode_steps: ClassVar[int]
    shared_steps: ClassVar[int]
    centre: ClassVar[tuple[float, float]]

    @property
    def observation(self) -> tuple[Spec, ...]:
        """Observation components."""
        ...

    def wording(self, mode: str = ANY) -> Wording:
        """Return the sentences that ask for a mode by its name."""
        ...

    def spec(self) -> mujoco.MjSpec:
        """Return the physics scene."""
        ...

    def poses(self) -> dict[str, tuple[float, float, float]]:
        """Return where each body rests in the scene frame [m]."""
        ...

    def hands(self) -> np.ndarray:
        """Return where the hands start on average, scene frame: x, y, z [m] and yaw [rad], (arms, 4)."""
        ...

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's start."""
        ...

    def observe(self, simulation: SimulationData) -> dict[str, np.ndarray]:
        """Return the task's own observation components, each (N, d)."""
        ...

    def plan(
        self, simulation: SimulationData, modes: np.ndarray, starts: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the expert's `ee_absolute` actions, (N, T, 10 arms), from the hands or TCPs `starts`."""
        ...

    def paths(self, starts: np.ndarray, modes: np.ndarray) -> Sequence[HandPath]:
        """Return the path of each arm of the expert, from TCPs (arms, N, 3), scene frame, in `modes` (N,)."""
        ...

    def drift(self, simulation: SimulationData, steps: np.ndarray) -> np.ndarray:
        """Return how far objects will have moved by themselves after `steps` (T,) [m], world, (N, T, 2)."""
        ...

    def mixture(self, hand: np.ndarray) -> np.ndarray:
        """Return where hands (..., 4), scene frame, stand between the modes: alpha, (...)."""
        ...

    def in_dead_zone(self, alpha: np.ndarray) -> np.ndarray:
        """Return whether acting at alpha (...) is acting between the modes, bool."""
        ...
