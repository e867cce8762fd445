"""DiffuserLite: plans from coarse to fine by short flows, a few states at each level."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..tasks.core.task import Task
from .core.checkpoint import Config
from .core.chunk_policy import Fit, GetBatch, Learned
from .core.dataset import Batch
from .generative.rectification import learn_rectified, pair_times
from .generative.samplers import flow_euler
from .networks.layers import Trunk
from .networks.transformer import PlanTransformer, PlanValue
from .planning.diffuser_lite_levels import POINTS, SPAN, STRIDES, gaps_of, make_level_pairs
from .planning.guidance import (
    choose,
    classifier_free,
    in_distribution,
    inpainted,
    keep_mask,
    known_states,
    return_condition,
)
from .planning.inverse_dynamics import MLP, actions_along
from .planning.planner import (
    RETURN_DROPOUT,
    Networks,
    Plan,
    Planner,
    action_and_return_losses,
    transformer_size,
)

STEPS = 2
"""Euler steps of each level's flow, which is straight."""
CHECK_TIME = 0.7
"""Time to which sampled plans are taken back to see whether they are in distribution."""


class DiffuserLite(Planner):
    """Dong et al. 2024, arXiv 2401.15443: plan refinement, with straightened flows (its model R2).

    The coarsest level plans five states 16 control steps apart, conditioned on a return, and a critic picks
    one of the half of several such plans that is more in distribution. Every finer level fills a gap of the
    level above, both of its ends known. Unlike the paper's, the finest level fills two gaps, side by side, so
    that 8 actions can be executed along them; and the return is what a network finds within reach.

    The levels are learnt twice, as `Reflow` does it: `RectifiedLite` makes the pairs of noise and plan.
    """

    name = "diffuser_lite"
    method = "diffuser_lite"
    description = "DiffuserLite: coarse-to-fine state plans by rectified flows."
    training_steps = 3500
    stages = 2
    chunk_size = 8
    planned = range(SPAN)

    def __init__(
        self,
        task: Task,
        checkpoint: Path,
        n_action_steps: int | None = None,
        candidates: int | None = None,
        guidance: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        """Load trained weights; arguments and errors as in `Planner`, the candidates are coarse plans.

        Further args:
            guidance: w of classifier-free guidance at the coarsest level.
            temperature: factor of the variance of the noise.
        """
        super().__init__(task, checkpoint, n_action_steps, candidates)
        self.guidance = guidance
        self.temperature = temperature

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the levels' networks, the critic, the inverse dynamics and the returns within reach."""
        size = config.state_size
        conditions = (size + 2, 2 * size, 2 * size)
        width, blocks = transformer_size(config)
        levels = [PlanTransformer(POINTS, size, c, generator, 3 * width // 4, blocks) for c in conditions]
        return Networks(
            config,
            levels=nn.ModuleList(levels),
            critic=PlanValue(POINTS, size, size, generator, width // 2, blocks),
            inverse=MLP(2 * size, config.action_size, generator, config.width),
            reach=MLP(size, 1, generator, width),
        )

    @classmethod
    def learn(
        cls, network: nn.Module, get_batch: GetBatch, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Train everything, let the flows make a pair for each window and level, and straighten them.

        A chunk of a paired batch is whether the return is given, and every level's noise and plan.
        """
        assert isinstance(network, Networks)

        def pairs(batch: Batch) -> Tensor:
            return make_level_pairs(network, batch, generator)

        return learn_rectified(RectifiedLite, cls, network, get_batch, count, fit, pairs)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw times, and return the loss of all levels along the straight ways of the pairs."""
        assert isinstance(network, Networks)
        given = batch.chunk[:, 0]
        pairs = batch.chunk[:, 1:].chunk(len(STRIDES), dim=1)
        total = torch.zeros(())
        for gap, pair in zip(gaps_of(network, batch, given), pairs, strict=True):
            noise, plan = pair.chunk(2, dim=1)
            total = total + gap.loss(plan, noise, pair_times(len(given), generator))
        return total

    def noise_size(self) -> int:
        """Return the numbers of a coarse plan, of one and two gaps below, and of a look back at the plan."""
        return 5 * POINTS * self.config.state_size

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the best of K coarse plans, refined."""
        size = self.config.state_size
        parts = self.temperature**0.5 * noise.unflatten(1, (5, -1))
        # 1. coarse plans, and the critic's favourite among the half that is in distribution
        filled, with_return = self._coarse(condition)
        coarse = flow_euler(filled, parts[:, 0], with_return, STEPS)
        back = torch.lerp(parts[:1, 4], coarse, CHECK_TIME)
        likely = in_distribution(filled, coarse, back, CHECK_TIME, with_return)
        scores = self.networks["critic"](coarse, coarse.new_zeros(len(coarse)), condition) - (~likely).float()
        plans = coarse.unflatten(1, (POINTS, size))
        chosen, verdict = self.select(scores, plans, choose(scores), STRIDES[0])
        # 2. its first gap is filled, then the first two gaps of what fills it
        middle = self._fill(1, plans[chosen, None, :2], parts[chosen, 1:2])
        gaps = torch.cat([middle[:, :2], middle[:, 1:3]])
        fine = self._fill(2, gaps, parts[chosen, 2:4])
        # 3. the actions along the states that are now one control step apart
        path = torch.cat([fine[0], fine[1, 1:]])[None]
        actions = actions_along(self.networks["inverse"], path)[0]
        verdict = self.check_actions(verdict, actions, path[0, 1:])
        return Plan(actions.flatten(), plans, scores, chosen, verdict)

    def _coarse(self, seen: Tensor) -> tuple[Trunk, Tensor]:
        """Return the trunk of coarse plans for what is seen (K, C), and its condition."""
        levels = self.networks["levels"]
        assert isinstance(levels, nn.ModuleList)
        none = seen.new_zeros(len(seen))
        wanted = self.networks["reach"](seen)[:, 0].clamp(0, 1)
        trunk = classifier_free(levels[0], return_condition(seen, wanted, none), self.guidance)
        filled = inpainted(trunk, seen.repeat(1, POINTS), known_states(POINTS, seen.shape[1]))
        return filled, return_condition(seen, wanted, none + 1)

    def _fill(self, level: int, gaps: Tensor, noise: Tensor) -> Tensor:
        """Return the states (G, P, C) that fill gaps (G, 2, C)."""
        levels = self.networks["levels"]
        assert isinstance(levels, nn.ModuleList)
        path = torch.cat([gaps[:, :1].expand(-1, POINTS - 1, -1), gaps[:, 1:]], dim=1).flatten(1)
        filled = inpainted(levels[level], path, known_states(POINTS, gaps.shape[2], both=True))
        return flow_euler(filled, noise, gaps.flatten(1), STEPS).unflatten(1, (POINTS, -1))


class RectifiedLite(DiffuserLite):
    """The first stage of the training of `DiffuserLite`: all networks, the levels as rectified flows (R1)."""

    method = "rectified_lite"

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the sum of the losses of all networks."""
        assert isinstance(network, Networks)
        frames = batch.states.unflatten(1, (SPAN, -1))
        rows = len(frames)
        # 1. the three levels
        given = keep_mask(rows, RETURN_DROPOUT, generator)
        total = torch.zeros(())
        for gap in gaps_of(network, batch, given):
            noise = torch.randn(gap.plan.shape, generator=generator)
            total = total + gap.loss(gap.plan, noise, torch.rand(rows, generator=generator))
        # 2. the critic, the inverse dynamics between slightly wrong states, and the return within reach
        coarse = frames[:, :: STRIDES[0]].flatten(1)
        critic = network["critic"](coarse, coarse.new_zeros(rows), frames[:, 0]) - batch.returns
        acting, reach = action_and_return_losses(network, batch, frames, generator)
        return total + critic.square().mean() + acting + reach
