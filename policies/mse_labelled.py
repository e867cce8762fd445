"""Regression of chunks by a policy that is told which mode to take: the oracle beside `mse`."""

from .mse import MSE


class LabelledMSE(MSE):
    """The same network and loss as `mse`, with the mode appended to the condition.

    If it succeeds where `mse` fails, then the only thing that `mse` lacks is a choice. At test time the
    wanted mode is drawn from the episode's noise key, evenly over the modes.
    """

    name = "mse_labelled"
    method = "mse_labelled"
    description = "Oracle: regression of action chunks that is told which mode to take."
    labelled = True
    half_precision = True
