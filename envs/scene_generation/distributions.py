"""What the scene generator draws from: dm_control's distributions, and kinds that no train scene shows."""

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


def _state(rng: np.random.Generator) -> np.random.RandomState:
    """Return the older interface to the same stream: dm_control's distributions draw from it."""
    return np.random.RandomState(rng.bit_generator)


def uniform(rng: np.random.Generator, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Return uniform numbers between arrays of one shape."""
    low, high = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    return np.asarray(rng.uniform(low, high))


def choice(rng: np.random.Generator, options: int) -> int:
    """Return one of 0 .. options - 1, all equally likely."""
    return int(_state(rng).randint(options))


def sphere(rng: np.random.Generator) -> np.ndarray:
    """Return a direction, uniform on the unit sphere, (3,)."""
    axis = _state(rng).normal(size=3)
    return axis / np.linalg.norm(axis, axis=-1, keepdims=True)
