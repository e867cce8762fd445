"""The perturbations, one file a family; every class here that has a `name` is found by its registry."""

from .core.perturbation import Perturbation as Perturbation
