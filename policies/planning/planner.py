"""What the four planners share as policies: one episode at a time, its sampled plans side by side."""

from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...envs.errors import BimodalError
from ...envs.random_streams import stream
from ...tasks.core.task import Task
from ..core.checkpoint import Config
from ..core.chunk_policy import ChunkPolicy
from ..core.dataset import Batch
from ..core.policy import Decision, Episodes, PlanRecord
from ..generative.noise_schedule import squared_cosine_alphas_cumprod
from ..generative.noising import noised
from ..networks.layers import Trunk
from .guidance import expectile_loss, inpainted, known_states
from .inverse_dynamics import inverse_loss
from .plan_feasibility import actions_follow_plan, scales, select_plan, violations

LEVELS = 20
"""T, noise levels of the diffusion planners."""
ALPHAS_CUMPROD = squared_cosine_alphas_cumprod(LEVELS)
"""Share of signal at each level, (T,)."""
RETURN_DROPOUT = 0.25
"""How often a plan is learnt without the return that it is conditioned on."""
REACHABLE = 0.95
"""Expectile of the returns from a state that plans are conditioned on."""
MARGIN = 0.01
"""Added to the scale of an observation [m or its own unit]: what varies less, such as a hand's tilt, is
mostly jitter, and would otherwise fill the loss of a plan."""


class Plan(NamedTuple):
    """What a planner found for one episode, normalised."""

    actions: Tensor
    """The chunk, flat, (H*A,)."""
    candidates: Tensor
    """Planned observations of K candidates, (K, P, C)."""
    scores: Tensor
    """Worth of each, higher is better, (K,)."""
    chosen: int
    """The candidate that became the plan."""
    verdict: str
    """What the feasibility check said."""


class Networks(nn.ModuleDict):
    """A planner's networks, and how much each value of a state counts in their losses."""

    weight: Tensor
    """(C,)."""

    def __init__(self, config: Config, **networks: nn.Module) -> None:
        """Put networks together, by name."""
        super().__init__(networks)
        scale = torch.from_numpy(config.observation_normaliser.scale)
        self.register_buffer("weight", (scale / (scale + MARGIN)).square().float(), persistent=False)


