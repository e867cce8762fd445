"""Nearest-neighbour chunks: replay what the most similar demonstrated moment was followed by."""

import torch
from torch import Tensor, nn

from ..envs.errors import BimodalError
from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy, Fit, GetBatch, Learned
from .core.dataset import CHUNK_SIZE

MEMORY = 150_000
"""Most that a task's demonstrations may take in 16 bits [bytes]; about forty of the 300 episodes."""


class Memory(nn.Module):
    """Frames of demonstrations, normalised; what a trunk's weights are to the other methods."""

    def __init__(self, frames: int, c_size: int, a_size: int) -> None:
        """Make room for M `frames`: observations of C = `c_size` values and actions of A = `a_size`."""
        super().__init__()
        self.keep(torch.zeros(frames, c_size), torch.zeros(frames, a_size), torch.zeros(frames, 1))

    def keep(self, seen: Tensor, done: Tensor, left: Tensor) -> None:
        """Take observations (M, C), actions (M, A) and how many frames of the episode follow (M, 1)."""
        self.seen = nn.Parameter(seen, requires_grad=False)
        self.done = nn.Parameter(done, requires_grad=False)
        self.left = nn.Parameter(left, requires_grad=False)

    def forward(self, c: Tensor) -> Tensor:
        """Return the chunks (B, H*A) that followed the frames most like c (B, C); the first of several."""
        away = (self.seen - c[:, None]).square().sum(2)
        nearest = away.argmin(1, keepdim=True)
        ahead = torch.minimum(torch.arange(CHUNK_SIZE).to(nearest), self.left[nearest[:, 0]].long())
        return self.done[nearest + ahead].flatten(1)


class Nearest(ChunkPolicy):
    """One neighbour in normalised observations; commits to a mode, but copies one demonstration's aim.

    It remembers whole episodes, from the first on, as many as fit into `MEMORY`; they show the modes as
    evenly as all do.
    """

    name = "nearest"
    method = "nearest"
    description = "The chunk that followed the most similar demonstrated observation."
    training_steps = 1
    half_precision = True

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return a memory of as many frames as the checkpoint has values for."""
        values = config.condition_size + config.action_size + 1
        return Memory(config.parameters // values, config.condition_size, config.action_size)

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Keep the demonstrations; there is no loss."""
        whole = get_batch(torch.arange(count))
        actions = whole.chunk.unflatten(1, (CHUNK_SIZE, -1))
        ends = episode_ends(actions)
        values = whole.condition.shape[1] + actions.shape[2] + 1
        fitting = ends[ends < MEMORY // (2 * values)]
        if not len(fitting):
            raise BimodalError(f"not one episode of {values} values a frame fits into {MEMORY} bytes")
        rows = torch.arange(int(fitting[-1]) + 1)
        left = (ends[torch.searchsorted(ends, rows)] - rows)[:, None].to(actions)
        assert isinstance(network, Memory)
        network.keep(whole.condition[: len(rows)].clone(), actions[: len(rows), 0].clone(), left)
        return network.state_dict(), 0.0

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return what followed the nearest frame; the noise is not used."""
        return self.network(condition)


def episode_ends(actions: Tensor) -> Tensor:
    """Return the rows (E,) at which episodes end, for the chunks (M, H, A) of consecutive frames.

    Within an episode, a chunk is the one before it moved on by one action.
    """
    follows = (actions[1:, :-1] == actions[:-1, 1:]).flatten(1).all(1)
    last = torch.tensor([True])
    return torch.cat((~follows.cpu(), last)).nonzero()[:, 0]
