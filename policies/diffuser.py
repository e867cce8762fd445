"""Diffuser: plans of states and actions together, guided towards a high value while they are denoised."""

import torch
from torch import Tensor, nn

from .core.checkpoint import Config
from .core.dataset import Batch
from .generative.noising import noised
from .generative.samplers import ddpm
from .networks.transformer import PlanTransformer, PlanValue
from .planning.guidance import choose, inpainted, value_guide, with_known
from .planning.planner import ALPHAS_CUMPROD, LEVELS, Networks, Plan, Planner, transformer_size

FRAMES = 32
"""H, frames of a plan (1.6 s at 20 Hz)."""
PATCH = 4
"""Frames that share a token."""
FIRST_ACTION = 10.0
"""Weight of the first action in the loss."""
SCALE = 1.0
"""Of the value's gradient."""
GUIDE_STEPS = 2
"""How often the gradient is followed at each level."""


class Diffuser(Planner):
    """Janner et al. 2022, arXiv 2205.09991: planning is sampling, value guidance makes it good.

    A frame of a plan is [action, state]. The present state is written into every plan (and given to every
    token), a second network learns the return of noised plans, its gradient bends the sampling, and the
    actions of the plan with the highest value are executed. Unlike the paper's, the network is a
    transformer, and 8 actions are executed, not 1: plans drawn anew at every step commit to no mode.
    """

    name = "diffuser"
    method = "diffuser"
    description = "Diffuser: diffusion of state-action plans with value guidance."
    training_steps = 4000
    chunk_size = FRAMES
    planned = range(FRAMES)
    recorded = PATCH

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the network that plans and the one that values plans."""
        seen = config.state_size
        width, blocks = transformer_size(config)
        size = config.action_size + seen
        return Networks(
            config,
            plan=PlanTransformer(FRAMES, size, seen, generator, width, blocks, PATCH),
            value=PlanValue(FRAMES, size, seen, generator, width // 2, blocks, PATCH),
        )

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the weighted error of the estimated clean plan, and that of the value of noised plans."""
        assert isinstance(network, Networks)
        # 1. a demonstrated plan of frames [action, state], noised but for the first state
        actions = batch.chunk.unflatten(1, (FRAMES, -1))
        states = batch.states.unflatten(1, (FRAMES, -1))
        plan = torch.cat([actions, states], dim=2).flatten(1)
        mask, weight = first_state(actions.shape[2], network.weight)
        noise = torch.randn(plan.shape, generator=generator)
        level = torch.randint(LEVELS, (len(plan),), generator=generator)
        x = noised(plan, noise, ALPHAS_CUMPROD.to(plan)[level, None])
        x = torch.where(mask, plan, x)
        t = (level + 1) / LEVELS
        # 2. both networks read the noised plan
        clean = inpainted(network["plan"], plan, mask)(x, t, batch.condition)
        value = network["value"](x, t, batch.condition)
        return (weight * (clean - plan).square()).mean() + (value - batch.returns).square().mean()

    def noise_size(self) -> int:
        """Return the numbers of a plan at every level."""
        return LEVELS * (self.config.chunk_values + FRAMES * self.config.state_size)

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the best of K guided plans."""
        # 1. what is known of a plan: the present state
        action_size = self.config.action_size
        known = torch.zeros(len(noise), FRAMES, action_size + self.config.state_size)
        known[:, 0, action_size:] = condition
        known = known.flatten(1)
        mask, _ = first_state(action_size, self.networks.weight)
        # 2. K guided plans
        value = with_known(self.networks["value"], known, mask)
        x = ddpm(
            inpainted(self.networks["plan"], known, mask),
            noise.unflatten(1, (LEVELS, -1)),
            condition,
            ALPHAS_CUMPROD,
            guide=value_guide(value, SCALE, GUIDE_STEPS),
        )
        # 3. the best one that is feasible
        scores = value(x, x.new_full((len(x),), 1 / LEVELS), condition)
        frames = x.unflatten(1, (FRAMES, -1))
        states = frames[:, :, action_size:]
        chosen, verdict = self.select(scores, states, choose(scores))
        actions = frames[chosen, :, :action_size]
        verdict = self.check_actions(verdict, actions[:-1], states[chosen, 1:])
        return Plan(actions.flatten(), states, scores, chosen, verdict)


def first_state(action_size: int, state_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is known of a flat plan, bool, and the weight of its values in the loss, both (D,).

    Of the values of a state, the weights are `state_weight` (C,).
    """
    weight = torch.cat([torch.ones(action_size), state_weight]).repeat(FRAMES, 1)
    weight[0, :action_size] = FIRST_ACTION
    known = torch.zeros_like(weight, dtype=torch.bool)
    known[0, action_size:] = True
    return known.flatten(), weight.flatten()
