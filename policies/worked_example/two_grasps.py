"""The example with a trained denoiser: one object, two right grasps, and what regression makes of them.

An object stands at (1, c), and c is all that is observed. The demonstrations are straight plans of
`forward_reverse` to a grasp above it, (1, c + 1), or below it, (1, c - 1). Their average is a straight plan
to the object itself: for c = 0, the very plan of the worked example.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..core.chunk_policy import ChunkPolicy
from ..core.dataset import Batch
from ..generative.noising import noised
from ..generative.samplers import regression_sample
from ..mse import MSE
from ..networks.film_resnet import ResFiLM
from ..networks.layers import Trunk
from ..training.fit import fit
from ..training.presets import PRESETS, USUAL
from .forward_reverse import SCHEDULE, WAYPOINTS, Denoiser, endpoint_distance, reverse, straight_plan

GRASPS = ("above", "below")
"""The two modes."""
REACH = 1.0
"""Distance of a grasp from the object."""
SPREAD = 0.03
"""Standard deviation of a demonstrated coordinate."""
AT_GRASP = 0.2
"""A plan that ends closer to a grasp than this takes it."""
SCENES = (-0.5, 0.5)
"""Range of c."""
COARSE = (*SCHEDULE, 0.0)
"""The example's noise levels, and one more: noise alone, from where a new plan starts."""
FINER = 3
"""Steps of the walk back between two of those levels."""
LEVELS = tuple(
    np.interp(np.arange(1, FINER * len(COARSE) + 1) / FINER, range(len(COARSE) + 1), (1.0, *COARSE))
)
"""abar of the 18 levels that the denoiser is trained on; every third is one of `COARSE`."""
DEMONSTRATIONS = 2000
"""Size of the data."""
STEPS = 1500
"""Optimiser steps."""
REGRESSION_STEPS = 300
"""The same for regression."""
WIDTH = 64
"""Hidden width of the trunk."""
BLOCKS = 2
"""Residual blocks of the trunk."""


class Demonstrated(NamedTuple):
    """Demonstrations, N rows."""

    scenes: np.ndarray
    """c (N,)."""
    plans: np.ndarray
    """tau_0 (N, H, 2)."""


class GraspDenoising(ChunkPolicy):
    """The loss of a denoiser, as `train.fit` takes it."""

    method = "diffusion"

    @staticmethod
    def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise and levels, and return the denoising loss."""
        noise = torch.randn(batch.chunk.shape, generator=generator)
        level = torch.randint(len(LEVELS), (len(batch.chunk),), generator=generator)
        abar = torch.tensor(LEVELS, dtype=torch.float32)[level]
        return denoising_loss(network, batch.chunk, batch.condition, noise, abar)


def denoising_loss(trunk: Trunk, plan: Tensor, condition: Tensor, noise: Tensor, abar: Tensor) -> Tensor:
    """Return |pi(tau_t, abar_t, c) - tau_0|^2 with tau_t = sqrt(abar_t) tau_0 + sqrt(1 - abar_t) e.

    Its minimum is E[tau_0 | tau_t, c]. Predicting tau_0 or the noise e is the same up to a weight:
    e = (tau_t - sqrt(abar_t) tau_0) / sqrt(1 - abar_t). Plans and the standard normal noise e are flat, (B,
    2H), the condition c is (B, 1), and abar_t (B,) is the time of the trunk pi.
    """
    noisy = noised(plan, noise, abar[:, None])
    return torch.nn.functional.mse_loss(trunk(noisy, abar, condition), plan)


def demonstrations(rng: np.random.Generator, count: int = DEMONSTRATIONS, above: float = 0.5) -> Demonstrated:
    """Return `count` demonstrations in random scenes, the share `above` of them to the grasp above."""
    scenes = rng.uniform(*SCENES, count)
    modes = rng.permutation(np.arange(count) >= round(above * count)).astype(int)
    return Demonstrated(scenes, plans_to(scenes, modes, rng))


def plans_to(scenes: np.ndarray, modes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a demonstrated plan to the grasp `modes` (N,) of each scene (N,): (N, H, 2)."""
    plans = straight_plan(grasps(scenes)[np.arange(len(scenes)), modes])
    return plans + SPREAD * rng.standard_normal(plans.shape)


