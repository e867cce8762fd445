"""The floors of every score: `mean` averages by construction, `zero` and `random` no task may reward."""

import numpy as np

from ..envs.random_streams import stream
from ..envs.simulation import Simulation
from ..envs.specs import GRIPPER, OPENING_HIGH, POSITION, PREFIXES, bounds
from .core.policy import CHUNK_SIZE, Decision, Episodes, Policy
from .experts import Planned


class MeanOfModes(Planned):
    """Executes the average of the experts' plans: averaging by construction."""

    name = "mean"
    description = "The average of the scripted experts' plans. Reads the simulator."

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the mean over the modes of the experts' plans."""
        modes = range(len(self.task.modes))
        return np.mean([self.task.plan(simulation, np.full(simulation.n, mode)) for mode in modes], axis=0)


class Zero(Policy):
    """Keeps the hands where they are, the grippers open."""

    name = "zero"
    description = "Keeps still."

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the current poses as the target."""
        return Decision(np.repeat(_stay(observation, self.task.arms)[:, None], CHUNK_SIZE, axis=1))


class Random(Policy):
    """Moves every hand at random around where it is and opens and closes the gripper."""

    name = "random"
    description = "Random motion: uniform steps of up to 5 cm, random gripper."

    def reset(self, episodes: Episodes) -> None:
        """Remember the noise keys."""
        self._keys = episodes.noise_keys
        self._decision = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return a random walk of targets around the current poses."""
        low, high = bounds(self.task.actions("ee_absolute"))
        chunk = np.repeat(_stay(observation, self.task.arms)[:, None], CHUNK_SIZE, axis=1)
        for row, key in enumerate(self._keys):
            rng = stream("random policy", int(key), self._decision)
            for arm in np.split(chunk[row], self.task.arms, axis=1):
                arm[:, POSITION] += np.cumsum(rng.uniform(-0.05, 0.05, (CHUNK_SIZE, 3)), axis=0)
                arm[:, GRIPPER] = rng.uniform(low[GRIPPER], high[GRIPPER], CHUNK_SIZE)
        self._decision += 1
        return Decision(np.clip(chunk, low, high))


def _stay(observation: dict[str, np.ndarray], arms: int) -> np.ndarray:
    """Return the action that keeps the hands where they are, grippers open, (N, 10 arms)."""
    parts = []
    for prefix in PREFIXES[:arms]:
        position = observation[f"{prefix}tcp_position"]
        rotation = observation[f"{prefix}tcp_rotation"]
        parts += [position, rotation, np.full((len(position), 1), OPENING_HIGH)]
    return np.concatenate(parts, axis=1)
