"""A policy whose choice of a mode is made for it, for the repair of the representation."""

import numpy as np

from ...envs.errors import BimodalError
from ...envs.random_streams import noise_key, stream
from ...envs.robot.inverse_kinematics import rotation_from_columns
from ...envs.simulation import Simulation
from ...envs.specs import POSITION, ROTATION
from ...policies.core.answers import actions_of
from ...policies.core.policy import Decision, Episodes, Needs, Policy

CANDIDATES = 8
"""Plans that are sampled for each decision."""


class OneMode(Policy):
    """Samples several plans for every decision and takes the one that leads nearest to a given mode.

    The mode is drawn from the episode's noise key, evenly over the modes. All plans are the policy's own,
    with other noise; nothing else is changed.
    """

    description = "Of the policy's own samples the one that goes to a given mode. Reads the simulator."

    def __init__(self, inner: Policy) -> None:
        """Wrap a policy of absolute hand poses that does not read the simulator.

        Raises:
            BimodalError: it is another kind of policy, whose plans cannot be told apart by mode.
        """
        super().__init__(inner.task)
        self.inner = inner
        self._needs = inner.needs()
        if self._needs.action != "ee_absolute" or self._needs.privileged:
            raise BimodalError("the plans of this policy cannot be told apart by mode")

    def needs(self) -> Needs:
        """Return what the policy needs, and the simulator: modes are told apart in the scene's frame."""
        return self._needs._replace(privileged=True)

    def reset(self, episodes: Episodes) -> None:
        """Begin every episode several times with different noise, the first time with its own."""
        assert episodes.simulation is not None
        self._simulation: Simulation = episodes.simulation
        k = len(self.task.modes)
        self._wanted = np.array([stream("wanted mode", int(key)).integers(k) for key in episodes.noise_keys])
        keys = [
            noise_key("candidate", int(key), number) if number else key
            for key in episodes.noise_keys
            for number in range(CANDIDATES)
        ]
        self.inner.reset(Episodes(np.array(keys, np.uint64)))

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return of every episode's sampled chunks the one that ends nearest to the wanted mode."""
        seen = {name: np.repeat(array, CANDIDATES, axis=0) for name, array in observation.items()}
        chunks = actions_of(self.inner.act(seen))
        sampled = chunks.reshape(-1, CANDIDATES, *chunks.shape[1:])
        wanted = self.task.grasps[self._wanted]
        away = np.stack([self._distance(sampled[:, i, -1], wanted) for i in range(CANDIDATES)], axis=1)
        return Decision(sampled[np.arange(len(sampled)), away.argmin(1)])

    def _distance(self, actions: np.ndarray, grasps: np.ndarray) -> np.ndarray:
        """Return how far the first hand's targets (N, A) are from grasps (N, 4): sideways, and the way of
        the pads [m], (N,).
        """
        place = self._simulation.in_frame(actions[:, POSITION])
        axis = rotation_from_columns(actions[:, ROTATION])[..., 0]
        yaw = np.arctan2(axis[:, 1], axis[:, 0]) - self._simulation.frame[:, 2]
        turned = np.abs(np.sin(yaw - grasps[:, 3]))  # the fingers are alike: half a turn is none
        return np.hypot(np.linalg.norm((place - grasps[:, :3])[:, :2], axis=1), 0.04 * turned)
