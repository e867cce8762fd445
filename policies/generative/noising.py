"""Single steps of diffusion, to noise and back: pure functions, one equation each, for tensors and arrays.

Symbols: x_0 is a clean chunk, e standard normal noise, and abar_t the share of the variance of
x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e that is still signal; it falls from 1 towards 0 as t grows.
It is a number, or has one value a row, (B, 1). Steps go from x (B, D) at level t down to a level s; abar_s is
`abar_next`, 1 for the clean chunk.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Values = TypeVar("Values", "Tensor", np.ndarray)
"""A tensor or a NumPy array."""
Abar = Any
"""A number, or something of the kind of `Values`."""


def noised(clean: Values, noise: Values, abar: Abar) -> Values:
    """Return x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e, drawn from q(x_t | x_0). Ho et al. 2020, eq. 4."""
    return abar**0.5 * clean + (1 - abar) ** 0.5 * noise


def noise_from_clean(x: Values, clean: Values, abar: Abar) -> Values:
    """Return the noise e that turned x_0 into x_t: (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)."""
    return (x - abar**0.5 * clean) / (1 - abar) ** 0.5


def posterior(x: Values, clean: Values, abar: Abar, abar_next: Abar) -> tuple[Values, Abar]:
    """Return mean and variance of q(x_s | x_t, x_0) for a level s below t. Ho et al. 2020, equation 7.

    With alpha = abar_t / abar_s the mean is (sqrt(abar_s) (1 - alpha) x_0 + sqrt(alpha) (1 - abar_s) x_t)
    / (1 - abar_t), the variance (1 - abar_s) (1 - alpha) / (1 - abar_t): the "fixed small" one, exact where
    the data are a single point. At abar_s = 1 that is x_0 for certain. `clean` may be an estimate of x_0.
    """
    alpha = abar / abar_next
    left = (1 - abar_next) / (1 - abar)
    mean = abar_next**0.5 * (1 - alpha) / (1 - abar) * clean + alpha**0.5 * left * x
    return mean, left * (1 - alpha)


def ddim_step(x: Values, clean: Values, abar: Abar, abar_next: Abar) -> Values:
    """Return x_s: the estimate of x_0, noised again to level s with the noise e that it implies.

    Song et al. 2021 (arXiv 2010.02502), equation 12 with sigma = 0: nothing is drawn. At abar_s = 1 that is
    the estimate itself.
    """
    return noised(clean, noise_from_clean(x, clean, abar), abar_next)
