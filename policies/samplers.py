"""How a trained trunk makes a chunk: pure functions of the trunk, the condition and the noise they are given.

Symbols as in `objectives`: pi is the trunk, c (B, C) the condition, a chunk is flat and normalised (B, H*A).
"""

import torch
from torch import Tensor

from .networks import Trunk
from .objectives import MIP_TIME


def regression_sample(trunk: Trunk, condition: Tensor, size: int) -> Tensor:
    """Return pi(0, 0, c) (B, size): one pass, no noise."""
    rows = len(condition)
    return trunk(condition.new_zeros(rows, size), condition.new_zeros(rows), condition)


def flow_euler(trunk: Trunk, noise: Tensor, condition: Tensor, steps: int = 10) -> Tensor:
    """Follow the flow from noise (t = 0) to a chunk (t = 1) by Euler steps of equal length.

    x <- x + v / steps with v = (pi(x, t, c) - x) / (1 - t) at t = 0, 1/steps, ..., 1 - 1/steps.
    The last step lands on the trunk's prediction itself; nothing is clipped. With one step the
    result is close to the mean chunk: one step of a flow is a regression.

    Args:
        trunk: predicts the clean chunk from (x, t, c).
        noise: starting points (B, H*A), standard normal.
        condition: conditions c (B, C).
        steps: number of passes through the trunk.
    """
    x = noise
    for step in range(steps):
        t = step / steps
        clean = trunk(x, noise.new_full((len(noise),), t), condition)
        x = torch.lerp(x, clean, 1 / (steps - step))
    return x


def mip_sample(trunk: Trunk, condition: Tensor, size: int, time: float = MIP_TIME) -> Tensor:
    """Return pi(a0, t*, c) (B, size) with a0 = pi(0, 0, c): two passes, no noise."""
    first = regression_sample(trunk, condition, size)
    return trunk(first, condition.new_full((len(condition),), time), condition)
