"""Nearest-neighbour chunks: replay what the most similar demonstrated moment was followed by."""

from pathlib import Path

import numpy as np

from ..tasks.task import Task
from .base import Decision, Needs, Policy
from .chunk_policy import tidy
from .normaliser import Normaliser
from .windows import ACTION, load_demonstrations, make_windows


class Nearest(Policy):
    """One neighbour in normalised observations; commits to a mode, but copies one demonstration's aim."""

    description = "The chunk that followed the most similar demonstrated observation."

    def __init__(self, task: Task, demonstrations: Path, execute: int = 8) -> None:
        """Read the demonstrations.

        Args:
            task: the task to act in.
            demonstrations: an npz file of this task.
            execute: actions executed of each chunk.
        """
        super().__init__(task)
        demos = load_demonstrations(demonstrations, task.id)
        windows = make_windows(demos)
        self.training = demos.meta
        self._names = tuple(component.name for component in windows.components)
        self._normaliser = Normaliser.of_observations(windows.observations)
        self._points = self._normaliser.normalise(windows.observations)
        self._chunks = windows.chunks
        self._execute = execute

    def needs(self) -> Needs:
        """Return all components of the demonstrations."""
        return Needs(self._names, ACTION, self._execute)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the chunk (N, H, A) of the nearest window of each row; the first one if several tie."""
        parts = [np.asarray(observation[name], np.float64) for name in self._names]
        seen = self._normaliser.normalise(np.concatenate(parts, axis=1))
        nearest = [int(np.square(self._points - row).sum(axis=1).argmin()) for row in seen]
        return Decision(tidy(self._chunks[nearest], ACTION))
