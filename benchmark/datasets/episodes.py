"""What a data set is made of in every format: episodes of one task; all writers take a `DataSource`."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import CLEAN
from ...envs.specs import ACTIONS, Spec, of_arms
from ...tasks import Task


class Episode(NamedTuple):
    """One episode of T control steps."""

    seed: int
    mode: int
    """Index of the mode that was taken, -1 for none."""
    label: str
    """How it ended: an outcome of the referee, or FAILURE where no more is known."""
    success: bool
    terminated: bool
    """Whether success or something forbidden ended it; else its time was up."""
    observations: Mapping[str, np.ndarray]
    """Seen before each action and after the last, (T + 1, d) each."""
    actions: np.ndarray
    """(T, A) of the source's action space."""
    kind: str = ""
    """What a graded demonstration was meant to be."""
    returns: np.ndarray | None = None
    """Return to come before each action, (T,); of graded demonstrations alone."""
    states: np.ndarray | None = None
    """`mjSTATE_INTEGRATION` before each action, (T, nstate), of which pictures are drawn; None without."""

    @property
    def steps(self) -> int:
        """T."""
        return len(self.actions)

    @property
    def rewards(self) -> np.ndarray:
        """As the Gymnasium environment gives them: 1 in the last step of a success, (T,) float32."""
        return self.ends * np.float32(self.success)

    @property
    def ends(self) -> np.ndarray:
        """Which step is the last one, (T,) bool."""
        return np.arange(self.steps) == self.steps - 1


class DataSource(NamedTuple):
    """Episodes of one task in one variant, to be written one after the other."""

    task: Task
    action: str
    """Their action space."""
    name: str
    """Short name of the file or run that they come from."""
    about: dict[str, Any]
    """Where they come from, as JSON."""
    size: int
    """How many there are."""
    episodes: Iterable[Episode]
    variant: str = CLEAN
    cameras: tuple[str, ...] = ()
    """Cameras whose pictures are written; then every episode has states."""

    def told(self, episode: Episode) -> dict[str, Any]:
        """Return what every format says of an episode beside its numbers."""
        return {
            "seed": episode.seed,
            "variant": self.variant,
            "mode": episode.mode,
            "label": episode.label,
            "success": episode.success,
            "kind": episode.kind,
        }

    @property
    def action_specs(self) -> tuple[Spec, ...]:
        """Components of an action."""
        return of_arms(ACTIONS[self.action], self.task.arms)
