"""What a perturbation is told of the episode that it changes."""

from dataclasses import dataclass

import numpy as np

from ..task_protocol import TaskProtocol


@dataclass(frozen=True)
class EpisodeContext:
    """One episode, for one hook of one perturbation."""

    task: TaskProtocol
    """Whose episode it is."""
    seed: int
    """Of the episode."""
    rng: np.random.Generator
    """What the hook draws from; depends on perturbation, level, task, seed and hook alone."""
    blocked_mode: int = -1
    """While a scene is drawn: the mode that the perturbation's `blocked_mode` returned, -1 for none."""
    attempt: int = 0
    """While a scene is drawn: how many scenes of this episode were rejected before."""
