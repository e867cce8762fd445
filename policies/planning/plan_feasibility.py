"""Is a plan feasible? What every candidate is asked before one is followed, and the verdict on record."""

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
    first, hands = 0, []
    for component in config.observations:
        if component.name.endswith("tcp_position"):
            hands += range(first, first + component.size, 3)
        first += component.size
    seen, done = config.observation_normaliser, config.action_normaliser
    numbers = (torch.from_numpy(part).float() for part in (seen.mean, seen.scale, done.mean, done.scale))
    return Scales(hands, *numbers)


def faults(scales: Scales, states: Tensor, stride: int = 1) -> list[str]:
    """Return the rule that each plan breaks, "" for none.

    Args:
        scales: of the checkpoint.
        states: normalised, (K, P, C).
        stride: control steps between two of them.
    """
    found = [""] * len(states)
    for first in scales.hands:
        hand = states[..., first : first + 3]
        far = hand.abs().amax((1, 2)) > FARTHEST
        steps = (hand[:, 1:] - hand[:, :-1]) * scales.scale[first : first + 3]
        fast = steps.norm(dim=2).amax(1) > FASTEST * stride
        rules = (2 * fast + (far & ~fast)).tolist()
        found = [known or ("", "workspace", "speed")[rule] for known, rule in zip(found, rules, strict=True)]
    return found


def settle(scores: Tensor, faults: list[str], chosen: int) -> tuple[int, str]:
    """Return the candidate to follow and the verdict, given the one that was `chosen`.

    A fault hands the choice to the best candidate without one; if all have one, it stays.

    Args:
        scores: higher is better, (K,).
        faults: of each candidate.
        chosen: index of a candidate.
    """
    if not faults[chosen]:
        return chosen, "pass"
    sound = torch.tensor([not fault for fault in faults])
    if not sound.any():
        return chosen, f"rejected: {faults[chosen]}"
    return int(scores.masked_fill(~sound, -torch.inf).argmax()), f"repaired: {faults[chosen]}"


def led(scales: Scales, actions: Tensor, states: Tensor) -> bool:
    """Return whether the actions command every hand to near where the plan says that it will then be.

    Args:
        scales: of the checkpoint.
        actions: normalised, (M, A).
        states: the planned states that follow them, normalised, (M, C).
    """
    commanded = (actions * scales.action_scale + scales.action_mean).unflatten(
        1, (-1, size(ACTIONS["ee_absolute"]))
    )
    planned = states * scales.scale + scales.mean
    hands = torch.stack([planned[:, first : first + 3] for first in scales.hands], dim=1)
    return bool(((commanded[..., :3] - hands).norm(dim=2) <= LEAD).all())
