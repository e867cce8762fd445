"""Diffusion Veteran: state plans drawn freely, the best one picked; diffusion finds the actions."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..envs.errors import BimodalError
from ..tasks.core.task import Task
from .core.checkpoint import Config
from .core.dataset import Batch
from .generative.noise_schedule import squared_cosine_alphas_cumprod
from .generative.noising import noised
from .generative.samplers import ddpm
from .networks.transformer import PlanTransformer, PlanValue
from .planning.guidance import choose, in_distribution, inpainted, known_states
from .planning.inverse_dynamics import JITTER, DiffusedInverse
from .planning.planner import (
    ALPHAS_CUMPROD,
    LEVELS,
    Networks,
    Plan,
    Planner,
    diffused_loss,
    state_plan_loss,
    transformer_size,
)

STRIDE = 4
"""Control steps between two planned states."""
FRAMES = 9
"""States of a plan, which spans 1.6 s at 20 Hz."""
CHECK_LEVEL = 6
"""Level to which sampled plans are noised again to see whether they are in distribution."""
INVERSE_TEMPERATURE = 0.5
"""Temperature of the inverse dynamics."""
INVERSE_LEVELS = 10
"""Noise levels of the inverse dynamics."""
INVERSE_ALPHAS_CUMPROD = squared_cosine_alphas_cumprod(INVERSE_LEVELS)
"""Share of signal at each of them, (10,)."""


class Veteran(Planner):
    """Lu et al. 2025, arXiv 2503.00535: what makes a good diffusion planner for decision making?

    Plans are states four control steps apart, drawn from the demonstrations' distribution without guidance; a
    critic, regressed on returns, picks one (Monte-Carlo sampling with selection). Because several actions
    lie between two planned states, the inverse dynamics is a diffusion as well. Unlike in the paper, the
    critic only sees the half of the plans that is more in distribution, and the inverse dynamics answers with
    all four actions, so that 8 can be executed along two pairs of planned states.
    """

    name = "veteran"
    method = "veteran"
    description = "Diffusion Veteran: picks among freely sampled state plans by a critic."
    training_steps = 4000
    chunk_size = 2 * STRIDE
    planned = range(0, STRIDE * FRAMES, STRIDE)

    def __init__(
        self,
        task: Task,
        checkpoint: Path,
        n_action_steps: int | None = None,
        candidates: int | None = None,
        margin: float | None = None,
    ) -> None:
        """Load trained weights; arguments and errors as in `Planner`. The paper samples 50 candidates.

        Further args:
            margin: the rest of the last plan stays unless a new one's value, a return in [0, 1], is higher
                by this; the executed actions must then end at a planned state. None, as in the paper, for
                new plans alone.
        """
        super().__init__(task, checkpoint, n_action_steps, candidates)
        if margin is not None and self.n_action_steps % STRIDE:
            raise BimodalError(
                f"a plan can be kept after a multiple of {STRIDE} actions, not {self.n_action_steps}"
            )
        self.margin = margin

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the networks that plan, that value plans and that act."""
        size = config.state_size
        width, blocks = transformer_size(config)
        return Networks(
            config,
            plan=PlanTransformer(FRAMES, size, size, generator, width, blocks),
            critic=PlanValue(FRAMES, size, size, generator, width // 2, blocks),
            inverse=DiffusedInverse(STRIDE * config.action_size, 2 * size, generator, width),
        )

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the sum of the losses of the three networks."""
        assert isinstance(network, Networks)
        # 1. plans and their returns
        planning = state_plan_loss(network, batch, batch.condition, FRAMES, generator)
        critic = network["critic"](batch.states, torch.zeros(len(batch.states)), batch.condition)
        # 2. the actions between the first two states, which are slightly wrong
        between = batch.chunk[:, : batch.chunk.shape[1] // 2]
        pairs = batch.states[:, : 2 * batch.condition.shape[1]]
        pairs = pairs + JITTER * torch.randn(pairs.shape, generator=generator)
        acting = diffused_loss(network["inverse"], between, pairs, INVERSE_ALPHAS_CUMPROD, generator)
        return planning + (critic - batch.returns).square().mean() + acting

    def noise_size(self) -> int:
        """Return the numbers of a plan at every level, of a look back at it, and of the actions."""
        return (LEVELS + 1) * FRAMES * self.config.state_size + INVERSE_LEVELS * self.config.chunk_values

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the best of K plans, or the last one's rest."""
        size = self.config.state_size
        trunk = inpainted(self.networks["plan"], condition.repeat(1, FRAMES), known_states(FRAMES, size))
        for_actions = INVERSE_LEVELS * self.config.chunk_values
        plan_noise, action_noise = noise.split([noise.shape[1] - for_actions, for_actions], 1)
        levels = plan_noise.unflatten(1, (LEVELS + 1, -1))
        # 1. K plans; with a margin, the rest of the last plan takes the place of the first
        flat = ddpm(trunk, levels[:, :LEVELS], condition, ALPHAS_CUMPROD)
        kept = None
        if self.margin is not None and last is not None:
            kept = 0
            rest = rest_of_plan(last, self.n_action_steps // STRIDE, condition[0])
            flat = torch.cat([rest.flatten()[None], flat[1:]])
        # 2. the critic's favourite among the half that is in distribution, if it is feasible
        back = noised(flat, levels[:1, LEVELS], float(ALPHAS_CUMPROD[CHECK_LEVEL - 1]))
        likely = in_distribution(trunk, flat, back, CHECK_LEVEL / LEVELS, condition)
        scores = self.networks["critic"](flat, flat.new_zeros(len(flat)), condition) - (~likely).float()
        states = flat.unflatten(1, (FRAMES, size))
        chosen, verdict = self.select(scores, states, choose(scores, kept, self.margin or 0.0), STRIDE)
        # 3. the actions between each two of its first states
        path = states[chosen, : self.config.chunk_size // STRIDE + 1]
        pairs = torch.cat([path[:-1], path[1:]], dim=1)
        steps = action_noise[0].view(INVERSE_LEVELS, len(pairs), -1).transpose(0, 1)
        inverse = self.networks["inverse"]
        actions = ddpm(inverse, steps, pairs, INVERSE_ALPHAS_CUMPROD, temperature=INVERSE_TEMPERATURE)
        last_ones = actions.unflatten(1, (STRIDE, -1))[:, -1]
        verdict = self.check_actions(verdict, last_ones, path[1:])
        return Plan(actions.flatten(), states, scores, chosen, verdict)


def rest_of_plan(last: Plan, done: int, seen: Tensor) -> Tensor:
    """Return what is left of a plan after `done` planned states, from what is seen (C,) on, (P, C)."""
    states = last.candidates[last.chosen]
    ahead = states[done + 1 :]
    return torch.cat([seen[None], ahead, states[-1:].expand(len(states) - 1 - len(ahead), -1)])
