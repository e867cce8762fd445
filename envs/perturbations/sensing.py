"""What the policy sees is not what is there: noise, bias, gaps and delay."""

import numpy as np

from ..frames import heading, rotated
from ..scene_generation.episode_context import EpisodeContext
from ..task_protocol import TaskProtocol
from .core.perturbation import Perturbation


def shifted(seen: dict[str, np.ndarray], body: str, by: np.ndarray, turn: np.ndarray) -> None:
    """Move the observed pose of a body, in place: its position by (N, 3) [m], its heading by (N,) [rad], each
    where it is observed.
    """
    if f"{body}_position" in seen:
        seen[f"{body}_position"] = seen[f"{body}_position"] + by
    if f"{body}_heading" not in seen:
        return
    cosine, sine = seen[f"{body}_heading"].T
    seen[f"{body}_heading"] = np.stack(rotated(cosine, sine, turn), axis=1)


class PoseNoise(Perturbation):
    """The observed poses of the objects scatter, anew in every control step."""

    name = "sensing.noise"
    unit = "mm"
    levels = (0.0, 2.0, 5.0, 10.0)
    degrees_per_mm = 0.6
    """Scatter of the heading that comes with it [degrees/mm]."""

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return standard normal numbers, (steps, objects, 4)."""
        return episode.rng.standard_normal((episode.task.max_episode_steps, len(episode.task.objects), 4))

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        seen = dict(seen)
        numbers = self.draws[:, step] * self.magnitude
        for index, body in enumerate(self.task.objects):
            turn = np.deg2rad(self.degrees_per_mm * numbers[:, index, 3])
            shifted(seen, body, 1e-3 * numbers[:, index, :3], turn)
        return seen


class PoseBias(Perturbation):
    """All objects are seen beside where they are, the same way all episode: a camera out of calibration."""

    name = "sensing.bias"
    unit = "mm"
    levels = (0.0, 5.0, 10.0, 20.0)

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return a horizontal direction, (3,)."""
        return np.array([*heading(episode.rng.uniform(0, 2 * np.pi)), 0.0])

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        seen = dict(seen)
        names = [f"{body}_position" for body in self.task.objects]
        for name in filter(seen.__contains__, names):  # of some objects no position is shown
            seen[name] = seen[name] + 1e-3 * self.magnitude * self.draws
        return seen


class Dropout(Perturbation):
    """Measurements of the objects go missing; the last one that came is seen again."""

    name = "sensing.dropout"
    unit = "share of control steps"
    levels = (0.0, 0.25, 0.5, 0.75)
    every_step = True

    def draw_numbers(self, episode: EpisodeContext) -> np.ndarray:
        """Return uniform numbers, (steps,)."""
        return episode.rng.random(episode.task.max_episode_steps)

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._last: dict[str, np.ndarray] = {}

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return the newest measurement of the objects that came through; the first always does."""
        missing = (self.draws[:, step] < self.magnitude)[:, None] & (step > 0)
        names = [f"{body}_{what}" for body in self.task.objects for what in ("position", "heading")]
        for name in filter(seen.__contains__, names):  # of some objects not all is shown
            self._last[name] = np.where(missing, self._last.get(name, seen[name]), seen[name])
        return seen | self._last


class Latency(Perturbation):
    """The policy sees everything as it was some control steps ago."""

    name = "sensing.latency"
    unit = "control steps"
    levels = (0, 1, 2, 4)
    every_step = True

    def reset(self, task: TaskProtocol, draws: np.ndarray) -> None:
        super().reset(task, draws)
        self._history: list[dict[str, np.ndarray]] = []

    def perturb_observation(self, seen: dict[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
        """Return what was seen then, or at the very start."""
        self._history.append(seen)
        if len(self._history) > self.magnitude + 1:
            del self._history[0]
        return self._history[0]
