"""A variant of one perturbation whose magnitudes all draw from one stream, for curves of success."""

from .magnitudes import at
from .perturbation import LEVELS, Perturbation
from .variant import Variant


class Dosed(Variant):
    """One perturbation at a magnitude in its own unit, without any limit.

    At every magnitude it draws from the stream of its highest level, so that along a curve nothing else
    changes: at the magnitude of the highest level, and at those that are no level's, the episodes are those
    of the variant of that name, to the last bit; at a lower level's they draw other numbers.
    """

    def __init__(self, perturbation: type[Perturbation], magnitude: float) -> None:
        """Take the perturbation and its magnitude."""
        super().__init__()
        self.name = f"{perturbation.name} at {magnitude:g} {perturbation.unit}"
        self.parts = [at(perturbation, magnitude)(LEVELS[-1])]
