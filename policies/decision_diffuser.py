"""Decision Diffuser: plans of states, asked for by return and mode; inverse dynamics finds the actions."""

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
from .planning.guidance import asked, classifier_free, expectile_loss, inpainted, known_states
from .planning.inverse_dynamics import MLP, along, inverse_loss
from .planning.planner import LEVELS, SHARES, Networks, Plan, Planner, diffused_loss, half

FRAMES, PATCH = 32, 4
"""H, frames of a plan (1.6 s at 20 Hz), and how many of them share a token."""
UNTOLD = 0.25
"""How often a plan is learnt without its return."""
UNTOLD_MODE = 0.5
"""How often it is learnt without its mode: by default the policy is asked for none."""
REACHABLE = 0.95
"""Expectile of the returns from a state that is asked for."""


class DecisionDiffuser(Planner):
    """Ajay et al. 2022, arXiv 2211.15657: is conditional generative modelling all you need?

    A frame of a plan is a state. Plans are drawn with classifier-free guidance towards a return, and a mode
    if one is asked for, from colder noise than normal; a_t = f(s_t, s_{t+1}). Unlike the paper's, the network
    is a transformer; the return asked for is what a third network finds within reach, because a return that
    no demonstration had gives plans that none would follow; and 8 actions are executed, not 1.
    """

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
        """Load trained weights.

        Args:
            task: the task to act in.
            checkpoint: the .safetensors file; its .json lies beside it.
            n_action_steps: actions executed of each chunk; None keeps the checkpoint's. The paper executes 1.
            mode: name of the mode that is asked for; None leaves the choice to the noise.
            guidance: w of classifier-free guidance.
            temperature: alpha, factor of the variance of all noise; low ones narrow the modes.

        Raises:
            WrongUse: the task has no such mode.
            BimodalError: the checkpoint is missing, damaged or made for something else.
        """
        super().__init__(task, checkpoint, n_action_steps)
        if mode is not None and mode not in task.modes:
            raise unknown_name("mode", mode, task.modes)
        self.mode = -1 if mode is None else task.modes.index(mode)
        self.guidance, self.temperature = guidance, temperature

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the networks that plan, that act, and that know what return is within reach."""
        size, action_size = config.state_size, config.chunk_values // config.chunk_size
        told, (width, blocks) = config.condition_size + 2, half(config)
        return Networks(
            config,
            plan=PlanTransformer(FRAMES, size, told, generator, width, blocks, PATCH),
            inverse=MLP(2 * size, action_size, generator, config.width),
            reach=MLP(size, 1, generator, width),
        )

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the sum of the losses of the three networks."""
        assert isinstance(network, Networks)
        rows, states = len(batch.states), batch.states.unflatten(1, (FRAMES, -1))
        size = states.shape[2]
        told = (torch.rand(rows, 2, generator=generator) >= torch.tensor([UNTOLD, UNTOLD_MODE])).float()
        label = batch.condition[:, size:] * told[:, 1:]
        condition = asked(torch.cat([states[:, 0], label], dim=1), batch.returns, told[:, 0])
        trunk = inpainted(network["plan"], batch.states, known_states(FRAMES, size))
        planning = diffused_loss(
            trunk, batch.states, condition, SHARES, generator, network.weight.repeat(FRAMES)
        )
        shaken = torch.randn(rows, 2, size, generator=generator)
        acting = inverse_loss(network["inverse"], states, batch.chunk, shaken)
        reach = expectile_loss(batch.returns - network["reach"](states[:, 0])[:, 0], REACHABLE)
        return planning + acting + reach

    def reset(self, episodes: Episodes) -> None:
        """Start new episodes and ask for the same mode in all of them."""
        super().reset(episodes)
        self._labels = mode_labels(torch.full((len(self._keys),), self.mode).numpy(), self.config.modes)

    def noise_size(self) -> int:
        """Return the numbers of a plan at every level."""
        return LEVELS * FRAMES * self.config.state_size

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the one plan that is drawn."""
        size = self.config.state_size
        seen, label = condition[:, :size], condition[:, size:]
        wanted = self.networks["reach"](seen)[:, 0].clamp(0, 1)
        none, silent = torch.zeros(len(seen)), torch.cat([seen, 0 * label], dim=1)
        trunk = classifier_free(self.networks["plan"], asked(silent, wanted, none), self.guidance)
        trunk = inpainted(trunk, seen.repeat(1, FRAMES), known_states(FRAMES, size))
        wish = asked(condition, wanted, none + 1)
        levels = noise.unflatten(1, (LEVELS, -1))
        states = ddpm(trunk, levels, wish, SHARES, temperature=self.temperature).unflatten(1, (FRAMES, -1))
        chosen, verdict = self.settle(wanted, states, 0)
        actions = along(self.networks["inverse"], states[chosen, None, : self.config.chunk_size + 1])[0]
        verdict = self.led(verdict, actions, states[chosen, 1 : self.config.chunk_size + 1])
        return Plan(actions.flatten(), states, wanted, chosen, verdict)
