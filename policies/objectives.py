"""Training losses of the chunk methods: pure functions of a trunk, the data and the noise they are given.

Symbols: a (B, H*A) is a clean normalised chunk, c (B, C) its condition, pi the trunk, e standard normal
noise of the shape of a. Every loss is a mean over all values, so that their sizes can be compared.
"""

import torch
from torch import Tensor

from .networks import Trunk

MIP_TIME = 0.9
"""Time t* of MIP's second pass."""


def regression_loss(trunk: Trunk, chunk: Tensor, condition: Tensor) -> Tensor:
    """Return |pi(0, 0, c) - a|^2, whose minimum is the mean chunk E[a | c].

    Args:
        trunk: the network pi.
        chunk: clean chunks a (B, H*A).
        condition: conditions c (B, C).
    """
    return _squared(trunk(torch.zeros_like(chunk), chunk.new_zeros(len(chunk)), condition), chunk)


def flow_loss(trunk: Trunk, chunk: Tensor, condition: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Return |pi(x_t, t, c) - a|^2 with x_t = (1 - t) e + t a: flow matching that predicts the clean chunk.

    The straight path is that of Lipman et al. 2023 (arXiv 2210.02747) and Liu et al. 2023
    (arXiv 2209.03003). Their velocity a - e equals (a - x_t) / (1 - t), so the sampler recovers it
    from the prediction of a.

    Args:
        trunk: the network pi.
        chunk: clean chunks a (B, H*A).
        condition: conditions c (B, C).
        noise: e (B, H*A), standard normal.
        time: t (B,), uniform in [0, 1).
    """
    return _squared(trunk(torch.lerp(noise, chunk, time[:, None]), time, condition), chunk)


def mip_loss(trunk: Trunk, chunk: Tensor, condition: Tensor, noise: Tensor, time: float = MIP_TIME) -> Tensor:
    """Return |pi(0, 0, c) - a|^2 + |pi(a + (1 - t*) e, t*, c) - a|^2: minimal iterative policy.

    Pan et al. 2025 (arXiv 2512.01809): a regression that sees its own answer once more. The paper
    weights the two norms by 1/t* and 1/(1 - t*); both count the same here, squared.

    Args:
        trunk: the network pi.
        chunk: clean chunks a (B, H*A).
        condition: conditions c (B, C).
        noise: e (B, H*A), standard normal.
        time: t*.
    """
    again = trunk(chunk + (1 - time) * noise, chunk.new_full((len(chunk),), time), condition)
    return regression_loss(trunk, chunk, condition) + _squared(again, chunk)


def _squared(prediction: Tensor, target: Tensor) -> Tensor:
    return torch.nn.functional.mse_loss(prediction, target)
