"""What a policy sees of N episodes before a decision: state, pictures and words, as the variant shows them.

A policy that asks for a past in `needs()` sees the last control steps, the oldest first, each as it was shown
then; before the first there is that one again. Pictures are drawn for decisions only, and only those that it
asks for.
"""

import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from ...envs.images import ANY, IMAGES, INSTRUCTION
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...policies.core.policy import Needs
from ...tasks.core import episode_step
from ...tasks.core.task import Task

if TYPE_CHECKING:
    from ...envs.rendering.episode_pictures import EpisodePictures


class Observer:
    """Looks at the episodes of one simulation for one policy."""

    def __init__(
        self, task: Task, simulation: Simulation, needs: Needs, asked: np.ndarray | None = None
    ) -> None:
        """Look at episodes that have begun; `asked` is the mode of each, (N,) int, None for any."""
        self.drawing_s = 0.0
        """Processor time that went into pictures [s]."""
        self._asked = asked
        self._said: np.ndarray | None = None
        self._task = task
        self._simulation = simulation
        self._needs = needs
        names = [name for name in needs.observations if name in IMAGES]
        self._pictures = _pictures(task, simulation, names, needs.image_size) if names else None
        self._films: dict[str, deque[np.ndarray]] = {}

    def see(self, step: int, running: np.ndarray) -> dict[str, np.ndarray] | None:
        """Return what the policy sees before control step `step`; None where it is not asked.

        Call it in every control step: a variant may have to see it, or the policy looks back at it.

        Args:
            step: control steps since the episodes began.
            running: which episodes still run, (N,) bool; no pictures are drawn of the others.
        """
        ahead = -step % self._needs.n_action_steps  # control steps until the next decision
        every_step = self._simulation.variant.every_step
        drawing = self._pictures is not None and (every_step or ahead < self._needs.image_frames)
        if not (drawing or every_step or ahead < self._needs.n_obs_steps):
            return None
        pictures = self._take(running) if drawing else episode_step.NO_PICTURES
        seen = episode_step.observe(self._simulation, step, pictures)
        for name, values in seen.items():
            frames = self._frames(name)
            self._films.setdefault(name, deque([values] * frames, frames)).append(values)
        return None if ahead else self._shown()

    def _frames(self, name: str) -> int:
        """Return of how many control steps the policy sees a component."""
        return self._needs.image_frames if name in IMAGES else self._needs.n_obs_steps

    def _take(self, running: np.ndarray) -> dict[str, np.ndarray]:
        if self._pictures is None:
            return {}
        begin = time.process_time()
        pictures = self._pictures.take(self._simulation.seeds, self._simulation.state(), running)
        self.drawing_s += time.process_time() - begin
        return pictures

    def _shown(self) -> dict[str, np.ndarray]:
        """Return copies: a variant may remember what it showed, and must not show what the policy wrote."""
        names = self._needs.observations or tuple(self._films)
        return {name: self._words() if name == INSTRUCTION else self._film(name) for name in names}

    def _words(self) -> np.ndarray:
        if self._said is None:
            self._said = instructions(self._task, self._simulation, self._asked)
        return self._said.copy()

    def _film(self, name: str) -> np.ndarray:
        film = self._films[name]
        return film[0].copy() if len(film) == 1 else np.stack(film, axis=1)

    def close(self) -> None:
        """Give the graphics memory back."""
        if self._pictures:
            self._pictures.close()


def instructions(task: Task, simulation: Simulation, asked: np.ndarray | None = None) -> np.ndarray:
    """Return what each of N episodes that have begun is told to do, as the variant says it, (N,) str.

    `asked` is the mode that each is asked for, (N,) int; None for any.
    """
    modes = [ANY] * simulation.n if asked is None else [task.modes[mode] for mode in asked]
    pairs = zip(simulation.seeds.tolist(), modes, strict=True)
    return np.array([simulation.variant.instruction(task, seed, mode) for seed, mode in pairs])


def _pictures(task: Task, simulation: Simulation, names: list[str], size: int) -> "EpisodePictures":
    """Load what draws; policies that read no pictures need not wait for it."""
    from ...envs.rendering.episode_pictures import EpisodePictures

    variant = simulation.variant if isinstance(simulation.variant, Variant) else Variant()
    return EpisodePictures(task, variant, names, size)
