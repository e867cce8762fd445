"""From scored candidates to one plan: the three update rules of sampling-based predictive control.

A candidate is a spline of K knots with D values each; N candidates theta_n (N, K, D) have costs J_n (N,),
lower is better; all rules take these two and return new knots (K, D). They differ in one thing, and it
decides a bimodal task: predictive sampling keeps a candidate, the other two average several, and the average
of two good plans may be a bad one.
"""

import numpy as np


def predictive_sampling(knots: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the best candidate and its index: theta <- theta_n with n = argmin J_n.

    Howell et al. 2022, arXiv 2212.00541, algorithm 1 (MJPC's default planner).
    """
    best = int(np.argmin(costs))
    return knots[best].copy(), best


def cross_entropy(
    knots: np.ndarray, costs: np.ndarray, elites: int, floor: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the best candidates, the cross-entropy method.

    With E the `elites` candidates of lowest cost,
        mu = 1/|E| sum_E theta_n,    sigma = max(floor, sqrt(1/|E| sum_E (theta_n - mu)^2)).
    Rubinstein 1999, Methodology and Computing in Applied Probability 1; Kobilarov 2012, IJRR 31(7).

    The deviation (K, D) is that of the next samples; `floor`, its least, broadcasts to (K, D).
    """
    best = knots[np.argsort(costs, kind="stable")[:elites]]
    mean = best.mean(0)
    return mean, np.maximum(floor, np.sqrt(((best - mean) ** 2).mean(0)))


def path_integral(knots: np.ndarray, costs: np.ndarray, temperature: float) -> np.ndarray:
    """Return the candidates' average weighted by their costs, (K, D): MPPI.

        w_n = exp(-(J_n - min J) / lambda),    theta <- sum w_n theta_n / sum w_n.
    Williams et al. 2018, IEEE Transactions on Robotics 34(6), eq. 34, without the control cost of the noise.
    lambda -> 0 is predictive sampling, lambda -> infinity the plain mean. `temperature` is lambda, in units
    of the cost.
    """
    weights = np.exp(-(costs - costs.min()) / temperature)
    return (weights[:, None, None] * knots).sum(0) / weights.sum()


def shifted(knots: np.ndarray, count: int) -> np.ndarray:
    """Return knots (..., K, D) as they look `count` knots later; the last one is held."""
    later = np.minimum(np.arange(knots.shape[-2]) + count, knots.shape[-2] - 1)
    return knots[..., later, :]


def spline(start: np.ndarray, knots: np.ndarray, steps: int) -> np.ndarray:
    """Return the values of linear splines at every control step, (..., K * steps, D).

    They begin at `start`, broadcast to (..., D), and take the knots (..., K, D) every `steps` control steps.
    """
    first = np.broadcast_to(start, knots[..., 0, :].shape)[..., None, :]
    before = np.concatenate([first, knots[..., :-1, :]], axis=-2)[..., None, :]
    part = (np.arange(1, steps + 1) / steps)[:, None]
    values = before + part * (knots[..., None, :] - before)
    return values.reshape(*knots.shape[:-2], -1, knots.shape[-1])


def samples(
    rng: np.random.Generator,
    nominal: np.ndarray,
    deviation: np.ndarray,
    count: int,
    wide: float,
    factor: float,
) -> np.ndarray:
    """Return `count` noisy copies of the nominal knots, (count, K, D).

    Nominal knots are (K, D), the deviation broadcasts to that. A share `wide` of the copies, the last ones,
    has `factor` times the deviation, as in MJPC's bimanual tasks: near noise refines a plan, far noise leaves
    it.
    """
    scale = np.where(np.arange(count) >= count - round(wide * count), factor, 1.0)[:, None, None]
    return nominal + scale * deviation * rng.standard_normal((count, *nominal.shape))
