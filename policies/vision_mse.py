"""Regression of chunks from pictures: `mse` with an encoder in place of the objects' poses."""

from .mse import MSE
from .vision.vision_policy import VisionPolicy


class VisionMSE(VisionPolicy, MSE):
    """`mse` that sees: its encoder learns from the squared error, and from the poses of the objects."""

    name = "vision_mse"
    method = "vision_mse"
    description = "Regression of action chunks, from two cameras and the hand."
