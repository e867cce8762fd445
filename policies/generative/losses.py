"""Training losses of the chunk methods: pure functions of a trunk, the data and the noise they are given.

Symbols, and arguments of all: pi is the trunk, a (B, H*A) the clean normalised chunk, c (B, C) its condition,
e standard normal noise of the shape of a. Every loss is for one value of a chunk: a mean, so that sizes can
be compared.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from ..networks.layers import Trunk
from .noising import noised

MIP_TIME = 0.9
"""Time t* of MIP's second pass."""


def regression_loss(trunk: Trunk, chunk: Tensor, condition: Tensor) -> Tensor:
    """Return |pi(0, 0, c) - a|^2, whose minimum is the mean chunk E[a | c]."""
    return mse_loss(trunk(torch.zeros_like(chunk), chunk.new_zeros(len(chunk)), condition), chunk)


def flow_loss(trunk: Trunk, chunk: Tensor, condition: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Return |pi(x_t, t, c) - a|^2 with x_t = (1 - t) e + t a: flow matching that predicts the clean chunk.

    The straight path is that of Lipman et al. 2023 (arXiv 2210.02747) and Liu et al. 2023
    (arXiv 2209.03003). Their velocity a - e equals (a - x_t) / (1 - t), so the sampler recovers it
    from the prediction of a. `time` is t (B,), uniform in [0, 1).
    """
    return mse_loss(trunk(torch.lerp(noise, chunk, time[:, None]), time, condition), chunk)


def diffusion_loss(
    trunk: Trunk, chunk: Tensor, condition: Tensor, noise: Tensor, level: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    """Return |pi(x_l, (l + 1) / T, c) - a|^2 with x_l = sqrt(abar_l) a + sqrt(1 - abar_l) e.

    Denoising diffusion of Ho et al. 2020 (arXiv 2006.11239) that predicts the clean chunk instead of the
    noise, which weighs the levels by how much the chunk matters in them; its minimum is E[a | x_l, c].

    Further args:
        level: l (B,), uniform in 0 .. T-1.
        alphas_cumprod: abar, share of signal at each level (T,).
    """
    abar = alphas_cumprod.to(chunk)[level, None]
    time = (level + 1).to(chunk.dtype) / len(alphas_cumprod)
    return mse_loss(trunk(noised(chunk, noise, abar), time, condition), chunk)


def mixture_loss(mean: Tensor, logits: Tensor, chunk: Tensor, spread: float) -> Tensor:
    """Return -log sum_k w_k N(a; mu_k, sigma^2 I) / (H*A): nats for each value of a chunk.

    Mixture density network, Bishop 1994 (NCRG/94/004), with one spread for all.

    Further args:
        mean: mu (B, K, H*A).
        logits: log w (B, K), up to a constant a row.
        spread: sigma.
    """
    size = chunk.shape[1]
    squares = (mean - chunk[:, None]).square().sum(2)
    each = -squares / (2 * spread**2) - size * math.log(spread * math.sqrt(2 * math.pi))
    return -torch.logsumexp(torch.log_softmax(logits, 1) + each, 1).mean() / size


def latent_loss(guess: Tensor, chunk: Tensor, mean: Tensor, log_variance: Tensor, weight: float) -> Tensor:
    """Return |guess - a| + beta KL(N(mean, variance) || N(0, I)): a conditional variational autoencoder.

    Sohn et al. 2015; with an absolute error, as in ACT (Zhao et al. 2023, arXiv 2304.13705). The error is for
    one value of a chunk, the divergence in nats for the whole latent.

    Args:
        guess: the decoder's chunk (B, H*A).
        chunk: a.
        mean: of the posterior (B, Z).
        log_variance: log of its variances (B, Z).
        weight: beta.
    """
    return l1_loss(guess, chunk) + weight * divergence(mean, log_variance)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, I)) of latents (B, Z), the mean over B [nats]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def mip_loss(trunk: Trunk, chunk: Tensor, condition: Tensor, noise: Tensor, time: float = MIP_TIME) -> Tensor:
    """Return |pi(0, 0, c) - a|^2 + |pi(a + (1 - t*) e, t*, c) - a|^2: minimal iterative policy.

    Pan et al. 2025 (arXiv 2512.01809): a regression that sees its own answer once more. The paper
    weights the two norms by 1/t* and 1/(1 - t*); both count the same here, squared. `time` is t*.
    """
    again = trunk(chunk + (1 - time) * noise, chunk.new_full((len(chunk),), time), condition)
    return regression_loss(trunk, chunk, condition) + mse_loss(again, chunk)
