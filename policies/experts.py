"""Policies that need no training: scripted experts, their average, and the floors.

`expert` is the ceiling of every score (a fair coin picks the mode), `mean` the policy that averages by
construction, `zero` and `random` what no task may reward.
"""

import numpy as np

from ..envs.simulation import Simulation
from ..envs.specs import ACTIONS, OPENING_HIGH, bounds
from ..envs.streams import stream
from .base import Decision, Episodes, Needs, Policy

CHUNK = 16
"""Actions in a chunk."""


class Planned(Policy):
    """Executes a plan made once, at the start, from the simulator."""

    def needs(self) -> Needs:
        """Return that it reads the simulator."""
        return Needs(execute=CHUNK, privileged=True)

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the actions of whole episodes, (N, T, A)."""
        raise NotImplementedError

    def reset(self, episodes: Episodes) -> None:
        """Make the plan."""
        if episodes.simulation is None:
            raise ValueError("a scripted expert needs the simulation")
        self._plan = self.plan(episodes.simulation, episodes)
        self._step = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the next part of the plan; its last action for ever after."""
        steps = np.minimum(np.arange(self._step, self._step + CHUNK), self._plan.shape[1] - 1)
        self._step += CHUNK
        return Decision(self._plan[:, steps])


class Expert(Planned):
    """A scripted expert that picks its mode by a fair coin."""

    description = "Scripted expert; a fair coin picks the mode. Reads the simulator."

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the expert's plan in a mode drawn from each episode's noise key."""
        coins = [stream("coin", int(key)).integers(len(self.task.modes)) for key in episodes.noise_keys]
        return self.task.plan(simulation, np.array(coins))


class MeanOfModes(Planned):
    """Executes the average of the experts' plans: averaging by construction."""

    description = "The average of the scripted experts' plans. Reads the simulator."

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the mean over the modes of the experts' plans."""
        modes = range(len(self.task.modes))
        return np.mean([self.task.plan(simulation, np.full(simulation.n, mode)) for mode in modes], axis=0)


class Zero(Policy):
    """Keeps the hand where it is, the gripper open."""

    description = "Keeps still."

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the current pose as the target."""
        return Decision(np.repeat(_stay(observation)[:, None], CHUNK, axis=1))


class Random(Policy):
    """Moves the hand at random around where it is and opens and closes the gripper."""

    description = "Random motion: uniform steps of up to 5 cm, random gripper."

    def reset(self, episodes: Episodes) -> None:
        """Remember the noise keys."""
        self._keys = episodes.noise_keys
        self._decision = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return a random walk of targets around the current pose."""
        low, high = bounds(ACTIONS["ee_absolute"])
        chunk = np.repeat(_stay(observation)[:, None], CHUNK, axis=1)
        for row, key in enumerate(self._keys):
            rng = stream("random policy", int(key), self._decision)
            chunk[row, :, :3] += np.cumsum(rng.uniform(-0.05, 0.05, (CHUNK, 3)), axis=0)
            chunk[row, :, 9] = rng.uniform(low[9], high[9], CHUNK)
        self._decision += 1
        return Decision(np.clip(chunk, low, high))


def _stay(observation: dict[str, np.ndarray]) -> np.ndarray:
    """Return the action that keeps the hand where it is, gripper open, (N, 10)."""
    position, rotation = observation["tcp_position"], observation["tcp_rotation"]
    return np.concatenate([position, rotation, np.full((len(position), 1), OPENING_HIGH)], axis=1)
