"""Decision Diffuser: plans of states for a return and a mode; inverse dynamics finds the actions."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..envs.errors import unknown_name
from ..tasks.core.task import Task
from .core.checkpoint import Config
from .core.chunk_policy import mode_labels
from .core.dataset import Batch
from .core.policy import Episodes
from .generative.samplers import ddpm
from .networks.transformer import PlanTransformer
from .planning.guidance import classifier_free, inpainted, known_states, return_condition
from .planning.inverse_dynamics import MLP, actions_along
from .planning.planner import (
    ALPHAS_CUMPROD,
    LEVELS,
    RETURN_DROPOUT,
    Networks,
    Plan,
    Planner,
    action_and_return_losses,
    state_plan_loss,
    transformer_size,
)

FRAMES = 32
"""H, frames of a plan (1.6 s at 20 Hz)."""
PATCH = 4
"""Frames that share a token."""
MODE_DROPOUT = 0.5
"""How often a plan is learnt without its mode: by default the policy is given none."""


class DecisionDiffuser(Planner):
    """Ajay et al. 2022, arXiv 2211.15657: is conditional generative modelling all you need?

    A frame of a plan is a state. Plans are sampled with classifier-free guidance towards a return, and a mode
    if one is given, from colder noise than normal; a_t = f(s_t, s_{t+1}). Unlike the paper's, the network
    is a transformer; the return is what a third network finds within reach, because a return that no
    demonstration had gives plans that none would follow; and 8 actions are executed, not 1.
    """

    name = "decision_diffuser"
    method = "decision_diffuser"
    description = "Decision Diffuser: diffusion of state plans, guided by return and mode."
    training_steps = 4000
    labelled = True
    planned = range(FRAMES)
    recorded = PATCH
    sampled = 1

    def __init__(
        self,
        task: Task,
        checkpoint: Path,
        n_action_steps: int | None = None,
        mode: str | None = None,
        guidance: float = 1.8,
        temperature: float = 0.5,
    ) -> None:
        """Load trained weights; arguments and errors as in `Planner`, but that one plan is sampled.

        Further args:
            mode: name of the wanted mode; None leaves the choice to the noise.
            guidance: w of classifier-free guidance.
            temperature: alpha, factor of the variance of all noise; low ones narrow the modes.
        """
        super().__init__(task, checkpoint, n_action_steps)
        if mode is not None and mode not in task.modes:
            raise unknown_name("mode", mode, task.modes)
        self.mode = -1 if mode is None else task.modes.index(mode)
        self.guidance = guidance
        self.temperature = temperature

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the networks that plan, that act, and that know what return is within reach."""
        size = config.state_size
        c_size = config.condition_size + 2
        width, blocks = transformer_size(config)
        return Networks(
            config,
            plan=PlanTransformer(FRAMES, size, c_size, generator, width, blocks, PATCH),
            inverse=MLP(2 * size, config.action_size, generator, config.width),
            reach=MLP(size, 1, generator, width),
        )

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the sum of the losses of the three networks."""
        assert isinstance(network, Networks)
        states = batch.states.unflatten(1, (FRAMES, -1))
        # 1. plans, with condition dropout of the return and of the mode
        dropout = torch.tensor([RETURN_DROPOUT, MODE_DROPOUT])
        given = (torch.rand(len(states), 2, generator=generator) >= dropout).float()
        label = batch.condition[:, states.shape[2] :] * given[:, 1:]
        condition = return_condition(torch.cat([states[:, 0], label], dim=1), batch.returns, given[:, 0])
        planning = state_plan_loss(network, batch, condition, FRAMES, generator)
        # 2. the inverse dynamics between slightly wrong states, and the return within reach
        acting, reach = action_and_return_losses(network, batch, states, generator)
        return planning + acting + reach

    def reset(self, episodes: Episodes) -> None:
        """Start new episodes and ask for the same mode in all of them."""
        super().reset(episodes)
        self._labels = mode_labels(torch.full((len(self._keys),), self.mode).numpy(), self.config.modes)

    def noise_size(self) -> int:
        """Return the numbers of a plan at every level."""
        return LEVELS * FRAMES * self.config.state_size

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the one plan that is sampled."""
        size = self.config.state_size
        seen = condition[:, :size]
        label = condition[:, size:]
        # 1. the return within reach, and the conditions with it and without return and mode
        wanted = self.networks["reach"](seen)[:, 0].clamp(0, 1)
        none = torch.zeros(len(seen))
        unconditional = return_condition(torch.cat([seen, 0 * label], dim=1), wanted, none)
        conditional = return_condition(condition, wanted, none + 1)
        # 2. a plan that starts at the present state
        trunk = classifier_free(self.networks["plan"], unconditional, self.guidance)
        trunk = inpainted(trunk, seen.repeat(1, FRAMES), known_states(FRAMES, size))
        levels = noise.unflatten(1, (LEVELS, -1))
        flat = ddpm(trunk, levels, conditional, ALPHAS_CUMPROD, temperature=self.temperature)
        states = flat.unflatten(1, (FRAMES, -1))
        # 3. the actions that follow it
        chosen, verdict = self.select(wanted, states, 0)
        path = states[chosen, None, : self.config.chunk_size + 1]
        actions = actions_along(self.networks["inverse"], path)[0]
        verdict = self.check_actions(verdict, actions, path[0, 1:])
        return Plan(actions.flatten(), states, wanted, chosen, verdict)
