"""Trains a regression on what the frozen encoder of `vision_flow` says; for `bimodal certify --vision`."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...envs.errors import BimodalError
from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy, GetBatch, Learned
from ..core.dataset import Extent, load_demonstrations
from ..mse import MSE
from ..networks.film_resnet import ResFiLM
from ..networks.layers import count_parameters
from ..vision.encoder import VisionNetwork
from ..vision.vision_policy import VisionPolicy
from .fit import fit
from .presets import USUAL, find_preset
from .recipes import PictureRecipe
from .training_batches import batch_getter, make_config, training_settings


class PoseNetwork(VisionNetwork):
    """A vision network whose trunk is given the poses that the encoder tells, and none of its features."""

    def __init__(self, config: checkpoints.Config, generator: torch.Generator) -> None:
        """Build it; arguments as of `VisionNetwork`."""
        super().__init__(config, generator)
        condition_size = self.pose.out_features + config.condition_size
        self.trunk = ResFiLM(config.chunk_values, condition_size, generator, config.width, config.blocks)

    def look(self, pictures: Tensor, given: Tensor, mixed: bool = False) -> Tensor:
        """Return where it believes the objects, normalised, (B, P); arguments as of `VisionNetwork`."""
        return self.pose(super().look(pictures, given, mixed))


def picture_regression(recipe: PictureRecipe) -> type[VisionPolicy]:
    """Return the method of a recipe; it writes and reads checkpoints of `mse`."""

    class Regression(VisionPolicy, MSE):
        labelled = recipe.told

        @classmethod
        def build(cls, config: checkpoints.Config, generator: torch.Generator) -> nn.Module:
            return (PoseNetwork if recipe.reads == "poses" else VisionNetwork)(config, generator)

    return Regression


def train_picture_regression(
    recipe: PictureRecipe, encoder: Path, shown: Path, seed: int, folder: Path, steps: int | None = None
) -> Path:
    """Train once on a file of demonstrations; return the checkpoint, for the method of `picture_regression`.

    Equal arguments give equal bits on a CPU.

    Args:
        recipe: what is trained.
        encoder: weights of `vision_flow`, learnt from the same demonstrations; its encoder stays as it is.
        shown: the demonstrations.
        seed: of the trunk's first weights, the batches and the noise.
        folder: where the checkpoint goes.
        steps: optimiser steps; None for as many as the trunk of every vision policy takes.

    Raises:
        BimodalError: the encoder learnt from other demonstrations, or nothing can be learnt from these.
    """
    torch.set_num_threads(1)
    # 1. the windows, and the network with the encoder that is there already
    kind = picture_regression(recipe)
    demonstrations = load_demonstrations(shown)
    windows = kind.windows(shown, demonstrations, Extent(kind.chunk_size))
    steps = steps or kind.training_steps
    config = make_config(kind, demonstrations.meta, windows, training_settings(steps, seed))
    generator = torch.Generator().manual_seed(seed)
    network = kind.build(config, generator)
    network.load_state_dict(_encoder(encoder, config), strict=False)
    # 2. the trunk
    batch = find_preset(USUAL).batch

    def fit_trunk(stage: type[ChunkPolicy], get_batch: GetBatch) -> Learned:
        return fit(stage, network, get_batch, windows.count, steps, batch, generator)

    given = batch_getter(kind, config, windows)
    weights, loss = kind.learn_trunk(network, given, windows.count, generator, fit_trunk)
    path = checkpoints.checkpoint_path(folder, config.task, kind.method)
    config = replace(config, parameters=count_parameters(network), training={**config.training, "loss": loss})
    checkpoints.save(path, config, {name: part.half() for name, part in weights.items()})
    return path


def _encoder(path: Path, config: checkpoints.Config) -> dict[str, Tensor]:
    """Return the weights of the encoder and of its head of a checkpoint, without those of its trunk."""
    found = checkpoints.load(path, config.task, "vision_flow")
    if found.config.training.get("demonstrations") != config.training["demonstrations"]:
        raise BimodalError(f"the encoder of {path} learnt from other demonstrations than these")
    kinds = {(c.vision.encoder, c.vision.image_size) for c in (found.config, config) if c.vision}
    if len(kinds) > 1:
        raise BimodalError(f"the encoder of {path} was trained with another --preset than {USUAL}")
    return {name: part.float() for name, part in found.weights.items() if not name.startswith("trunk.")}
