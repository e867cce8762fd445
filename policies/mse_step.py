"""Regression of single actions: behaviour cloning as it was before chunks."""

from .mse import MSE


class StepMSE(MSE):
    """`mse` with a chunk of one action and a decision at every control step.

    It averages the next action alone, not a whole grasp, and sees at once where the hand has drifted. Any
    drift lies in one mode's demonstrations only, so it may leave the middle by accident.
    """

    method = "mse_step"
    description = "Regression of single actions, decided anew at every control step."
    horizon = 1
    executes = 1
    halved = True
