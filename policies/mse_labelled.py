"""Regression of chunks by a policy that is told which mode to take: the oracle beside `mse`."""

from pathlib import Path

import numpy as np

from ..tasks import load_task, task_names
from ..tasks.demonstrations.record import Demonstrations
from .core.chunk_policy import mode_labels
from .core.dataset import Extent, Windows
from .core.policy import Decision
from .mse import MSE


class LabelledMSE(MSE):
    """The same network and loss as `mse`, with the mode appended to the condition.

    If it succeeds where `mse` fails, then the only thing that `mse` lacks is a choice. At test time the
    wanted mode is drawn from the episode's noise key, evenly over the modes. Where a mode acts in another
    place from episode to episode, it is told the place.
    """

    name = "mse_labelled"
    method = "mse_labelled"
    description = "Oracle: regression of action chunks that is told which mode to take."
    labelled = True
    half_precision = True

    @classmethod
    def windows(cls, path: Path, demonstrations: Demonstrations, extent: Extent) -> Windows:
        """Return what it learns from, each episode with the place of its mode for a label.

        Of a task that is not known here, the mode is the label.
        """
        name = demonstrations.meta.get("task")
        if name in task_names():
            first = {part: values[:, 0] for part, values in demonstrations.observations.items()}
            places = load_task(name).taken_places(first, demonstrations.modes)
            demonstrations = demonstrations._replace(modes=places)
        return super().windows(path, demonstrations, extent)

    def label_count(self) -> int:
        """Return the number of modes, or of places where there are more."""
        return max(len(self.task.modes), len(self.task.places()))

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return one chunk (N, H, A) for each episode, towards the place of the mode that it is to take."""
        if not self._decision:
            now = {name: np.asarray(values) for name, values in observation.items()}
            first = {name: values[:, -1] if values.ndim > 2 else values for name, values in now.items()}
            self._labels = mode_labels(self.task.taken_places(first, self._wanted), self.config.modes)
        return super().act(observation)
