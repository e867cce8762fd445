"""Noise only where demonstrations need it: a flow that starts between the past motion and normal noise."""

import torch
from torch import Tensor, nn

from ..envs.errors import BimodalError
from ..envs.specs import PREFIXES, ROBOT_OBSERVATION
from .core.checkpoint import Config
from .core.chunk_policy import ChunkPolicy, Fit, GetBatch, Learned
from .core.dataset import CHUNK_SIZE, Batch, Component
from .generative.losses import flow_loss
from .generative.rectification import all_pairs
from .networks.film_resnet import ResFiLM
from .networks.layers import Trunk
from .planning.inverse_dynamics import MLP

NEIGHBOURS = 20
"""m, windows of the most similar past whose futures say how many ways there are; the paper's."""
MOST_STEPS = 10
"""K_max, Euler steps where all is noise; the paper's."""
SEARCHED = 512
"""Windows whose neighbours are searched in one pass."""


class AdaptiveSource(nn.Module):
    """The flow, and a network that says how much of each action value's source is noise: w."""

    gain: Tensor
    """Scale of an action value's observation, in units of that of the action, (A,)."""
    shift: Tensor
    """What is added to it then, (A,)."""
    places: Tensor
    """Where the values of a measured action stand in an observation, (A,) int."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        """Build both networks.

        Raises:
            BimodalError: the demonstrations do not say where the hand was.
        """
        super().__init__()
        self.size = config.action_size
        self.chunk_size = config.chunk_size
        self.state_size = config.state_size
        self.flow = ResFiLM(config.chunk_values, config.state_size, generator, config.width, config.blocks)
        self.scheduler = MLP(config.state_size, config.action_size, generator, config.width)
        places = torch.tensor(measured_action(config.observations, config.method))
        seen = config.observation_normaliser
        done = config.action_normaliser
        gain = torch.from_numpy(seen.scale)[places] / torch.from_numpy(done.scale)
        shift = torch.from_numpy(seen.mean)[places] - torch.from_numpy(done.mean)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("gain", gain.float(), persistent=False)
        self.register_buffer("shift", (shift / torch.from_numpy(done.scale)).float(), persistent=False)

    def past(self, condition: Tensor) -> Tensor:
        """Return where the hand was in the last H control steps, as a normalised chunk (B, H*A)."""
        seen = condition.unflatten(1, (-1, self.state_size))[:, -self.chunk_size :, self.places]
        return (seen * self.gain + self.shift).flatten(1)

    def present(self, condition: Tensor) -> Tensor:
        """Return the present observation (B, C), which both networks read."""
        return condition[:, -self.state_size :]

    def weight(self, present: Tensor) -> Tensor:
        """Return w (B, A), in (0, 1)."""
        return torch.sigmoid(self.scheduler(present))


class MARS(ChunkPolicy):
    """Modality-adaptive robot sampling: Jia et al. 2026, arXiv 2605.29766.

    A flow whose source is the measured motion of the last 16 control steps where one motion follows from it,
    and noise where several do. How much, a network learns from the spread of the futures of similar pasts.
    Unlike the paper's, the networks are those of the other chunk methods here and predict the clean chunk, as
    `flow` does, and chunk and past have 16 steps, not 8.
    """

    name = "mars"
    method = "mars"
    description = "A flow from the past motion, with noise only where demonstrated futures differ (MARS)."
    training_steps = 2500
    half_precision = True
    least_obs_steps = CHUNK_SIZE

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the flow and the network that weighs its noise."""
        return AdaptiveSource(config, generator)

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Find each window's neighbours and their spread first; then train.

        A chunk of a batch is the demonstrated one, the spread of the neighbours' chunks, and their pasts.
        """
        assert isinstance(network, AdaptiveSource)
        past = all_pairs(get_batch, count, lambda batch: network.past(batch.condition))
        chunks = all_pairs(get_batch, count, lambda batch: batch.chunk)
        near = nearest_pasts(past, min(NEIGHBOURS, count - 1))
        parts = torch.arange(count).split(SEARCHED)
        spread = torch.cat([dispersion(chunks[rows], chunks[near[rows]], network.size) for rows in parts])

        def with_neighbours(rows: Tensor) -> Batch:
            batch = get_batch(rows)
            rows = rows.to(past.device)
            parts = (batch.chunk, spread[rows], past[near[rows]].flatten(1))
            return batch._replace(chunk=torch.cat(parts, dim=1))

        return fit(cls, with_neighbours)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw noise and times, and return the three losses together; equation 4, both weights 1."""
        assert isinstance(network, AdaptiveSource)
        # 1. the source of each window's way
        past = network.past(batch.condition)
        size = network.size
        values = past.shape[1]
        chunk, spread, pasts = batch.chunk.tensor_split((values, values + size), dim=1)
        pasts = pasts.unflatten(1, (-1, values))
        now = network.present(batch.condition)
        weight = network.weight(now)
        noise = torch.randn(past.shape, generator=generator)
        others = torch.randn(pasts.shape, generator=generator)
        source = mixed_source(past, noise, weight)
        # 2. the flow, and a single step of it where no noise is needed
        time = torch.rand(len(chunk), generator=generator)
        flow = flow_loss(network.flow, chunk, now, source, time)
        once = network.flow(source, torch.zeros_like(time), now)
        single = gated_error(once, chunk, weight)
        # 3. enough noise for all that may follow
        neighbours = mixed_source(pasts, others, weight[:, None])
        short = torch.relu(spread - dispersion(source, neighbours, size)).mean()
        return flow + single + short

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return the end of as many Euler steps as the largest weight asks for."""
        assert isinstance(self.network, AdaptiveSource)
        now = self.network.present(condition)
        weight = self.network.weight(now)
        source = mixed_source(self.network.past(condition), noise, weight)
        return euler_by_weight(self.network.flow, source, now, weight)


def measured_action(observations: tuple[Component, ...], method: str) -> list[int]:
    """Return where in an observation the pose and the opening of each arm stand, in an action's order.

    Raises:
        BimodalError: nothing says so.
    """
    offsets: dict[str, range] = {}
    at = 0
    for name, length in observations:
        offsets[name] = range(at, at + length)
        at += length
    arms = [[prefix + spec.name for spec in ROBOT_OBSERVATION] for prefix in PREFIXES]
    found = [name for names in arms if offsets.keys() & set(names) for name in names]
    if missing := [name for name in found or arms[0] if name not in offsets]:
        raise BimodalError(
            f"{method} needs demonstrations that say where the hand was; {missing[0]} is missing"
        )
    return [place for name in found for place in offsets[name]]


def nearest_pasts(past: Tensor, count: int) -> Tensor:
    """Return the rows (M, count) of the pasts most like each of (M, H*A), without itself."""
    found = []
    for rows in torch.arange(len(past), device=past.device).split(SEARCHED):
        apart = torch.cdist(past[rows], past)
        apart[torch.arange(len(rows)), rows] = torch.inf
        found.append(apart.topk(count, largest=False).indices)
    return torch.cat(found)


def mixed_source(past: Tensor, noise: Tensor, weight: Tensor) -> Tensor:
    """Return a_0 = (1 - w) a_past + w e (..., H*A); equation 3, w (..., A) is the same at all steps."""
    return torch.lerp(
        past, noise, weight.repeat(*[1] * (weight.ndim - 1), past.shape[-1] // weight.shape[-1])
    )


def dispersion(own: Tensor, others: Tensor, size: int) -> Tensor:
    """Return S = 1/m sum_j |a_i - a_j| (B, A) of chunks (B, H*A) and others (B, m, H*A); equation 7.

    The mean over the steps of a chunk, too, as w has one value for all of them.
    """
    return (own[:, None] - others).abs().unflatten(2, (-1, size)).mean((1, 2))


def gated_error(guess: Tensor, chunk: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of (1 - w) |guess - a| of chunks (B, H*A); equation 5, w (B, A) learns nothing."""
    gate = (1 - weight.detach()).repeat(1, chunk.shape[1] // weight.shape[1])
    return (gate * (guess - chunk).abs()).mean()


def steps_of(weight: Tensor) -> Tensor:
    """Return K = K_max max(w), rounded up, of weights (B, A), (B,): the Euler steps of each row.

    Rounded a little first, so that no last bit decides.
    """
    return (MOST_STEPS * weight.amax(1)).round(decimals=3).ceil().clamp(1, MOST_STEPS)


def euler_by_weight(flow: Trunk, source: Tensor, condition: Tensor, weight: Tensor) -> Tensor:
    """Follow the flow from the source to chunks (B, H*A), each row in the steps that its weight asks for.

    As `flow_euler`, but for rows that arrive earlier; they stay.
    """
    x = source
    steps = steps_of(weight)
    for i in range(int(steps.max())):
        left = (steps - i).clamp(min=1)
        clean = flow(x, (i / steps).clamp(max=1), condition)
        x = torch.where((i < steps)[:, None], torch.lerp(x, clean, (1 / left)[:, None]), x)
    return x
