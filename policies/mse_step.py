"""Regression of single actions: behaviour cloning as it was before chunks."""

import torch
from torch import nn

from .core.checkpoint import Config
from .mse import MSE
from .networks.film_resnet import ResFiLM


class StepMSE(MSE):
    """`mse` with a chunk of one action and a decision at every control step.

    It averages the next action alone, not a whole grasp, and sees at once where the hand has drifted. Any
    drift lies in one mode's demonstrations only, so it may leave the middle by accident.
    """

    name = "mse_step"
    method = "mse_step"
    description = "Regression of single actions, decided anew at every control step."
    chunk_size = 1
    n_action_steps = 1
    half_precision = True

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return a trunk half as wide as that of a chunk: it has a sixteenth of the numbers to say."""
        width = config.width // 2
        return ResFiLM(config.chunk_values, config.condition_size, generator, width, config.blocks)
