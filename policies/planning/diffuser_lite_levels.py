"""The levels of `diffuser_lite`: which states each of them fills, and what it learns from."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core.chunk_policy import Draw
from ..core.dataset import Batch
from ..core.devices import made_on
from ..generative.samplers import flow_euler
from ..networks.film_resnet import Trunk
from ..reflow import TEACHER_STEPS, TOGETHER
from .guidance import asked, inpainted, known_states
from .planner import Networks

POINTS = 5
"""States of a plan at each level, the present one or both ends among them."""
STRIDES = (16, 4, 1)
"""Control steps between two states of each level: a level spans the first gap of the one above."""
SPAN = STRIDES[0] * (POINTS - 1) + 1
"""Control steps that a plan looks ahead, the present one included."""
UNTOLD = 0.25
"""How often the coarsest level is learnt without its return."""


class Gap(NamedTuple):
    """What one level is to fill in B windows."""

    plan: Tensor
    """As it was demonstrated, flat, (B, P*C)."""
    trunk: Trunk
    """Of the level; what is known of the plan is told it and answered by it."""
    condition: Tensor
    """Of the trunk."""
    weight: Tensor
    """How much each value counts, (P*C,)."""

    def loss(self, plan: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return the flow-matching loss on the ways from noises to plans, all (B, P*C), at times (B,)."""
        clean = self.trunk(torch.lerp(noise, plan, time[:, None]), time, self.condition)
        return (self.weight * (clean - plan).square()).mean()


def gaps_of(network: Networks, batch: Batch, told: Tensor) -> list[Gap]:
    """Return what the levels learn from a batch; the coarsest knows the return where `told` (B,) is 1."""
    frames, levels = batch.states.unflatten(1, (SPAN, -1)), network["levels"]
    assert isinstance(levels, nn.ModuleList)
    size, found = frames.shape[2], []
    for level, (trunk, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        plan = frames[:, : stride * POINTS : stride].flatten(1)
        condition = ends(plan, size) if level else asked(frames[:, 0], batch.returns, told)
        filled = inpainted(trunk, plan, known_states(POINTS, size, both=level > 0))
        found.append(Gap(plan, filled, condition, network.weight.repeat(POINTS)))
    return found


def make_pairs(network: Networks, draw: Draw, count: int, generator: torch.Generator) -> Tensor:
    """Return the chunks of a paired batch, (count, 1 + 2 L P C); see `DiffuserLite.learn`."""
    pairs = []
    with torch.no_grad():
        for rows in torch.arange(count).split(TOGETHER):
            batch = draw(rows)
            with made_on(batch.returns.device):
                told = (torch.rand(len(rows), generator=generator) >= UNTOLD).float()
                made = [told[:, None]]
                for gap in gaps_of(network, batch, told):
                    noise = torch.randn(gap.plan.shape, generator=generator)
                    made += [noise, flow_euler(gap.trunk, noise, gap.condition, TEACHER_STEPS)]
                pairs.append(torch.cat(made, 1))
    return torch.cat(pairs)


def ends(plan: Tensor, size: int) -> Tensor:
    """Return the first and the last state of flat plans (B, P*C), side by side, (B, 2C)."""
    return torch.cat([plan[:, :size], plan[:, -size:]], dim=1)
