"""How much signal each noise level of diffusion keeps, and which levels a sampler visits.

Levels are indices 0 .. T-1; `alphas_cumprod` is abar, the share of signal at each of them (see `noising`).
"""

import math

import torch
from torch import Tensor

from ...envs.errors import BimodalError

BETA_CEILING = 0.999
"""Largest beta of the squared-cosine schedule: no level forgets all of the level below."""
COSINE_OFFSET = 0.008
"""s of the squared-cosine schedule; keeps the first betas away from zero."""


def squared_cosine_betas(levels: int) -> Tensor:
    """Return beta_t = min(1 - f((t+1)/T) / f(t/T), 0.999) with f(u) = cos^2(pi/2 (u + s) / (1 + s)), (T,).

    Nichol & Dhariwal 2021 (arXiv 2102.09672), equation 17, in float64.
    """
    u = torch.arange(levels + 1, dtype=torch.float64) / levels
    signal = torch.cos((u + COSINE_OFFSET) / (1 + COSINE_OFFSET) * (math.pi / 2)) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=BETA_CEILING)


def squared_cosine_alphas_cumprod(levels: int) -> Tensor:
    """Return abar_t, the product of 1 - beta_s over s <= t, (T,). Ho et al. 2020, above equation 4."""
    return torch.cumprod(1 - squared_cosine_betas(levels), 0)


def trailing_levels(levels: int, steps: int) -> list[int]:
    """Return the levels that a sampler of few steps visits: evenly spaced, from T-1 down, not to 0.

    Lin et al. 2024 (arXiv 2305.08891), table 2, "trailing". The usual "leading" spacing counts from level 0
    up and so begins below T-1: with ten of a hundred levels at t = 90, where the network expects a seventh
    of the signal to remain, but is given noise alone.

    Raises:
        BimodalError: more steps than levels, or none.
    """
    if not 1 <= steps <= levels:
        raise BimodalError(f"cannot sample in {steps} steps; 1 to {levels} are possible")
    return [round(levels - i * levels / steps) - 1 for i in range(steps)]
