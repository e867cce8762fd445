"""What all networks are built of: layers drawn from a generator, and how a condition and a time are read."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Trunk = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`trunk(x, t, c) -> y`: flat chunks x (B, H*A), times t (B,) in [0, 1], conditions c (B, C); y is like x."""

TIME_FEATURES = 32
"""Length of the sinusoidal embedding of the time, which joins the condition."""
TIME_FREQUENCIES = (1.0, 100.0)
"""Lowest and highest frequency of that embedding [rad per unit of t]."""


class ConditionedNetwork(nn.Module):
    """Base of the networks that read a condition c and a time t: e = W2 Mish(W1 [c, sin(w t), cos(w t)])."""

    frequencies: Tensor
    """Angular frequencies w of the sinusoidal embedding, (16,)."""

    def __init__(self, c_size: int, width: int, generator: torch.Generator) -> None:
        """Build the two layers of e; all networks are built with these three arguments.

        Args:
            c_size: length C of the condition.
            width: length of e, the hidden width.
            generator: the only source of the initial weights.
        """
        super().__init__()
        low, high = TIME_FREQUENCIES
        frequencies = torch.logspace(math.log10(low), math.log10(high), TIME_FEATURES // 2)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.condition_in = linear(c_size + TIME_FEATURES, width, generator)
        self.condition_out = linear(width, width, generator)

    def embed_condition(self, t: Tensor, c: Tensor) -> Tensor:
        """Return e (B, width) for times t (B,) and conditions c (B, C)."""
        phase = t[:, None] * self.frequencies
        features = torch.cat((c, phase.sin(), phase.cos()), dim=1)
        return self.condition_out(functional.mish(self.condition_in(features)))


class Undrawn:
    """Mixin for torch's layers: draws no values, for whoever builds the layer does, and from its generator.

    The way through the device `meta` does the same, and imports SymPy: seconds in every worker.
    """

    def reset_parameters(self) -> None:
        """Leave the values as they are."""


class _Linear(Undrawn, nn.Linear):
    pass


def linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a linear layer drawn from U(-1/sqrt(inputs), 1/sqrt(inputs)); all zeros without a generator."""
    layer = _Linear(inputs, outputs)
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            if generator is None:
                parameter.zero_()
            else:
                parameter.uniform_(-bound, bound, generator=generator)
    return layer


def normalised(h: Tensor) -> Tensor:
    """Give each row mean 0 and variance 1 (LayerNorm without scale and shift)."""
    return functional.layer_norm(h, h.shape[-1:])


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters())
