"""Whether plans can be followed, and which one is; called by `Planner` before it acts on a plan."""

from typing import NamedTuple

import torch
from torch import Tensor

from ...envs.specs import ACTIONS, size
from ..core.checkpoint import Config

FASTEST = 0.08
"""A planned hand that moves farther in a control step cannot be followed [m]."""
FARTHEST = 5.0
"""Standard deviations of the demonstrations, beyond which a planned hand has left its workspace."""
LEAD = 0.10
"""Largest distance of a commanded position from where the plan says that the hand will then be [m]."""


class Scales(NamedTuple):
    """What normalised plans of a checkpoint mean in metres."""

    hands: list[int]
    """First column of each hand's position in an observation, arm by arm."""
    mean: Tensor
    """Of an observation (C,)."""
    scale: Tensor
    """Of an observation (C,)."""
    action_mean: Tensor
    """(A,)."""
    action_scale: Tensor
    """(A,)."""


def scales(config: Config) -> Scales:
    """Return the scales of a checkpoint; hands are the components whose names end with `tcp_position`."""
    first = 0
    hands = []
    for component in config.observations:
        if component.name.endswith("tcp_position"):
            hands += range(first, first + component.size, 3)
        first += component.size
    seen = config.observation_normaliser
    action = config.action_normaliser
    parts = (seen.mean, seen.scale, action.mean, action.scale)
    return Scales(hands, *(torch.from_numpy(part).float() for part in parts))


def violations(scales: Scales, states: Tensor, stride: int = 1) -> list[str]:
    """Return the rule that each plan breaks, "" for none.

    Plans are normalised states (K, P, C), `stride` control steps apart.
    """
    found = [""] * len(states)
    for first in scales.hands:
        hand = states[..., first : first + 3]
        # a plan that is too fast is called that, even if it also leaves the workspace
        far = hand.abs().amax((1, 2)) > FARTHEST
        steps = (hand[:, 1:] - hand[:, :-1]) * scales.scale[first : first + 3]
        fast = steps.norm(dim=2).amax(1) > FASTEST * stride
        rules = (2 * fast + (far & ~fast)).tolist()
        found = [known or ("", "workspace", "speed")[rule] for known, rule in zip(found, rules, strict=True)]
    return found


def select_plan(scores: Tensor, violations: list[str], chosen: int) -> tuple[int, str]:
    """Return the candidate to follow and the verdict, given the one that was `chosen`.

    If that one breaks a rule, the best of the scores (K,) without a violation is followed instead (the
    fallback); if all candidates have one, the choice stays.
    """
    if not violations[chosen]:
        return chosen, "pass"
    feasible = torch.tensor([not rule for rule in violations])
    if not feasible.any():
        return chosen, f"rejected: {violations[chosen]}"
    return int(scores.masked_fill(~feasible, -torch.inf).argmax()), f"repaired: {violations[chosen]}"


def actions_follow_plan(scales: Scales, actions: Tensor, states: Tensor) -> bool:
    """Return whether the actions command every hand to near where the plan says that it will then be.

    Both normalised: actions (M, A), and the planned states (M, C) that follow them.
    """
    targets = actions * scales.action_scale + scales.action_mean
    commanded = targets.unflatten(1, (-1, size(ACTIONS["ee_absolute"])))
    planned = states * scales.scale + scales.mean
    hands = torch.stack([planned[:, first : first + 3] for first in scales.hands], dim=1)
    return bool(((commanded[..., :3] - hands).norm(dim=2) <= LEAD).all())
