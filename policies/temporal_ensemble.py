"""Temporal ensembling, `ensemble(mse)`: every action is an average of all chunks that say what to do now.

Zhao et al. 2023 (ACT), arXiv 2304.13705, algorithm 2. No training: it stands around any policy.
"""

from collections.abc import Sequence
from math import exp

import numpy as np

from .core.answers import actions_of
from .core.policy import Decision, Episodes, Policy
from .core.wrapper import ChunkWrapper


class TemporalEnsemble(ChunkWrapper):
    """Decides at every step, and averages what this decision and those before it say of the same step.

    It smooths what one policy says again and again. Chunks that go to different modes it averages, too.
    """

    wrapper = "ensemble"

    def __init__(self, policy: Policy, n_action_steps: int = 1, rate: float = 0.01, delay: int = 0) -> None:
        """Average the chunks of `policy`.

        Args:
            policy: any policy that answers with chunks longer than it executes.
            n_action_steps: actions executed of each average; the paper has 1.
            rate: m, how fast weights fall from the oldest chunk to the newest; below 0 they rise.
            delay: age of an observation when its answer is executed [control steps], see `ChunkWrapper`.

        Raises:
            WrongUse: a number is out of its range.
        """
        super().__init__(policy, "Overlapping chunks are averaged.", n_action_steps, delay)
        self.rate = rate
        self._chunks: list[np.ndarray] = []

    def reset(self, episodes: Episodes) -> None:
        """Begin N new episodes, without chunks to average."""
        super().reset(episodes)
        self._chunks = []

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return the due part of the average chunk (N, H, A)."""
        moment = self.next_moment()
        decision = self.policy.act(observation)
        newest = actions_of(decision)
        self.require_length(newest.shape[1])
        later = [chunk[:, moment.shift :] for chunk in self._chunks]
        self._chunks = [*(chunk for chunk in later if chunk.shape[1]), newest]
        average = temporal_average(self._chunks, self.rate)[:, moment.age :]
        return Decision(average, faults=getattr(decision, "faults", None))


def temporal_average(chunks: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """Return the average (N, H, A) of overlapping chunks, with weights exp(-rate i), i = 0 for the oldest.

    Args:
        chunks: what each decision says from the present step on, the oldest first, (N, L, A); the older the
            shorter. A step's average is over those that reach it, and i counts from any of them.
        rate: m of the paper.
    """
    newest = chunks[-1]
    moved = np.zeros(newest.shape)
    total = np.zeros(newest.shape[1])
    for i, chunk in enumerate(chunks):
        weight = exp(-rate * i)
        length = chunk.shape[1]
        moved[:, :length] += weight * (chunk - newest[:, :length])
        total[:length] += weight
    return newest + moved / total[:, None]
