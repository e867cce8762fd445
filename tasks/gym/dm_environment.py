"""`TaskEnvironment("PandaLiftDumbbell-v1")`: a task as a `dm_env.Environment`, for Acme and others.

Its numbers are those of the Gymnasium environment, see docs/spaces.md.
"""

from collections.abc import Iterable
from typing import Any, cast

import dm_env
import gymnasium
import numpy as np
from dm_env import specs

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN
from .env import TaskEnv


class TaskEnvironment(dm_env.Environment):
    """One episode of one task at a time."""

    def __init__(
        self,
        task: str,
        action_space: str = "ee_delta",
        variant: str = CLEAN,
        reward: str = "sparse",
        seeds: Iterable[int] | None = None,
        random: int | None = None,
    ) -> None:
        """Make the environment.

        Args:
            task: id of the task, or its file.
            action_space: `ee_delta`, where everything within the bounds is an action, `ee_absolute` or
                `joint_absolute`.
            variant: shifts the world, e.g. "contact.friction:2".
            reward: "sparse" or "dense", see `dense_reward.py`.
            seeds: the evaluator's episodes to play, one a reset, e.g. range(200); None draws episodes
                outside the panels.
            random: seed of what is drawn.
        """
        self._env = TaskEnv(task, action_space, variant=variant, reward=reward)
        self._seeds = None if seeds is None else iter(seeds)
        if random is not None:
            self._env.np_random = np.random.default_rng(random)
        self._over = True
        self.info: dict[str, Any] = {}
        """What Gymnasium would tell of the last step: `seed`, `is_success`, `label`, `mode` and others."""

    def reset(self) -> dm_env.TimeStep:
        """Begin the next episode.

        Raises:
            WrongUse: all given seeds have been played.
        """
        seed = None if self._seeds is None else next(self._seeds, -1)
        if seed == -1:
            raise WrongUse("all given seeds have been played: make another environment")
        observation, self.info = self._env.reset(seed=seed)
        self._over = False
        return dm_env.restart(observation)

    def step(self, action: np.ndarray) -> dm_env.TimeStep:
        """Advance one control step (50 ms) with an action (A,); after an end it begins another."""
        if self._over:
            return self.reset()
        observation, reward, terminated, truncated, self.info = self._env.step(action)
        self._over = terminated or truncated
        if terminated:
            return dm_env.termination(reward, observation)
        if truncated:
            return dm_env.truncation(reward, observation)
        return dm_env.transition(reward, observation)

    def observation_spec(self) -> dict[str, specs.BoundedArray]:  # type: ignore[override]
        """Return the spec of every component."""
        space = cast("gymnasium.spaces.Dict", self._env.observation_space)
        return {name: _spec(box, name) for name, box in space.items()}

    def action_spec(self) -> specs.BoundedArray:  # type: ignore[override]
        """Return the spec of an action."""
        return _spec(self._env.action_space, "action")

    def close(self) -> None:
        """Give the graphics memory back."""
        self._env.close()


def _spec(space: gymnasium.Space, name: str) -> specs.BoundedArray:
    box = cast("gymnasium.spaces.Box", space)
    return specs.BoundedArray(box.shape, np.float64, box.low, box.high, name)
