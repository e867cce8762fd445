"""The perturbations, one file a family; every class here that has a `name` is found by its registry."""

from ..scene_generation.episode_context import EpisodeContext
from .core.perturbation import Perturbation

__all__ = ["EpisodeContext", "Perturbation"]
