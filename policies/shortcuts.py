"""Shortcuts: policies that cannot see what a task is about, to show how far a score gets without it.

They stand in the audit (docs/audit.md) beside `nearest`, whose memory they share: they learn nothing of their
own. What a blind policy reaches, no other policy has earned.

Source: the probes of shortcut solvability in arXiv 2606.04233.
"""

from typing import Any

import torch
from torch import Tensor

from ..envs.specs import PREFIXES, ROBOT_OBSERVATION
from .core.dataset import CHUNK_SIZE
from .nearest import Memory, Nearest

PROPRIOCEPTION = frozenset(prefix + spec.name for prefix in PREFIXES for spec in ROBOT_OBSERVATION)
"""What a robot feels of itself: hand and gripper, and no object."""


class _Shortcut(Nearest):
    """A policy on the memory of `nearest`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert isinstance(self.network, Memory)
        self.memory = self.network


class ProprioceptionOnly(_Shortcut):
    """Does what followed the demonstrated moment in which the robot stood most alike; sees no object."""

    name = "proprioception_only"
    description = "The chunk that followed the most similar pose of the robot: no object is seen."

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Load the memory of `nearest` and forget what was seen of the objects."""
        super().__init__(*arguments, **options)
        parts = [torch.full((one.size,), one.name in PROPRIOCEPTION) for one in self.config.observations]
        self._felt = torch.cat(parts * self.config.n_obs_steps).float()
        self.memory.keep(self.memory.seen * self._felt, self.memory.done, self.memory.left)

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return what followed the nearest pose."""
        return self.memory(condition * self._felt)


class TimeOnly(_Shortcut):
    """Plays one demonstration, the one with the most typical start, whatever it sees."""

    name = "time_only"
    description = "One demonstration, played whatever is seen."

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return its actions (B, H*A) from the present control step on."""
        first = self._first_frame()
        last = first + int(self.memory.left[first])
        begin = first + self._decision * self.n_action_steps
        rows = torch.arange(begin, begin + CHUNK_SIZE).clamp(max=last)
        return self.memory.done[rows].flatten().expand(len(condition), -1)

    def _first_frame(self) -> int:
        """Return the row at which the episode begins whose start lies nearest to the mean of all starts."""
        ends = (self.memory.left[:, 0] == 0).nonzero()[:, 0]
        starts = torch.cat((torch.zeros(1, dtype=ends.dtype), ends[:-1] + 1))
        seen = self.memory.seen[starts]
        return int(starts[(seen - seen.mean(0)).square().sum(1).argmin()])


class MeanAction(_Shortcut):
    """Does one and the same at every step: the mean of all demonstrated actions."""

    name = "mean_action"
    description = "The mean of all demonstrated actions, at every step."

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return that action, as often as a chunk has (B, H*A)."""
        return self.memory.done.mean(0).repeat(len(condition), CHUNK_SIZE)
