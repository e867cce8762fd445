"""The eight interfaces at which a rollout can break, what repairs each, and which one a variant disturbs."""

from collections.abc import Collection
from typing import Literal

from ...envs.perturbations.core.perturbation import Perturbation, overrides
from ...envs.perturbations.core.variant import CLEAN, Variant

Interface = Literal[
    "perception",
    "timing",
    "dynamics",
    "control",
    "data coverage",
    "evaluation",
    "representation",
    "planning",
]
"""The words for a cause."""

REPAIRS: dict[Interface, str] = {
    "perception": "the policy sees the true poses",
    "timing": "nothing comes late: what is seen and what is commanded are of the present step",
    "dynamics": "contact, mass and grip are nominal, and nothing is knocked, pushed or slips",
    "control": "the robot does what the policy asked for: nominal servos and fingers, no command is changed",
    "data coverage": "the episode begins as a demonstration does, in a scene as demonstrated",
    "evaluation": "another predicate: the goal at the last step, held or not, in the task's full time",
    "representation": "the policy is told which mode to take",
    "planning": "the scripted expert's plan in place of the policy's",
}
"""Every interface and its repair, in the order in which they are tried."""

RESTORED: tuple[Interface, ...] = ("perception", "timing", "dynamics", "control", "data coverage")
"""Repairs that give the policy back what it was made for, and leave it alone. Only where none of them saves
an episode is it measured otherwise, and then a part of it replaced: its choice of a mode first, then its
plan."""
REPLACED: tuple[Interface, ...] = ("evaluation", "representation", "planning")
"""The others, in the order in which they are tried."""

_BY_NAME: dict[str, Interface] = {
    "sensing.latency": "timing",
    "actuation.delay": "timing",
    "actuation.jitter": "timing",
}
_BY_GROUP: dict[str, Interface] = {
    "sensing": "perception",
    "actuation": "control",
    "contact": "dynamics",
    "start": "data coverage",
    "scene": "data coverage",
    "horizon": "evaluation",
}
_BY_HOOK: dict[str, Interface] = {
    "perturb_observation": "perception",
    "perturb_action": "control",
    "perturb_simulation": "dynamics",
    "perturb_model": "dynamics",
    "episode_steps": "evaluation",
}
"""For perturbations of a group of their own; the first hook that one has decides."""
_REST: Interface = "data coverage"
"""What the scene or the start is changed by."""


def interface_of(perturbation: Perturbation) -> Interface:
    """Return the interface that a perturbation disturbs: by its name, its group, or its hooks."""
    name = perturbation.name
    for named, key in ((_BY_NAME, name), (_BY_GROUP, name.split(".")[0])):
        if key in named:
            return named[key]
    for hook, where in _BY_HOOK.items():
        if overrides(perturbation, hook):
            return where
    return _REST


def disturbed(variant: str) -> set[Interface]:
    """Return the interfaces that a variant disturbs."""
    return {interface_of(one) for one in Variant(variant).parts if one.level}


def without(variant: str, interfaces: Collection[Interface]) -> str:
    """Return the name of a variant without the perturbations of some interfaces.

    What remains draws the same numbers as before: each perturbation has a stream of its own.
    """
    left = [one for one in Variant(variant).parts if interface_of(one) not in interfaces]
    return "+".join(one.label for one in left) or CLEAN
