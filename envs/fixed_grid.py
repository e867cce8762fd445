"""Numbers that every processor shares: what the physics is given lies on one fixed, fine grid.

Sums, products, quotients and square roots have the same bits on every processor, in a written-out order.
Matrix products and solvers have not (each BLAS adds in its own order), nor sines and arctangents (each
instruction set has its own). So the inverse kinematics writes its small products out over the rows, and what
the others leave is rounded away: two numbers 1e-16 apart meet on a grid of 2e-10.
"""

import numpy as np

FINE = 2.0**-32
"""Width of the grid [m] or [rad]: a power of two, so that its multiples are exact."""


def settle(values: np.ndarray, width: float = FINE) -> np.ndarray:
    """Return values (...) rounded to a grid; called for what the physics is given."""
    return np.rint(values / width) * width


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the matrix products of a (..., I, K) and b (..., K, J), K < 8, (..., I, J)."""
    return (a[..., None] * b[..., None, :, :]).sum(-2)


def solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return x, (K, N), of A x = b for N positive definite A, (K, K, N), and b, (K, N).

    Gauss-Jordan elimination; such matrices need no pivoting.
    """
    a = np.concatenate([matrices, right[:, None]], axis=1)
    for k in range(len(a)):
        row = a[k, k + 1 :] / a[k, k]
        a[:, k + 1 :] -= a[:, k, None] * row
        a[k, k + 1 :] = row
    return a[:, -1]
