"""DiffuserLite: plans from coarse to fine by short flows, a few states at each level."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..tasks.core.task import Task
from .core.checkpoint import Config
from .core.chunk_policy import Draw, Fit, Learned
from .core.dataset import Batch
from .generative.samplers import flow_euler
from .networks.film_resnet import Trunk
from .networks.transformer import PlanTransformer, PlanValue
from .planning.diffuser_lite_levels import POINTS, SPAN, STRIDES, UNTOLD, gaps_of, make_pairs
from .planning.guidance import (
    asked,
    choose,
    classifier_free,
    expectile_loss,
    inpainted,
    known_states,
    typical,
)
from .planning.inverse_dynamics import MLP, along, inverse_loss
from .planning.planner import Networks, Plan, Planner, half
from .reflow import AT_START

STEPS = 2
"""Euler steps of each level's flow, which is straight."""
LOOK_BACK = 0.7
"""Time to which drawn plans are taken back to see whether they are typical."""
REACHABLE = 0.95
"""Expectile of the returns from a state that is asked for."""


class DiffuserLite(Planner):
    """Dong et al. 2024, arXiv 2401.15443: plan refinement, with straightened flows (its model R2).

    The coarsest level plans five states 16 control steps apart, asked for by return, and a critic picks one
    of the more typical half of several such plans. Every finer level fills a gap of the level above, both of
    its ends known. Unlike the paper's, the finest level fills two gaps, side by side, so that 8 actions can
    be executed along them; and the return asked for is what a network finds within reach.

    The levels are learnt twice, as `Reflow` does it: `RectifiedLite` makes the pairs of noise and plan.
    """

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
        """Load trained weights.

        Args:
            task: the task to act in.
            checkpoint: the .safetensors file; its .json lies beside it.
            n_action_steps: actions executed of each chunk; None keeps the checkpoint's. The paper executes 1.
            candidates: coarse plans sampled for each decision; None takes 16.
            guidance: w of classifier-free guidance at the coarsest level.
            temperature: factor of the variance of the noise.

        Raises:
            BimodalError: the checkpoint is missing, damaged or made for something else.
        """
        super().__init__(task, checkpoint, n_action_steps, candidates)
        self.guidance, self.temperature = guidance, temperature

    @classmethod
    def build(cls, config: Config, generator: torch.Generator) -> nn.Module:
        """Return the levels' networks, the critic, the inverse dynamics and the returns within reach."""
        size, action_size = config.state_size, config.chunk_values // config.chunk_size
        conditions, (width, blocks) = (size + 2, 2 * size, 2 * size), half(config)
        levels = [PlanTransformer(POINTS, size, c, generator, 3 * width // 4, blocks) for c in conditions]
        return Networks(
            config,
            levels=nn.ModuleList(levels),
            critic=PlanValue(POINTS, size, size, generator, width // 2, blocks),
            inverse=MLP(2 * size, action_size, generator, config.width),
            reach=MLP(size, 1, generator, width),
        )

    @classmethod
    def learn(
        cls, network: nn.Module, draw: Draw, count: int, generator: torch.Generator, fit: Fit
    ) -> Learned:
        """Train everything, let the flows make a pair for each window and level, and straighten them.

        A chunk of a paired batch is whether the return is told, and every level's noise and plan.
        """
        weights, _ = fit(RectifiedLite, draw)
        network.load_state_dict(weights)
        assert isinstance(network, Networks)
        pairs = make_pairs(network, draw, count, generator)

        def paired(rows: Tensor) -> Batch:
            return draw(rows)._replace(chunk=pairs[rows.to(pairs.device)])

        return fit(cls, paired)

    @staticmethod
    def loss(network: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw times, and return the loss of all levels along the straight ways of the pairs."""
        assert isinstance(network, Networks)
        told, pairs = batch.chunk[:, 0], batch.chunk[:, 1:].chunk(len(STRIDES), dim=1)
        total = torch.zeros(())
        for gap, pair in zip(gaps_of(network, batch, told), pairs, strict=True):
            time, coin = torch.rand(2, len(told), generator=generator)
            noise, plan = pair.chunk(2, dim=1)
            total = total + gap.loss(plan, noise, torch.where(coin < AT_START, 0.0, time))
        return total

    def noise_size(self) -> int:
        """Return the numbers of a coarse plan, of one and two gaps below, and of a look back at the plan."""
        return 5 * POINTS * self.config.state_size

    def plan(self, noise: Tensor, condition: Tensor, last: Plan | None) -> Plan:
        """Return the best of K coarse plans, refined."""
        size = self.config.state_size
        draws = self.temperature**0.5 * noise.unflatten(1, (5, -1))
        filled, wish = self._coarse(condition)
        coarse = flow_euler(filled, draws[:, 0], wish, STEPS)
        likely = typical(filled, coarse, torch.lerp(draws[:1, 4], coarse, LOOK_BACK), LOOK_BACK, wish)
        scores = self.networks["critic"](coarse, coarse.new_zeros(len(coarse)), condition) - (~likely).float()
        plans = coarse.unflatten(1, (POINTS, size))
        chosen, verdict = self.settle(scores, plans, choose(scores), STRIDES[0])
        middle = self._fill(1, plans[chosen, None, :2], draws[chosen, 1:2])
        gaps = torch.cat([middle[:, :2], middle[:, 1:3]])
        fine = self._fill(2, gaps, draws[chosen, 2:4])
        path = torch.cat([fine[0], fine[1, 1:]])[None]
        actions = along(self.networks["inverse"], path)[0]
        verdict = self.led(verdict, actions, path[0, 1:])
        return Plan(actions.flatten(), plans, scores, chosen, verdict)

    def _coarse(self, seen: Tensor) -> tuple[Trunk, Tensor]:
        """Return the trunk of coarse plans for what is seen (K, C), and its condition."""
        levels, none = self.networks["levels"], seen.new_zeros(len(seen))
        assert isinstance(levels, nn.ModuleList)
        wanted = self.networks["reach"](seen)[:, 0].clamp(0, 1)
        trunk = classifier_free(levels[0], asked(seen, wanted, none), self.guidance)
        filled = inpainted(trunk, seen.repeat(1, POINTS), known_states(POINTS, seen.shape[1]))
        return filled, asked(seen, wanted, none + 1)

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
        rows, size = len(frames), frames.shape[2]
        told = (torch.rand(rows, generator=generator) >= UNTOLD).float()
        total = torch.zeros(())
        for gap in gaps_of(network, batch, told):
            noise = torch.randn(gap.plan.shape, generator=generator)
            total = total + gap.loss(gap.plan, noise, torch.rand(rows, generator=generator))
        coarse = frames[:, :: STRIDES[0]].flatten(1)
        critic = network["critic"](coarse, coarse.new_zeros(rows), frames[:, 0]) - batch.returns
        shaken = torch.randn(rows, 2, size, generator=generator)
        acting = inverse_loss(network["inverse"], frames, batch.chunk, shaken)
        reach = expectile_loss(batch.returns - network["reach"](frames[:, 0])[:, 0], REACHABLE)
        return total + critic.square().mean() + acting + reach
