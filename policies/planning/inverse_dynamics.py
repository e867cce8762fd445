"""Inverse dynamics: which actions lead from one observation to a later one; and the small network for it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.film_resnet import ResFiLM
from ..networks.layers import linear

JITTER = 0.05
"""j, error of planned states that the inverse dynamics is prepared for [standard deviations]."""


class MLP(nn.Module):
    """Two hidden layers, and a linear map beside them; what it is given is put side by side."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, hidden: int) -> None:
        """Build the network; `generator` is the only source of its weights, `hidden` its width."""
        super().__init__()
        self.first = linear(inputs, hidden, generator)
        self.second = linear(hidden, hidden, generator)
        self.head = linear(hidden, outputs, generator)
        self.skip = linear(inputs, outputs, None)

    def forward(self, *parts: Tensor) -> Tensor:
        """Return (..., outputs) for parts whose last sizes add up to `inputs`."""
        given = torch.cat(parts, dim=-1)
        hidden = functional.mish(self.second(functional.mish(self.first(given))))
        return self.head(hidden) + self.skip(given)


class DiffusedInverse(ResFiLM):
    """A denoiser of the actions between two states, its condition, with the same linear map beside it."""

    def __init__(self, outputs: int, inputs: int, generator: torch.Generator, width: int) -> None:
        """Build the network for flat actions of `outputs` values and two states of `inputs` together."""
        super().__init__(outputs, inputs, generator, width)
        self.skip = linear(inputs, outputs, None)

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return the clean actions (B, outputs), as `ResFiLM` does."""
        return super().forward(x, t, c) + self.skip(c)


def inverse_loss(inverse: nn.Module, states: Tensor, actions: Tensor, noise: Tensor) -> Tensor:
    """Return |f(s_0 + j n_0, s_1 + j n_1) - a_0|^2: planned states are not exact either.

    The action grows with the difference of the states: learnt from exact ones, it would make a shake of the
    hand out of a plan's every error. Of normalised states (B, P, C) the first two are used, of flat actions
    (B, H*A) the first; the noise n (B, 2, C) is standard normal.
    """
    now, later = (states[:, :2] + JITTER * noise).unbind(1)
    found = inverse(now, later)
    return (found - actions[:, : found.shape[1]]).square().mean()


def actions_along(inverse: nn.Module, states: Tensor) -> Tensor:
    """Return the action between every two consecutive states: (B, P-1, A) for states (B, P, C).

    a_k = f(s_k, s_{k+1}): Ajay et al. 2022 (arXiv 2211.15657), section 3.1.
    """
    return inverse(states[:, :-1], states[:, 1:])
