"""The levels of `diffuser_lite`: which states each of them fills, and what it learns from."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core.dataset import Batch
from ..generative.rectification import TEACHER_STEPS
from ..generative.samplers import flow_euler
from ..networks.layers import Trunk
from .guidance import inpainted, keep_mask, known_states, return_condition
from .planner import RETURN_DROPOUT, Networks

POINTS = 5
"""States of a plan at each level, the present one or both ends among them."""
STRIDES = (16, 4, 1)
"""Control steps between two states of each level: a level spans the first gap of the one above."""
SPAN = STRIDES[0] * (POINTS - 1) + 1
"""Control steps that a plan looks ahead, the present one included."""


class Gap(NamedTuple):
    """What one level is to fill in B windows."""

    plan: Tensor
    """As it was demonstrated, flat, (B, P*C)."""
    trunk: Trunk
    """Of the level; what is known of the plan is an input, and stays as it is in the answer."""
    condition: Tensor
    """Of the trunk."""
    weight: Tensor
    """How much each value counts, (P*C,)."""

    def loss(self, plan: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return the flow-matching loss on the ways from noises to plans, all (B, P*C), at times (B,)."""
        clean = self.trunk(torch.lerp(noise, plan, time[:, None]), time, self.condition)
        return (self.weight * (clean - plan).square()).mean()


def gaps_of(network: Networks, batch: Batch, given: Tensor) -> list[Gap]:
    """Return what the levels learn from a batch; the coarsest knows the return where `given` (B,) is 1."""
    frames = batch.states.unflatten(1, (SPAN, -1))
    levels = network["levels"]
    assert isinstance(levels, nn.ModuleList)
    size = frames.shape[2]
    found = []
    for level, (trunk, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        plan = frames[:, : stride * POINTS : stride].flatten(1)
        # the coarsest level starts from the present state and a return, a finer one from both ends of its gap
        condition = ends(plan, size) if level else return_condition(frames[:, 0], batch.returns, given)
        filled = inpainted(trunk, plan, known_states(POINTS, size, both=level > 0))
        found.append(Gap(plan, filled, condition, network.weight.repeat(POINTS)))
    return found


def make_level_pairs(network: Networks, batch: Batch, generator: torch.Generator) -> Tensor:
    """Return whether the return is given, then noise and plan of each level, (B, 1 + 2 L P C)."""
    given = keep_mask(len(batch.returns), RETURN_DROPOUT, generator)
    made = [given[:, None]]
    for gap in gaps_of(network, batch, given):
        noise = torch.randn(gap.plan.shape, generator=generator)
        made += [noise, flow_euler(gap.trunk, noise, gap.condition, TEACHER_STEPS)]
    return torch.cat(made, 1)


def ends(plan: Tensor, size: int) -> Tensor:
    """Return the first and the last state of flat plans (B, P*C), side by side, (B, 2C)."""
    return torch.cat([plan[:, :size], plan[:, -size:]], dim=1)
