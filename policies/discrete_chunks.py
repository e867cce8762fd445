"""Chunks as a choice among a few dozen: one is drawn, then refined; the simplest way to keep modes apart."""

import warnings

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn
from torch.nn import functional

from ..envs.errors import BimodalError
from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy, Fit, GetBatch, Learned
from .core.dataset import Batch
from .generative.samplers import drawn_index
from .networks.film_resnet import ResFiLM
from .networks.layers import linear

CODES = 64
"""K, chunks to choose among."""
ITERATIONS = 30
"""Of k-means."""
FOCUS = 2.0
"""Exponent of the focal loss: what is known already counts less."""


class CodedChunks(nn.Module):
    """K chunks, a network that says how likely each is, and one that refines the one that was drawn."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        """Build both networks; the chunks are zeros until they are learnt."""
        super().__init__()
        width = config.width
        blocks = config.blocks
        sizes = (config.condition_size, *[width] * blocks)
        self.codes = nn.Parameter(torch.zeros(CODES, config.chunk_values), requires_grad=False)
        self.hidden = nn.ModuleList(map(linear, sizes, sizes[1:], [generator] * blocks))
        self.choice = linear(width, CODES, generator)
        self.refinement = ResFiLM(config.chunk_values, config.condition_size, generator, width, blocks)

    def logits(self, c: Tensor) -> Tensor:
        """Return how likely each code is, as logits (B, K), for conditions c (B, C)."""
        h = c
        for layer in self.hidden:
            h = functional.mish(layer(h))
        return self.choice(h)

    def refined(self, drawn: Tensor, c: Tensor) -> Tensor:
        """Return the chunks (B, H*A) of codes (B,) for conditions c (B, C)."""
        code = self.codes[drawn]
        return code + self.refinement(code, c.new_zeros(len(c)), c)

    def nearest(self, chunk: Tensor) -> Tensor:
        """Return the code nearest to each chunk (B, H*A), (B,)."""
        return torch.cdist(chunk, self.codes).argmin(1)


class DiscreteChunks(ChunkPolicy):
    """Behavior Transformers' action codes, over whole chunks and without the transformer.

    Shafiullah et al. 2022, arXiv 2206.11251: demonstrated actions are clustered (k-means); a network says how
    likely each cluster is (focal loss), another what to add to the centre of the one that is drawn. Two good
    chunks lie in two clusters, so their average is in neither. VQ-BeT (Lee et al. 2024, arXiv 2403.03181)
    learns the codes instead.
    """

    name = "bet"
    method = "bet"
    description = "Behavior Transformers' discrete codes over chunks: draws one of 64 and refines it."
    training_steps = 2000
    half_precision = True

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return codes and networks."""
        return CodedChunks(config, generator)

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Cluster the demonstrated chunks, then learn to choose and to refine.

        Raises:
            BimodalError: there are fewer chunks than codes.
        """
        if count < CODES:
            raise BimodalError(f"{count} demonstrated control steps are too few for {CODES} different chunks")
        chunks = get_batch(torch.arange(count)).chunk
        seed = int(torch.randint(2**31, (), generator=generator))
        first = np.random.default_rng(seed).choice(count, CODES, replace=False)
        found = chunks.double().cpu().numpy()
        with (
            warnings.catch_warnings()
        ):  # a cluster may be empty where few chunks differ; its code is never drawn
            warnings.simplefilter("ignore")
            centres, _ = kmeans2(found, found[np.sort(first)], ITERATIONS, minit="matrix")
        assert isinstance(network, CodedChunks)
        network.codes.data.copy_(torch.from_numpy(centres))
        return fit(cls, get_batch)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the focal loss of the nearest code, and the squared error of its refinement."""
        assert isinstance(network, CodedChunks)
        shown = network.nearest(batch.chunk)
        log = functional.cross_entropy(network.logits(batch.condition), shown, reduction="none")
        focal = (1 - torch.exp(-log)) ** FOCUS * log
        error = (network.refined(shown, batch.condition) - batch.chunk).square().mean()
        return focal.mean() + error

    def noise_size(self) -> int:
        """Return 1: what picks the code."""
        return 1

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the refined chunk of the drawn code."""
        network = self.network
        assert isinstance(network, CodedChunks)
        return network.refined(drawn_index(network.logits(condition), noise), condition)
