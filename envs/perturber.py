"""What a simulation asks of a variant; the base class leaves every episode as the task defines it."""

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import mujoco
import numpy as np

from .base_scene import lean_spec
from .simulation_data import SimulationData
from .task_protocol import Start, TaskProtocol

Seeds = Sequence[int] | np.ndarray
"""Seeds of N episodes."""


class TouchMeasurement(Protocol):
    """The part of a measurement that a variant may change."""

    @property
    def illegal(self) -> np.ndarray:
        """Contact force on what must not be touched [N], (N,)."""
        ...

    def _replace(self, **changes: np.ndarray) -> Self: ...


M = TypeVar("M", bound=TouchMeasurement)


class Perturber:
    """Changes nothing: clean episodes. `perturbations.core.variant.Variant` overrides every method."""

    name = "clean"

    def check(self, task: TaskProtocol) -> None:
        """Refuse tasks that cannot be changed this way."""

    def spec(self, task: TaskProtocol, seed: int) -> mujoco.MjSpec:
        """Return the scene of one episode without what is only seen; copy it before you change it."""
        return lean_spec(task)

    def models(self, base: mujoco.MjModel, task: TaskProtocol, seeds: Seeds) -> list[mujoco.MjModel] | None:
        """Return every episode's model; None when none differs from `base`, the task's compiled scene."""
        return None

    def reset(self, task: TaskProtocol, seeds: Seeds) -> None:
        """Begin the episodes."""

    def perturb_start(self, start: Start, task: TaskProtocol, seed: int) -> Start:
        """Return where one episode begins."""
        return start

    def joint_offsets(self, task: TaskProtocol, seeds: Seeds) -> np.ndarray | None:
        """Return what is added to the arms' joint angles at the start [rad], (N, 7); None for nothing."""
        return None

    def episode_steps(self, steps: int) -> int:
        """Return the length of the episodes [control steps]."""
        return steps

    # ------------------------------------------------- in a control step, see `tasks.core.episode_step`

    @property
    def every_step(self) -> bool:
        """Whether `perturb_observation` must see every control step."""
        return False

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return what the policy sees of what is there, arrays (N, d)."""
        return seen

    def instruction(self, task: TaskProtocol, seed: int, mode: str) -> str:
        """Return what one episode is told to do: a sentence that asks for a mode by its name, or for any."""
        return task.wording(mode).seen[0]

    def perturb_action(
        self, grid: np.ndarray, space: str, step: int, simulation: SimulationData
    ) -> np.ndarray:
        """Return what the robot is commanded of what the policy asked for, (N, A) on the grid of actions."""
        return grid.copy()

    def perturb_simulation(self, simulation: SimulationData, step: int) -> None:
        """Act on the running simulation before a control step."""

    def judged(self, measurement: M, simulation: SimulationData) -> M:
        """Return a measurement that knows of what else must not be touched."""
        return measurement


UNPERTURBED = Perturber()
"""For simulations of clean episodes; it holds no state, so all may share it."""
