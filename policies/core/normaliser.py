"""Z-scores per dimension, fitted on demonstrations and stored with the weights."""

from dataclasses import dataclass

import numpy as np

from ...envs.errors import BimodalError
from ...envs.specs import Spec

OBSERVATION_FLOOR = 2e-3
"""Smallest scale of an observation [m or its own unit]: 2 mm, so that jitter is not blown up."""
ACTION_MARGINS = {"m": 1e-3, "1": 5e-2}
"""Added to the scale of an action of each unit: what hardly changes is learnt to about a millimetre, or
3 degrees of rotation. With a thousandth for rotations too, their nearly constant values would fill half of
the loss (flow on the dumbbell: 86 instead of 95 % success, one training seed)."""
CONSTANT = 1e-6
"""A spread below this counts as none."""


@dataclass(frozen=True)
class Normaliser:
    """z = (value - mean) / scale for each dimension."""

    mean: np.ndarray
    """(D,) float64."""
    scale: np.ndarray
    """(D,) float64, positive."""

    @classmethod
    def of_observations(cls, values: np.ndarray) -> "Normaliser":
        """Fit to observations (..., D).

        An observation that never changed keeps its unit (scale 1): a value that the training never
        saw then moves the network's input a little instead of by hundreds of deviations.
        """
        mean, spread = _moments(values)
        return cls(mean, np.where(spread < CONSTANT, 1.0, np.maximum(spread, OBSERVATION_FLOOR)))

    @classmethod
    def of_actions(cls, values: np.ndarray, specs: tuple[Spec, ...]) -> "Normaliser":
        """Fit to actions (..., D) of an action space in metres and pure numbers."""
        mean, spread = _moments(values)
        return cls(mean, spread + np.concatenate([np.full(s.size, ACTION_MARGINS[s.unit]) for s in specs]))

    @classmethod
    def from_json(cls, data: dict[str, list[float]]) -> "Normaliser":
        """Read what `to_json` wrote.

        Raises:
            BimodalError: a mean or scale is missing, not finite, or not positive.
        """
        try:
            mean, scale = (np.asarray(data[key], np.float64) for key in ("mean", "scale"))
            sound = mean.ndim == 1 and mean.shape == scale.shape
            if sound and np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all():
                return cls(mean, scale)
        except (KeyError, TypeError, ValueError):
            pass
        raise BimodalError("a normaliser needs finite lists `mean` and positive `scale` of one length")

    def to_json(self) -> dict[str, list[float]]:
        """Return plain lists; every bit survives the round trip through JSON."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    def normalise(self, values: np.ndarray) -> np.ndarray:
        """Return z-scores (..., D) float32 of values (..., D)."""
        return ((values - self.mean) / self.scale).astype(np.float32)

    def restore(self, scores: np.ndarray) -> np.ndarray:
        """Return values (..., D) float64 of z-scores (..., D)."""
        return np.asarray(scores, np.float64) * self.scale + self.mean


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (D,) of values (..., D) in float64."""
    flat = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
    return flat.mean(axis=0), flat.std(axis=0)
