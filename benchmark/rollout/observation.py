"""What a policy sees of N episodes before a decision: state, pictures and words, as the variant shows them.

Pictures are drawn for decisions only, and only those that the policy asks for in `needs()`.
"""

import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from ...envs.images import IMAGES, INSTRUCTION
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...policies.core.policy import Needs
from ...tasks.core import episode_step
from ...tasks.core.task import Task

if TYPE_CHECKING:
    from ...envs.rendering.episode_pictures import EpisodePictures


class Observer:
    """Looks at the episodes of one simulation for one policy."""

    def __init__(self, task: Task, simulation: Simulation, needs: Needs) -> None:
        self.drawing_s = 0.0
        """Processor time that went into pictures [s]."""
        self._task = task
        self._simulation = simulation
        self._needs = needs
        names = [name for name in needs.observations if name in IMAGES]
        self._pictures = _pictures(task, simulation, names, needs.image_size) if names else None
        self._films = {name: deque[np.ndarray](maxlen=needs.image_frames) for name in names}

    def see(self, step: int, running: np.ndarray) -> dict[str, np.ndarray] | None:
        """Return what the policy sees before control step `step`; None where it is not asked.

        Call it in every control step: a variant may have to see it, or the policy looks back at it.

        Args:
            step: control steps since the episodes began.
            running: which episodes still run, (N,) bool; no pictures are drawn of the others.
        """
        ahead = -step % self._needs.n_action_steps  # control steps until the next decision
        filming = self._pictures is not None and ahead < self._needs.image_frames
        if ahead and not filming and not self._simulation.variant.every_step:
            return None
        seen = episode_step.observe(self._simulation, step, self._take(running))
        for name, film in self._films.items():
            film.extend([seen[name]] * (1 if film else self._needs.image_frames))
        return None if ahead else self._shown(seen)

    def _take(self, running: np.ndarray) -> dict[str, np.ndarray]:
        if self._pictures is None:
            return {}
        begin = time.process_time()
        pictures = self._pictures.take(self._simulation.seeds, self._simulation.state(), running)
        self.drawing_s += time.process_time() - begin
        return pictures

    def _shown(self, seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return copies: a variant may remember what it showed, and must not show what the policy wrote."""
        names = self._needs.observations or tuple(seen)
        if INSTRUCTION in names:
            seen = seen | {INSTRUCTION: np.full(self._simulation.n, self._task.goal)}
        if self._needs.image_frames > 1:
            seen = seen | {name: np.stack(film, axis=1) for name, film in self._films.items()}
        return {name: seen[name].copy() for name in names}

    def close(self) -> None:
        """Give the graphics memory back."""
        if self._pictures:
            self._pictures.close()


def _pictures(task: Task, simulation: Simulation, names: list[str], size: int) -> "EpisodePictures":
    """Load what draws; policies that read no pictures need not wait for it."""
    from ...envs.rendering.episode_pictures import EpisodePictures

    variant = simulation.variant if isinstance(simulation.variant, Variant) else Variant()
    return EpisodePictures(task, variant, names, size)
