"""Tails of two distributions, written out: SciPy's take longer to import than the leaderboard to print."""

from functools import cache
from math import erfc, exp, pi, sqrt

import numpy as np


@cache
def _log_choices(n: int) -> np.ndarray:
    """Return the logarithms of the binomial coefficients n over 0 ... n, (n + 1,)."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return logs[n] - logs - logs[::-1]


def binomial_at_least(k: int, n: int, p: float) -> float:
    """Return P(X >= k) for X ~ Binomial(n, p), 0 < p < 1."""
    i = np.arange(k, n + 1)
    return float(np.exp(_log_choices(n)[k:] + i * np.log(p) + (n - i) * np.log1p(-p)).sum())


def chi_squared_tail(x: float, degrees: int) -> float:
    """Return P(X > x) for a chi-squared X with a whole number of degrees of freedom.

    With h = x / 2: sum_{i < d/2} e^-h h^i / i! for even d; erfc(sqrt h) + e^-h sum_{i < (d-1)/2} h^(i+1/2) /
    Gamma(i + 3/2) for odd d.

    Source: M. Abramowitz and I. Stegun (1964), 26.4.4 and 26.4.5.
    """
    h = max(x, 0.0) / 2
    odd = degrees % 2
    total = erfc(sqrt(h)) if odd else 0.0
    term = exp(-h) * (2 * sqrt(h / pi) if odd else 1.0)
    for i in range(degrees // 2):
        total += term
        term *= h / (i + (1.5 if odd else 1.0))
    return min(total, 1.0)