class Planner(ChunkPolicy):
    """Base of the planners: networks that sample plans, a choice among them, and actions that follow it.

    An episode's candidates fill the rows of a pass, and episodes take turns: whatever else is in the batch,
    a row of it is computed from the same numbers in the same shape.
    """

    regime = "graded"
    episodes = 600
    half_precision = True
    learning_rate = 4e-3
    sampled: ClassVar[int] = 16
    """Candidates for each decision."""
    recorded: ClassVar[int] = 1
    """Of so many planned states, one is written into the record."""

    def __init__(
        self, task: Task, checkpoint: Path, n_action_steps: int | None = None, candidates: int | None = None
    ) -> None:
        """Load trained weights; arguments and errors as in `ChunkPolicy`. The papers execute 1 action.

        Further args:
            candidates: plans sampled for each decision, 1 or more; None takes the method's.
        """
        super().__init__(task, checkpoint, n_action_steps)
        self.candidates = self.sampled if candidates is None else candidates
        if self.candidates < 1:
            raise BimodalError(f"cannot choose among {self.candidates} plans; 1 or more are possible")
        assert isinstance(self.network, Networks)
        self.networks = self.network
        self.scales = scales(self.config)
        self.network.eval().requires_grad_(False)
        self._plans: list[Plan | None] = []

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the plan for one episode, from standard normal noise (K, noise_size) of the candidates.

        The condition (K, C) repeats that of the episode. Of the plan of the decision before, `last`,
        `n_action_steps` actions have been executed.
        """
        raise NotImplementedError

    def sample(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return normalised chunks (B, H*A) for noise (B, K, noise_size) and conditions (B, C)."""
        repeated = condition[:, None].expand(-1, noise.shape[1], -1)
        return torch.stack([self.plan(*row, None).actions for row in zip(noise, repeated, strict=True)])

    def reset(self, episodes: Episodes) -> None:
        """Start new episodes and forget all plans."""
        super().reset(episodes)
        self._plans = [None] * len(self._keys)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return one chunk (N, H, A) for each episode, and how it came about."""
        observed = self._observed(observation)
        # one plan after the other, so that no episode depends on the batch
        with torch.inference_mode(False), torch.no_grad():  # guidance needs gradients, whoever calls
            condition = torch.from_numpy(self._condition(observed))
            found = [
                self.plan(self._candidate_noise(int(key)), row.expand(self.candidates, -1), last)
                for key, row, last in zip(self._keys, condition, self._plans, strict=True)
            ]
        self._plans = list(found)
        self._decision += 1
        chunks = np.array([plan.actions.numpy() for plan in found])
        return Decision(self._actions(chunks), self._record(observed, found))

    def _candidate_noise(self, key: int) -> Tensor:
        """Return (K, noise_size); the first candidates' noise is the same however many there are."""
        rng = stream("plan", key, self._decision)
        return torch.from_numpy(rng.standard_normal((self.candidates, self.noise_size()), np.float32))

    def _record(self, observed: np.ndarray, found: list[Plan]) -> PlanRecord:
        states = np.stack([plan.candidates[:, :: self.recorded].numpy() for plan in found])
        return PlanRecord(
            seen=observed,
            candidates=self.config.observation_normaliser.restore(states).astype(np.float32),
            scores=-np.stack([plan.scores.numpy() for plan in found]),
            chosen=np.array([plan.chosen for plan in found]),
            verdict=np.array([plan.verdict for plan in found]),
        )

    def select(self, scores: Tensor, states: Tensor, chosen: int, stride: int = 1) -> tuple[int, str]:
        """Return the candidate to follow and the verdict; see `select_plan` and `violations`."""
        return select_plan(scores, violations(self.scales, states, stride), chosen)

    def check_actions(self, verdict: str, actions: Tensor, states: Tensor) -> str:
        """Return the verdict after a look at actions (M, A) and the states (M, C) that should follow them."""
        if verdict == "pass" and not actions_follow_plan(self.scales, actions, states):
            return "rejected: inverse dynamics"
        return verdict


def state_plan_loss(
    network: Networks, batch: Batch, condition: Tensor, frames: int, generator: torch.Generator
) -> Tensor:
    """Return the `diffused_loss` of plans of states (B, frames * C), whose first state is known."""
    size = batch.states.shape[1] // frames
    trunk = inpainted(network["plan"], batch.states, known_states(frames, size))
    weight = network.weight.repeat(frames)
    return diffused_loss(trunk, batch.states, condition, ALPHAS_CUMPROD, generator, weight)


def action_and_return_losses(
    network: Networks, batch: Batch, frames: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the losses of the inverse dynamics, and of the return within reach of states (B, P, C)."""
    jitter = torch.randn(len(frames), 2, frames.shape[2], generator=generator)
    acting = inverse_loss(network["inverse"], frames, batch.chunk, jitter)
    reach = network["reach"](frames[:, 0])[:, 0]
    return acting, expectile_loss(batch.returns - reach, REACHABLE)


def transformer_size(config: Config) -> tuple[int, int]:
    """Return width and blocks of a planner's transformer: half as wide as a chunk trunk, one block less."""
    return config.width // 2, max(config.blocks - 1, 1)


def diffused_loss(
    trunk: Trunk,
    plan: Tensor,
    condition: Tensor,
    alphas_cumprod: Tensor,
    generator: torch.Generator,
    weight: Tensor | float = 1.0,
) -> Tensor:
    """Return |f(x_t, t, c) - x_0|^2, weighted value by value, at sampled levels and with sampled noise."""
    noise = torch.randn(plan.shape, generator=generator)
    level = torch.randint(len(alphas_cumprod), (len(plan),), generator=generator)
    x = noised(plan, noise, alphas_cumprod.to(plan)[level, None])
    time = (level + 1) / len(alphas_cumprod)
    return (weight * (trunk(x, time, condition) - plan).square()).mean()
