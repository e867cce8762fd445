"""A policy without noise of its own, shaken a little in re-runs, which else would all be one and the same."""

from collections.abc import Collection

import numpy as np

from ...envs.perturbations.actuation import ActionNoise
from ...envs.random_streams import stream
from ...envs.specs import bounds
from ...policies.core.answers import actions_of
from ...policies.core.policy import Decision, Episodes, Needs, Policy

SHAKE = ActionNoise(2)
"""By how much: 1 mm, as demonstrations are shaken."""


class Shaken(Policy):
    """Executes another policy's actions with a little noise of each episode's key."""

    description = "A policy without noise of its own, shaken by 1 mm."

    def __init__(self, inner: Policy, still: Collection[int]) -> None:
        """Shake `inner`, but not in episodes whose noise keys are in `still`, to the last bit."""
        super().__init__(inner.task)
        self.inner = inner
        self.clip = inner.clip
        self._needs = inner.needs()
        self._still = frozenset(still)

    def needs(self) -> Needs:
        """Return what the policy needs."""
        return self._needs

    def reset(self, episodes: Episodes) -> None:
        """Begin new episodes, each with its own numbers."""
        self.inner.reset(episodes)
        keys = [int(key) for key in episodes.noise_keys]
        shape = (self.task.max_episode_steps + self._needs.n_action_steps, self.task.arms, 7)
        self._shake = ActionNoise(SHAKE.level)
        self._shake.reset(
            self.task, np.stack([stream("shaken policy", key).standard_normal(shape) for key in keys])
        )
        self._kept = np.array([key in self._still for key in keys])
        self._step = 0

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the policy's actions, shaken and within the bounds."""
        space = self._needs.action
        count = self._needs.n_action_steps
        asked = actions_of(self.inner.act(observation))[:, :count]
        shaken = [
            self._shake.perturb_action(asked[:, i], space, self._step + i, asked[:, 0]) for i in range(count)
        ]
        self._step += count
        inside = np.clip(np.stack(shaken, axis=1), *bounds(self.task.actions(space)))
        return Decision(np.where(self._kept[:, None, None], asked, inside))
