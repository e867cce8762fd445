"""How a trained trunk makes a chunk: pure functions of the trunk, the condition and the noise they are given.

Symbols, and arguments of all, as in `losses`: the trunk pi predicts the clean chunk from (x, t, c), c (B, C)
is the condition, the noise is standard normal, and a chunk is flat and normalised, (B, H*A). `steps` is the
number of passes through the trunk. Nothing is clipped.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from ..networks.layers import Trunk
from .losses import MIP_TIME
from .noise_schedule import trailing_levels
from .noising import ddim_step, posterior

Guide = Callable[[Tensor, float, Tensor, Tensor], Tensor]
"""`guide(mean, variance, t, c)` returns the mean (B, D) of a step, moved to where plans are better."""


def regression_sample(trunk: Trunk, condition: Tensor, size: int) -> Tensor:
    """Return pi(0, 0, c) (B, size): one pass, no noise."""
    rows = len(condition)
    return trunk(condition.new_zeros(rows, size), condition.new_zeros(rows), condition)


def flow_euler(trunk: Trunk, noise: Tensor, condition: Tensor, steps: int = 10) -> Tensor:
    """Follow the flow from noise (t = 0) to a chunk (t = 1) by Euler steps of equal length.

    x <- x + v / steps with v = (pi(x, t, c) - x) / (1 - t) at t = 0, 1/steps, ..., 1 - 1/steps.
    The last step lands on the trunk's prediction itself. With one step the result is close to the mean
    chunk: one step of a flow is a regression.
    """
    x = noise
    for step in range(steps):
        t = step / steps
        clean = trunk(x, noise.new_full((len(noise),), t), condition)
        x = torch.lerp(x, clean, 1 / (steps - step))
    return x


def ddim(trunk: Trunk, noise: Tensor, condition: Tensor, alphas_cumprod: Tensor, steps: int = 10) -> Tensor:
    """Walk from noise to a chunk along `steps` of the T levels, without drawing anything on the way.

    Song et al. 2021 (arXiv 2010.02502). The trunk's time is (level + 1) / T. The last step lands on its
    prediction itself. With one step the result is close to the mean chunk, as with `flow_euler`.
    `alphas_cumprod` is abar, the share of signal at each level (T,).
    """
    x = noise
    for time, abar, abar_next in _descent(alphas_cumprod, steps):
        clean = trunk(x, noise.new_full((len(noise),), time), condition)
        x = ddim_step(x, clean, abar, abar_next)
    return x


def ddpm(
    trunk: Trunk,
    noise: Tensor,
    condition: Tensor,
    alphas_cumprod: Tensor,
    steps: int | None = None,
    temperature: float = 1.0,
    guide: Guide | None = None,
) -> Tensor:
    """Walk from noise to a chunk or plan, drawing each step from its posterior; return x_0 (B, D).

    x_s ~ N(mu, temperature Sigma) with the `posterior` mean and variance for the trunk's estimate of x_0: Ho
    et al. 2020 (arXiv 2006.11239), algorithm 2. A temperature below 1, for the first noise too, is the
    low-temperature sampling of Ajay et al. 2022 (arXiv 2211.15657), section 3.4.

    Further args:
        noise: the starting points, then what every step but the last adds, (B, steps, D).
        alphas_cumprod: as in `ddim`.
        steps: 1 to T; None for all levels.
        temperature: factor of the variances.
        guide: moves the means, except that of the last step, whose variance is 0.
    """
    cool = temperature**0.5
    first, *later = noise.unbind(1)
    x = cool * first
    descent = _descent(alphas_cumprod, len(alphas_cumprod) if steps is None else steps)
    for ((time, abar, abar_next), (time_next, _, _)), fresh in zip(pairwise(descent), later, strict=True):
        # 1. what the plan would be, 2. where the step below then lies, 3. the noise that stays
        clean = trunk(x, x.new_full((len(x),), time), condition)
        mean, variance = posterior(x, clean, abar, abar_next)
        if guide is not None:
            mean = guide(mean, float(variance), x.new_full((len(x),), time_next), condition)
        x = mean + cool * variance**0.5 * fresh
    # the last step has no variance: it lands on the estimate itself
    return trunk(x, x.new_full((len(x),), descent[-1][0]), condition)


def _descent(alphas_cumprod: Tensor, steps: int) -> list[tuple[float, float, float]]:
    """Return for each step its time, its abar and that of the level it leads to, 1 at the end."""
    total = len(alphas_cumprod)
    levels = trailing_levels(total, steps)
    abars = [*alphas_cumprod[levels].tolist(), 1.0]
    return [((level + 1) / total, *pair) for level, pair in zip(levels, pairwise(abars), strict=True)]


def mixture_sample(mean: Tensor, logits: Tensor, noise: Tensor) -> Tensor:
    """Return the mean mu_k (B, H*A) of a component k drawn with probability w_k; its spread is left out.

    Mean and logits are those of `mixture_loss`, noise that of `drawn_index`.
    """
    return mean[torch.arange(len(mean)), drawn_index(logits, noise)]


def drawn_index(logits: Tensor, noise: Tensor) -> Tensor:
    """Return an index k (B,) drawn with the probabilities w of logits (B, K).

    It is where the running sum of w passes the quantile of the noise, one normal number a row, (B, 1).
    """
    reached = torch.softmax(logits, 1).cumsum(1)
    return (reached <= torch.special.ndtr(noise)).sum(1).clamp(max=logits.shape[1] - 1)


def mip_sample(trunk: Trunk, condition: Tensor, size: int, time: float = MIP_TIME) -> Tensor:
    """Return pi(a0, t*, c) (B, size) with a0 = pi(0, 0, c): two passes, no noise."""
    first = regression_sample(trunk, condition, size)
    return trunk(first, condition.new_full((len(condition),), time), condition)
