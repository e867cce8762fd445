"""What a policy is. Subclass `Policy`, write `act`, and every evaluator of the suite can run it."""

from typing import NamedTuple

import numpy as np

from ..envs.simulation import Simulation
from ..tasks.task import Task


class Needs(NamedTuple):
    """What a policy wants to see and what it emits; checked before the first episode."""

    observations: tuple[str, ...] = ()
    """Names of the observation components it reads, in its own order; () for all of them."""
    action: str = "ee_absolute"
    """Action space: `ee_absolute`, `ee_delta` or `joint_absolute`."""
    execute: int = 8
    """Actions executed of each chunk before the next decision."""
    privileged: bool = False
    """Whether it reads the simulator itself (experts, MPC); scored on a track of its own."""


class Episodes(NamedTuple):
    """What a policy may know of the N episodes that it is about to control."""

    noise_keys: np.ndarray
    """Keys of the policy's own noise, independent of the scene, (N,) uint64."""
    simulation: Simulation | None = None
    """The simulator, for privileged policies only."""


class Decision(NamedTuple):
    """What a policy wants to do next in each of N episodes."""

    actions: np.ndarray
    """A chunk of H >= execute actions for each episode, (N, H, A)."""


class Policy:
    """Base of every policy: N episodes in lock-step, one decision every `execute` control steps."""

    description: str = ""
    """One sentence for the leaderboard."""
    training: dict | None = None
    """What it was trained on, for the leaderboard."""
    parameters: int | None = None
    """Number of learned parameters."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def needs(self) -> Needs:
        """Return what the policy reads and emits."""
        return Needs()

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes."""

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next chunk of actions.

        Args:
            observation: the components named in `needs().observations`, each (N, d), SI units.
        """
        raise NotImplementedError

    def artifacts(self) -> dict[str, str]:
        """Return the files that make up the policy, {name: sha256}."""
        return {}
