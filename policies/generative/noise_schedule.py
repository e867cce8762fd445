"""Noise schedules of diffusion and its single steps back: pure functions, one equation each.

Symbols: x_0 is a clean chunk, e standard normal noise, and abar_t the share of the variance of
x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e that is still signal; it falls from 1 towards 0 as t grows.
Levels are indices 0 .. T-1. A share is a number, or a tensor that broadcasts against the chunks (B, D).
"""

import math

import torch
from torch import Tensor

from ...envs.errors import BimodalError

Share = float | Tensor
"""abar of one level, or of each row (B, 1)."""
BETA_CEILING = 0.999
"""Largest beta of the squared-cosine schedule: no level forgets all of the level below."""
COSINE_OFFSET = 0.008
"""s of the squared-cosine schedule; keeps the first betas away from zero."""


def squared_cosine_betas(levels: int) -> Tensor:
    """Return beta_t = min(1 - f((t+1)/T) / f(t/T), 0.999) with f(u) = cos^2(pi/2 (u + s) / (1 + s)).

    Nichol & Dhariwal 2021 (arXiv 2102.09672), equation 17.

    Args:
        levels: T.

    Returns:
        (T,) float64.
    """
    u = torch.arange(levels + 1, dtype=torch.float64) / levels
    signal = torch.cos((u + COSINE_OFFSET) / (1 + COSINE_OFFSET) * (math.pi / 2)) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=BETA_CEILING)


def linear_betas(levels: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """Return evenly spaced betas (T,) float64. Ho et al. 2020 (arXiv 2006.11239), section 4: T = 1000."""
    return torch.linspace(first, last, levels, dtype=torch.float64)


def signal_shares(betas: Tensor) -> Tensor:
    """Return abar_t, the product of 1 - beta_s over s <= t, (T,). Ho et al. 2020, above equation 4."""
    return torch.cumprod(1 - betas, 0)


def noised(clean: Tensor, noise: Tensor, abar: Share) -> Tensor:
    """Return x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e, drawn from q(x_t | x_0). Ho et al. 2020, eq. 4."""
    return abar**0.5 * clean + (1 - abar) ** 0.5 * noise


def noise_from_clean(x: Tensor, clean: Tensor, abar: Share) -> Tensor:
    """Return the noise e that turned x_0 into x_t: (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)."""
    return (x - abar**0.5 * clean) / (1 - abar) ** 0.5


def clean_from_noise(x: Tensor, noise: Tensor, abar: Share) -> Tensor:
    """Return the x_0 that noise e turned into x_t: (x_t - sqrt(1 - abar_t) e) / sqrt(abar_t)."""
    return (x - (1 - abar) ** 0.5 * noise) / abar**0.5


def velocity(clean: Tensor, noise: Tensor, abar: Share) -> Tensor:
    """Return v = sqrt(abar_t) e - sqrt(1 - abar_t) x_0.

    The derivative of x_t by the angle whose cosine is sqrt(abar_t). Salimans & Ho 2022 (arXiv 2202.00512),
    section 4.
    """
    return abar**0.5 * noise - (1 - abar) ** 0.5 * clean


def clean_from_velocity(x: Tensor, v: Tensor, abar: Share) -> Tensor:
    """Return x_0 = sqrt(abar_t) x_t - sqrt(1 - abar_t) v. Salimans & Ho 2022, section 4."""
    return abar**0.5 * x - (1 - abar) ** 0.5 * v


def trailing_levels(levels: int, steps: int) -> list[int]:
    """Return the levels that a sampler of few steps visits: evenly spaced, from T-1 down, not to 0.

    Lin et al. 2024 (arXiv 2305.08891), table 2, "trailing". The usual "leading" spacing counts from level 0
    up and so begins below T-1: with ten of a hundred levels at t = 90, where the network expects a seventh
    of the signal to remain, but is given noise alone.

    Args:
        levels: T.
        steps: number of levels to visit, 1 to T.

    Raises:
        BimodalError: more steps than levels, or none.
    """
    if not 1 <= steps <= levels:
        raise BimodalError(f"cannot sample in {steps} steps; 1 to {levels} are possible")
    return [round(levels - i * levels / steps) - 1 for i in range(steps)]


def posterior(x: Tensor, clean: Tensor, abar: Share, abar_next: Share) -> tuple[Tensor, Share]:
    """Return mean and variance of q(x_s | x_t, x_0) for a level s below t. Ho et al. 2020, equation 7.

    With alpha = abar_t / abar_s the mean is (sqrt(abar_s) (1 - alpha) x_0 + sqrt(alpha) (1 - abar_s) x_t)
    / (1 - abar_t), the variance (1 - abar_s) (1 - alpha) / (1 - abar_t): the "fixed small" one, exact where
    the data are a single point. At abar_s = 1 that is x_0 for certain.

    Args:
        x: x_t (B, D).
        clean: x_0, or its estimate (B, D).
        abar: abar_t, below 1.
        abar_next: abar_s of the level that is stepped to; 1 for the clean chunk.
    """
    alpha, left = abar / abar_next, (1 - abar_next) / (1 - abar)
    mean = abar_next**0.5 * (1 - alpha) / (1 - abar) * clean + alpha**0.5 * left * x
    return mean, left * (1 - alpha)


def ddpm_step(x: Tensor, clean: Tensor, noise: Tensor, abar: Share, abar_next: Share) -> Tensor:
    """Return x_s = mean + sqrt(variance) z of the `posterior`: Ho et al. 2020, algorithm 2.

    Args:
        x: x_t (B, D).
        clean: the network's estimate of x_0 (B, D).
        noise: z, standard normal (B, D).
        abar: abar_t, below 1.
        abar_next: abar_s.
    """
    mean, variance = posterior(x, clean, abar, abar_next)
    return mean + variance**0.5 * noise


def ddim_step(
    x: Tensor, clean: Tensor, abar: Share, abar_next: Share, eta: float = 0.0, noise: Tensor | None = None
) -> Tensor:
    """Return x_s = sqrt(abar_s) x_0 + sqrt(1 - abar_s - sigma^2) e + sigma z.

    Song et al. 2021 (arXiv 2010.02502), equation 12; e is the noise that `clean` implies, sigma is eta times
    the standard deviation of the `posterior`. With eta = 0 nothing is drawn; eta = 1 is `ddpm_step`.

    Args:
        x: x_t (B, D).
        clean: the network's estimate of x_0 (B, D).
        abar: abar_t, below 1.
        abar_next: abar_s of the level that is stepped to; 1 for the clean chunk.
        eta: how much of the noise is drawn anew.
        noise: z, standard normal (B, D); needed unless eta is 0.

    Raises:
        ValueError: eta without noise.
    """
    implied = noise_from_clean(x, clean, abar)
    if not eta:
        return noised(clean, implied, abar_next)
    if noise is None:
        raise ValueError("a step with eta above 0 needs noise")
    anew = eta**2 * (1 - abar / abar_next) / (1 - abar)
    carried = ((1 - abar_next) * (1 - anew)) ** 0.5 * implied
    return abar_next**0.5 * clean + carried + ((1 - abar_next) * anew) ** 0.5 * noise
