"""A variant of one perturbation at any magnitude, for studies; suites, runs and entries know levels alone."""

from functools import cache

from .perturbation import LEVELS, Perturbation
from .variant import Variant


class Dosed(Variant):
    """One perturbation at a magnitude in its own unit.

    At every magnitude it draws from the stream of its highest level, so that along a curve nothing else
    changes; at the magnitude of the highest level the episodes are that level's, to the last bit.
    """

    def __init__(self, perturbation: type[Perturbation], magnitude: float) -> None:
        """Take the perturbation and its magnitude."""
        super().__init__()
        self.name = f"{perturbation.name} at {magnitude:g} {perturbation.unit}"
        self.parts = [_at(perturbation, magnitude)(LEVELS[-1])]


@cache  # the generator of scenes remembers classes, so one magnitude has one class
def _at(perturbation: type[Perturbation], magnitude: float) -> type[Perturbation]:
    """Return the perturbation with this magnitude at every level but the clean one."""
    levels = (perturbation.levels[0], magnitude, magnitude, magnitude)
    return type(perturbation.__name__, (perturbation,), {"levels": levels, "__doc__": perturbation.__doc__})
