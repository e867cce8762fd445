"""Rows of a variant, each with a simulation of its own: a variant remembers one episode."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...envs.errors import WrongUse
from ...envs.simulation import Simulation
from ..core.task import Task
from .episodes import NOT_BEGUN, Episodes, Observation
from .extras import Extras
from .spaces import action_space as action_space_of


class SeparateEpisodes:
    """N rows of a variant, each with a simulation of its own."""

    def __init__(
        self,
        task: Task,
        n: int,
        action: str,
        variant: str,
        reward: str = "sparse",
        clip: bool = False,
        extras: Sequence[Extras] = (),
    ) -> None:
        each = extras or [Extras(task)] * n
        self._rows = [Episodes(task, 1, action, 1, variant, row, reward, clip, each[row]) for row in range(n)]
        self._clip = clip
        self.max_episode_steps = self._rows[0].max_episode_steps
        self._action = action
        self._shape = action_space_of(action, task.arms).shape

    def begin(self, rows: np.ndarray, seeds: list[int]) -> None:
        """Begin episodes `seeds` in `rows` (k,); the other rows go on."""
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            self._rows[row].begin(np.array([0]), [seed])

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Advance one control step; rows that have ended stay as they are."""
        actions = np.asarray(actions, np.float64)
        if actions.shape != (len(self._rows), *self._shape):
            raise WrongUse(f"an action of {self._action} has shape {self._shape}, got {actions.shape[1:]}")
        if not any(row.begun for row in self._rows):
            raise WrongUse(NOT_BEGUN)
        live = [index for index, row in enumerate(self._rows) if not row.ended[0]]
        for index in () if self._clip else live:  # before any row goes on
            self._rows[index].checked(actions[[index]], np.ones(1, bool))
        rewards = np.zeros(len(self._rows))
        infos: list[dict[str, Any]] = [{} for _ in self._rows]
        for index in live:
            reward, info = self._rows[index].step(actions[[index]])
            rewards[index] = reward[0]
            infos[index] = info[0]
        return rewards, infos

    def observe(self) -> Observation:
        """Return every component within its declared range, each (N, d)."""
        seen = [row.observe() for row in self._rows]
        return {name: np.concatenate([one[name] for one in seen]) for name in seen[0]}

    def close(self) -> None:
        """Give the graphics memory back."""
        for row in self._rows:
            row.close()

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """The simulations of the rows, in their order."""
        return tuple(row.simulation for row in self._rows)

    @property
    def ended(self) -> np.ndarray:
        """Which rows' episodes have ended, (N,) bool."""
        return np.concatenate([row.ended for row in self._rows])

    @property
    def terminated(self) -> np.ndarray:
        """Which of them ended by what happened, (N,) bool."""
        return np.concatenate([row.terminated for row in self._rows])

    @property
    def truncated(self) -> np.ndarray:
        """Which of them ended by time, (N,) bool."""
        return np.concatenate([row.truncated for row in self._rows])
