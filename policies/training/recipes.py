"""Ways to train a regression, as data: what the panels of `benchmark/certificate/` try.

Those from the state are tried by `regression_panel.py`, those from pictures by `vision_panel.py`.
"""

from typing import NamedTuple


class Recipe(NamedTuple):
    """One way to train a regression."""

    network: str
    """`ResFiLM`, the trunk of all methods here, or `MLP`."""
    width: int
    """Hidden width."""
    error: str
    """What is minimised: `squared`, `absolute` or `Huber`; best is a mean, a median, or between."""
    averaged: bool
    """True for the trainer of all methods here: AdamW along a half cosine, and a running average of the
    weights. False for Adam at one rate, and the weights of its last step."""
    steps: int
    """Optimiser steps, 128 windows each."""
    learning_rate: float
    """At the first step."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.network} {self.width}, {self.error} error" + ", averaged" * self.averaged


RECIPES = (
    Recipe("ResFiLM", 128, "squared", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "absolute", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "Huber", True, 1000, 3e-3),
    Recipe("ResFiLM", 256, "squared", True, 1000, 3e-3),
    Recipe("ResFiLM", 128, "squared", False, 3000, 1e-3),
    Recipe("MLP", 256, "squared", False, 3000, 1e-3),
    Recipe("MLP", 256, "absolute", False, 3000, 1e-3),
)
"""All that are tried; the first is that of the board's `mse` and of gate 5."""


class PictureRecipe(NamedTuple):
    """One way to train a regression on what the frozen encoder of `vision_flow` says of pictures."""

    reads: str
    """`features`, all of them, or `poses`: only where the encoder's linear layer says the objects are."""
    told: bool = False
    """Whether it is told which mode to take, as `mse_labelled` is."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.reads} of vision_flow" + ", told the mode" * self.told
