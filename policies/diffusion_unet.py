"""Diffusion of chunks by a convolutional U-Net: the other trunk of Diffusion Policy."""

import torch
from torch import nn

from .core.checkpoint import Config
from .diffusion import Diffusion
from .networks.unet import UNet


class UNetDiffusion(Diffusion):
    """`diffusion` with convolutions over the chunk's frames, as in Chi et al. 2023, section 3.1."""

    name = "diffusion_unet"
    method = "diffusion_unet"
    description = "Diffusion Policy with a 1-D U-Net."
    training_steps = 2000
    learning_rate = 2e-3

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return a U-Net over the frames of a chunk, with 32 and 64 channels at the usual width of 128."""
        widths = (config.width // 4, config.width // 2)
        return UNet(config.chunk_size, config.action_size, config.condition_size, generator, widths)
