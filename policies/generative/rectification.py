"""Training a flow twice: the second flow learns from pairs of a noise and what the first one made of it.

Each noise then has one end, so the ways to different modes no longer cross, and few steps follow them. Liu et
al. 2023 (arXiv 2209.03003), section 2.2. Called by the `learn` of `Reflow` and `DiffuserLite`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..core.chunk_policy import ChunkPolicy, Fit, GetBatch, Learned
from ..core.dataset import Batch
from ..core.devices import made_on

TEACHER_STEPS = 20
"""Euler steps by which the first flow makes what the second learns from."""
PAIR_BATCH = 1024
"""Pairs that are made in one pass."""
ZERO_TIME_SHARE = 0.5
"""Share of the windows that are learnt at t = 0, from where a single step goes."""

MakePairs = Callable[[Batch], Tensor]
"""Returns a row of noise and sample for each window of a batch, (B, ...)."""


def learn_rectified(
    first: type[ChunkPolicy],
    second: type[ChunkPolicy],
    network: nn.Module,
    get_batch: GetBatch,
    count: int,
    fit: Fit,
    make_pairs: MakePairs,
) -> Learned:
    """Train a flow, let it make a pair for each window, and train it on with those as the chunks.

    The losses are those of the methods `first` and `second`, the latter's for pairs; the other arguments are
    those of `ChunkPolicy.learn`, but `make_pairs`, which uses the network as it is then.
    """
    weights, _ = fit(first, get_batch)
    network.load_state_dict(weights)
    pairs = all_pairs(get_batch, count, make_pairs)

    def paired(rows: Tensor) -> Batch:
        return get_batch(rows)._replace(chunk=pairs[rows.to(pairs.device)])

    return fit(second, paired)


def all_pairs(get_batch: GetBatch, count: int, make_pairs: MakePairs) -> Tensor:
    """Return the pairs of all windows, (count, ...)."""
    pairs = []
    with torch.no_grad():
        for rows in torch.arange(count).split(PAIR_BATCH):
            batch = get_batch(rows)
            with made_on(batch.chunk.device):
                pairs.append(make_pairs(batch))
    return torch.cat(pairs)


def pair_times(rows: int, generator: torch.Generator) -> Tensor:
    """Return the times (B,) at which pairs are learnt: a share `ZERO_TIME_SHARE` at 0, the rest uniform."""
    time, coin = torch.rand(2, rows, generator=generator)
    return torch.where(coin < ZERO_TIME_SHARE, 0.0, time)
