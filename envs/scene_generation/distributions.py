"""What the scene generator draws from: dm_control's distributions, and kinds that no train scene shows."""

import functools
import os
import warnings
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..seed_ranges import TRAIN


def is_unseen(seed: int) -> bool:
    """Return whether a scene holds kinds that no train scene has: every other validation or test scene."""
    return seed not in TRAIN and seed % 2 == 0


class Family(NamedTuple):
    """Kinds of a thing that generated scenes hold."""

    seen: tuple[str, ...]
    """Those of train scenes, and of validation and test scenes with odd seeds."""
    unseen: tuple[str, ...]
    """Those of validation and test scenes with even seeds, none of which a train scene has shown."""

    def kinds(self, seed: int) -> tuple[str, ...]:
        """Return those of one episode."""
        return self.unseen if is_unseen(seed) else self.seen


@functools.cache
def _distributions() -> ModuleType:
    """Import dm_control's distributions only when a scene is drawn, and without its renderers."""
    before = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = "disabled"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dm_control.composer.variation import distributions
    finally:
        os.environ.pop("MUJOCO_GL")
        if before is not None:
            os.environ["MUJOCO_GL"] = before
    return distributions


def _state(rng: np.random.Generator) -> np.random.RandomState:
    """Return the older interface to the same stream, which dm_control's distributions ask for."""
    return np.random.RandomState(rng.bit_generator)


def uniform(rng: np.random.Generator, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Return uniform numbers between arrays of one shape."""
    low = np.asarray(low, float)
    high = np.asarray(high, float)
    if low.shape != high.shape:
        low, high = np.broadcast_arrays(low, high)
    return np.asarray(_distributions().Uniform(low, high)(initial_value=low, random_state=rng))


def choice(rng: np.random.Generator, options: int) -> int:
    """Return one of 0 .. options - 1, all equally likely."""
    return int(_distributions().UniformInteger(0, options)(random_state=_state(rng)))


def sphere(rng: np.random.Generator) -> np.ndarray:
    """Return a direction, uniform on the unit sphere, (3,)."""
    return _distributions().UniformPointOnSphere()(random_state=_state(rng))
