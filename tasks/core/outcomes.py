"""Every way in which an episode can end: one list for the referee, the records, the pages and the videos."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

SUCCESS = "SUCCESS"
"""The name of the only outcome that scores."""
OTHER_MODE = "OTHER_MODE"
"""The name of what would be a success if no other mode had been asked for."""

GROUPS = {
    "success": "one grasp, held to the end",
    "average": "acted between the modes",
    "miss": "failed away from the middle",
    "idle": "never finished",
    "fault": "policy or simulation fault",
}
"""Groups of outcomes, in the order in which they are drawn, and what each says of an episode."""


class Outcome(NamedTuple):
    """One way in which an episode can end."""

    name: str
    """As it stands in records and entries (column `label`)."""
    group: str
    """One of `GROUPS`."""
    short: str
    """What a viewer is told beside the name; empty when the name says it."""
    meaning: str
    """One sentence for a reader."""
    terminates: bool = False
    """Whether what happened ended the episode (Gymnasium's `terminated`), not its time or the policy."""

    of_a_mode: bool = False
    """Whether it only befalls what a mode had grasped: an episode that ends so has a mode."""

    @property
    def success(self) -> bool:
        """Whether the episode counts as solved."""
        return self.group == "success"

    @property
    def averaging(self) -> bool:
        """Whether the hand failed by acting in the dead zone between two modes."""
        return self.group == "average"

    @property
    def policy_fault(self) -> bool:
        """Whether the policy itself broke down; such an episode cannot be replayed without it."""
        return self.name.startswith("POLICY_")


OUTCOMES = {
    outcome.name: outcome
    for outcome in (
        Outcome(
            SUCCESS,
            "success",
            "",
            "The target was lifted and held for half a second without touching anything forbidden.",
            terminates=True,
        ),
        Outcome(
            "COLLISION_MID",
            "average",
            "averaged: hit the middle of two modes",
            "The robot hit what must not be touched with the hand between two modes: it averaged.",
            terminates=True,
        ),
        Outcome(
            "AIR_GRASP_MID",
            "average",
            "averaged: closed between two modes",
            "The gripper closed on nothing between two modes: it averaged.",
        ),
        Outcome(
            OTHER_MODE,
            "miss",
            "did it in another mode than it was asked for",
            "The task was done in another mode than the one that the instruction asked for.",
            terminates=True,
            of_a_mode=True,
        ),
        Outcome(
            "COLLISION_OTHER",
            "miss",
            "hit something else",
            "The robot hit what must not be touched, away from the middle.",
            terminates=True,
        ),
        Outcome(
            "AIR_GRASP",
            "miss",
            "closed on nothing",
            "The gripper closed on nothing, away from the middle.",
        ),
        Outcome(
            "SLIP",
            "miss",
            "the grip slipped",
            "A mode was grasped, and the target slipped out before it left the table.",
            of_a_mode=True,
        ),
        Outcome("DROP", "miss", "dropped it", "The target was lifted and then lost."),
        Outcome("NO_ATTEMPT", "idle", "never tried to grasp", "The hand never acted."),
        Outcome(
            "TIMEOUT",
            "idle",
            "ran out of time",
            "Something was grasped, but success was not held before the episode's time was up.",
        ),
        Outcome("POLICY_ERROR", "fault", "the policy failed", "The policy raised an error."),
        Outcome(
            "POLICY_TIMEOUT",
            "fault",
            "the policy was too slow",
            "A decision took longer than its deadline.",
        ),
        Outcome(
            "POLICY_INVALID_ACTION",
            "fault",
            "the policy sent an invalid action",
            "The policy returned an action of the wrong shape, not finite or out of range.",
        ),
        Outcome(
            "SIM_DIVERGED",
            "fault",
            "the simulation diverged",
            "The simulation became unstable; it counts as a failure.",
            terminates=True,
        ),
    )
}
"""Every outcome by its name, group by group. In which order they are tried stands in `referee.py`."""

_SUCCESS = {name: outcome.success for name, outcome in OUTCOMES.items()}
_AVERAGING = {name: outcome.averaging for name, outcome in OUTCOMES.items()}


def succeeded(labels: Iterable[str]) -> np.ndarray:
    """Return which episodes succeeded, by the names of their outcomes (N,): (N,) bool."""
    return np.fromiter(map(_SUCCESS.__getitem__, labels), bool)


def averaged(labels: Iterable[str]) -> np.ndarray:
    """Return which episodes failed between the modes, by the names of their outcomes (N,): (N,) bool."""
    return np.fromiter(map(_AVERAGING.__getitem__, labels), bool)


def count_outcomes(labels: Iterable[str]) -> dict[str, int]:
    """Count the outcomes that occur by name, success first, then in the order of the groups."""
    found = list(labels)
    return {name: found.count(name) for name in OUTCOMES if name in found}
