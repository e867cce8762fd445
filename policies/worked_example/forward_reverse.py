"""Diffusion from scratch: a plan dissolves into noise, and a denoiser walks the noise back to a plan.

The worked example of section 41.1, "Diffusion models as planners", number by number (docs/probe.md); its two
equations, `noised` and `ddim_step`, are those of the policies. Symbols: tau_0 (H, 2) is a clean plan, tau_t
the plan at noise level t = 0 .. T, and abar_t, which falls from 1 at t = 0, the share of its variance that is
still signal. Plans may be stacked: (..., H, 2).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from ..generative.noising import ddim_step, noised

WAYPOINTS = 6
"""H, points of a plan."""
GOAL = np.array([1.0, 0.0])
"""Where the example's plan ends."""
SCHEDULE = (0.85, 0.65, 0.45, 0.25, 0.08)
"""abar_1 .. abar_T: signal retained at each noise level."""
SEED = 7
"""Of the example's one noise draw."""

Denoiser = Callable[[np.ndarray, float], np.ndarray]
"""`denoiser(tau_t, abar_t)` estimates the clean plan: (..., H, 2), like tau_t."""


def straight_plan(goal: np.ndarray = GOAL) -> np.ndarray:
    """Return evenly spaced waypoints from the origin to `goal` (..., 2): (..., H, 2)."""
    return np.linspace(0.0, goal, WAYPOINTS, axis=-2)


def example_noise() -> np.ndarray:
    """Return the noise of the example, (H, 2): one draw serves all levels."""
    return np.random.default_rng(SEED).normal(size=(WAYPOINTS, 2))


def forward(plan: np.ndarray, noise: np.ndarray, schedule: Sequence[float] = SCHEDULE) -> np.ndarray:
    """Return the plan at every noise level, (T + 1, ..., H, 2); row t is tau_t, row 0 the plan itself."""
    return np.stack([noised(plan, noise, abar) for abar in (1.0, *schedule)])


def reverse(start: np.ndarray, denoiser: Denoiser, schedule: Sequence[float] = SCHEDULE) -> np.ndarray:
    """Walk back from tau_T, the start, to tau_0 by a denoiser; return (T + 1, ..., H, 2), row T the start."""
    plans = [start]
    for abar, abar_next in pairwise((*reversed(schedule), 1.0)):
        plans.append(ddim_step(plans[-1], denoiser(plans[-1], abar), abar, abar_next))
    return np.stack(plans[::-1])


def stand_in(plan: np.ndarray, abar: float) -> np.ndarray:
    """Return the example's stand-in for a trained denoiser: a line to x = 1, with a tenth of the y of tau_t.

    It knows the goal and not the noise level: `abar` is not used.
    """
    first = np.clip(plan[..., 0], 0.0, 1.0).min(axis=-1)
    return np.stack([np.linspace(first, 1.0, WAYPOINTS, axis=-1), 0.1 * plan[..., 1]], axis=-1)


def endpoint_distance(plans: np.ndarray, goal: np.ndarray = GOAL) -> np.ndarray:
    """Return how far the last waypoints of plans (..., H, 2) lie from a goal (..., 2): (...)."""
    return np.linalg.norm(plans[..., -1, :] - goal, axis=-1)
