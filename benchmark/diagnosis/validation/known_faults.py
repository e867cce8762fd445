"""Faults whose interface is known, to put into a good policy and see whether the diagnosis finds them."""

from typing import NamedTuple

import numpy as np

from ....envs.perturbations.core.variant import CLEAN, Variant
from ....envs.specs import POSITION
from ....policies import Policy, load_policy
from ....policies.core.answers import actions_of
from ....policies.core.policy import Decision, Episodes, Needs
from ....tasks.core.task import Task
from ..interfaces import Interface, interface_of

TASKS = ("PandaLiftDumbbell-v1", "PandaLiftMug-v1", "PandaLiftPot-v1")
"""Where single faults are put in."""
WEAK_TASKS = ("PandaLiftMug-v1", "PandaPickAroundPost-v1")
"""Where `flow` runs in variants of level 2, some of which it withstands."""
BESIDE = 0.03
"""How far beside its plan a misplaced policy goes [m]."""
HARMLESS = (
    "sensing.dropout:1",
    "actuation.jitter:1",
    "contact.friction:1",
    "actuation.gripper_speed:1",
    "start.bias:1",
)
"""One disturbance of each interface that can be restored, so weak that `flow` hardly minds: five suspects."""


class KnownFault(NamedTuple):
    """One fault, and what is the same without it."""

    cause: Interface
    """The interface that it breaks."""
    variant: str
    """The world with the fault."""
    without: str
    """The same world without it."""
    policy: str | type[Policy] = "flow"
    """The policy with the fault."""
    good: str = "flow"
    """The policy without it; the same where the fault is in the world."""


class Misplaced(Policy):
    """`flow`, which goes 3 cm beside its plan: what it sees and what the robot does is right."""

    def __init__(self, task: Task) -> None:
        """Load the weights of `flow`."""
        super().__init__(task)
        self._inner = load_policy("flow", task)

    def needs(self) -> Needs:
        """Return what `flow` needs."""
        return self._inner.needs()

    def reset(self, episodes: Episodes) -> None:
        """Begin new episodes."""
        self._inner.reset(episodes)

    def act(self, observation: dict[str, np.ndarray]) -> Decision:
        """Return its chunks, moved towards the robot."""
        actions = actions_of(self._inner.act(observation))
        actions[..., POSITION.start] -= BESIDE
        return Decision(actions)


def _disturbed(cause: Interface, *parts: str) -> KnownFault:
    """Return a fault of the world, among harmless disturbances of all other interfaces."""
    others = [part for part in HARMLESS if interface_of(Variant(part).parts[0]) != cause]
    return KnownFault(cause, "+".join([*others, *parts]), "+".join(others))


SINGLE = {
    one.cause: one
    for one in (
        _disturbed("perception", "sensing.noise:3", "sensing.bias:3"),
        _disturbed("timing", "sensing.latency:3"),
        _disturbed(
            "dynamics", "contact.friction:3", "contact.mass:3", "contact.grip_force:3", "contact.slip:3"
        ),
        _disturbed(
            "control",
            "actuation.gain:3",
            "actuation.gripper_speed:3",
            "actuation.dropped:3",
            "actuation.noise:3",
        ),
        _disturbed("data coverage", "start.joints:3"),
        _disturbed("evaluation", "horizon.short:3"),
        KnownFault("representation", "+".join(HARMLESS), "+".join(HARMLESS), "mse", "mse_labelled"),
        KnownFault("planning", "+".join(HARMLESS), "+".join(HARMLESS), Misplaced),
    )
}
"""One strong fault of each interface."""

WEAK = {
    part: KnownFault(interface_of(Variant(part).parts[0]), part, CLEAN)
    for part in (
        "sensing.noise:2",
        "sensing.latency:2",
        "actuation.delay:2",
        "contact.knock:2",
        "actuation.dropped:2",
        "start.joints:2",
        "horizon.short:2",
    )
}
"""Variants of level 2 with one disturbance each, of which `flow` survives many: what they break is known."""
