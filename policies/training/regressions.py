"""Trains a regression by a recipe: another error, another network, another trainer than those of `mse`."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from ..core import checkpoint as checkpoints
from ..core.chunk_policy import ChunkPolicy
from ..core.dataset import Batch, batches, load_demonstrations, make_windows
from ..mse import MSE
from ..networks.film_resnet import ResFiLM
from ..networks.layers import Trunk, linear
from .fit import fit
from .presets import USUAL, find_preset
from .recipes import Recipe
from .training_batches import batch_getter, make_config, training_settings

BATCH = find_preset(USUAL).batch
"""Windows of a step."""
ERRORS = {"squared": mse_loss, "absolute": l1_loss, "Huber": partial(huber_loss, delta=0.1)}
"""What a recipe may minimise."""


class PlainMLP(nn.Module):
    """Two hidden layers of rectified linear units, as a beginner writes them; reads the condition alone."""

    def __init__(self, x_size: int, c_size: int, generator: torch.Generator, width: int) -> None:
        """Build a network that answers with flat chunks of `x_size` values (H*A)."""
        super().__init__()
        sizes = (c_size, width, width, x_size)
        self.layers = nn.ModuleList(linear(*pair, generator) for pair in pairwise(sizes))

    def forward(self, x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return chunks (B, H*A) for conditions c (B, C); `x` and `t` are not read."""
        first, second, last = self.layers
        return last(torch.relu(second(torch.relu(first(c)))))


def regression(recipe: Recipe) -> type[ChunkPolicy]:
    """Return the method of a recipe; it writes and reads checkpoints of `mse`."""

    class Regression(MSE):
        learning_rate = recipe.learning_rate

        @classmethod
        def build(cls, config: checkpoints.Config, generator: torch.Generator) -> nn.Module:
            sizes = (config.chunk_values, config.condition_size, generator, recipe.width)
            return PlainMLP(*sizes) if recipe.network == "MLP" else ResFiLM(*sizes, config.blocks)

        @staticmethod
        def loss(network: Trunk, batch: Batch, generator: torch.Generator) -> Tensor:
            guess = network(
                torch.zeros_like(batch.chunk), batch.chunk.new_zeros(len(batch.chunk)), batch.condition
            )
            return ERRORS[recipe.error](guess, batch.chunk)

    return Regression


def train_regression(recipe: Recipe, shown: Path, seed: int, folder: Path) -> Path:
    """Train once on a file of demonstrations; return the checkpoint, for the method of `regression`.

    Equal arguments give equal bits on a CPU.
    """
    torch.set_num_threads(1)
    # 1. the windows and the network of the recipe
    kind = regression(recipe)
    demonstrations = load_demonstrations(shown)
    windows = make_windows(demonstrations, kind.chunk_size)
    count = len(windows.observations)
    config = make_config(kind, demonstrations.meta, windows, training_settings(recipe.steps, seed))
    generator = torch.Generator().manual_seed(seed)
    network = kind.build(config, generator)
    get_batch = batch_getter(kind, config, windows)
    # 2. the trainer of the recipe
    if recipe.averaged:
        weights, _ = fit(kind, network, get_batch, count, recipe.steps, BATCH, generator)
    else:
        optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate, fused=True)
        for rows in batches(count, BATCH, recipe.steps, generator):
            optimiser.zero_grad(set_to_none=True)
            kind.loss(network, get_batch(rows), generator).backward()
            optimiser.step()
        weights = network.state_dict()
    path = checkpoints.checkpoint_path(folder, config.task, kind.method)
    checkpoints.save(path, replace(config, width=recipe.width), weights, checkpoints.LARGE_LIMIT)
    return path