def grasps(scenes: np.ndarray) -> np.ndarray:
    """Return where the two grasps of scenes (N,) are, (N, 2 modes, 2)."""
    y = scenes[:, None] + REACH * np.array([1.0, -1.0])
    return np.stack([np.ones_like(y), y], axis=-1)


def train_denoiser(data: Demonstrated, seed: int = 0, steps: int = STEPS) -> ResFiLM:
    """Return a trunk that denoises; equal arguments give equal bits. `seed` decides all that is random."""
    return _trained(GraspDenoising, data, seed, steps)


def train_regression(data: Demonstrated, seed: int = 0, steps: int = REGRESSION_STEPS) -> ResFiLM:
    """Return the same trunk, trained on the same data by squared error (policies/mse.py)."""
    return _trained(MSE, data, seed, steps)


def _trained(kind: type[ChunkPolicy], data: Demonstrated, seed: int, steps: int) -> ResFiLM:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    trunk = ResFiLM(2 * WAYPOINTS, 1, generator, WIDTH, BLOCKS)
    plans = _flat(data.plans)
    scenes = _condition(data.scenes)

    def get_batch(rows: Tensor) -> Batch:
        return Batch(plans[rows], scenes[rows], plans[rows, :0], plans[rows, :0], plans[rows, 0])

    weights, _ = fit(kind, trunk, get_batch, len(plans), steps, PRESETS[USUAL].batch, generator)
    trunk.load_state_dict(weights)
    return trunk


def denoiser(trunk: Trunk, scenes: np.ndarray) -> Denoiser:
    """Return pi(tau_t, abar_t, c) as a denoiser of plans (N, H, 2), one for each of the scenes (N,)."""

    def clean(plan: np.ndarray, abar: float) -> np.ndarray:
        with torch.no_grad():
            found = trunk(_flat(plan), torch.full((len(plan),), abar), _condition(scenes))
        return found.double().numpy().reshape(plan.shape)

    return clean


def sample(
    trunk: Trunk, scenes: np.ndarray, noise: np.ndarray, levels: Sequence[float] = LEVELS
) -> np.ndarray:
    """Draw a plan for each scene c (N,); return it at all levels, (T + 1, N, H, 2), row 0 the plan.

    Plans start at standard normal noise (N, H, 2). `levels` are abar_1 .. abar_T, the last 0; with (0,), a
    single step, the answer is E[tau_0 | c]: what regression says.
    """
    return reverse(noise, denoiser(trunk, scenes), levels)


def regress(trunk: Trunk, scenes: np.ndarray) -> np.ndarray:
    """Return the one plan that regression has for each scene (N,): (N, H, 2)."""
    with torch.no_grad():
        found = regression_sample(trunk, _condition(scenes), 2 * WAYPOINTS)
    return found.double().numpy().reshape(-1, WAYPOINTS, 2)


def grasp_distances(plans: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Return how far plans (..., N, H, 2) end from the two grasps of their scenes (N,): (..., N, 2)."""
    return endpoint_distance(plans[..., None, :, :], grasps(scenes))


def taken(plans: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Return which grasp plans (N, H, 2) end at: 0 or 1 (see `GRASPS`), -1 for neither, (N,)."""
    distances = grasp_distances(plans, scenes)
    return np.where(distances.min(1) < AT_GRASP, distances.argmin(1), -1)


def shares(plans: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Return the shares of plans (N, H, 2) that end above, below and at neither grasp, (3,)."""
    found = taken(plans, scenes)
    return np.array([(found == grasp).mean() for grasp in (0, 1, -1)])


def _flat(plans: np.ndarray) -> Tensor:
    return torch.from_numpy(plans.reshape(len(plans), -1).astype(np.float32))


def _condition(scenes: np.ndarray) -> Tensor:
    return torch.from_numpy(scenes.astype(np.float32))[:, None]
