"""Diffusion of chunks from pictures: `diffusion` with an encoder in place of the objects' poses."""

from .diffusion import Diffusion
from .vision.vision_policy import VisionPolicy


class VisionDiffusion(VisionPolicy, Diffusion):
    """`diffusion` that sees: its encoder learns from the loss of denoising, and from the objects' poses."""

    name = "vision_diffusion"
    method = "vision_diffusion"
    description = "Diffusion Policy, from two cameras and the hand."
