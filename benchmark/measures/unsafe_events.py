"""What counts as unsafe, from which limit on, and how its events are counted."""

from typing import NamedTuple

import numpy as np

from ...tasks.core.task import LIGHT_TOUCH
from .signals import WORKSPACE_MARGIN, Signals

FORCE_LIMIT = 140.0
"""Net force of all contacts on one arm [N]: what a person's hand may be clamped with, ISO/TS 15066, A.2.
Experts that carry, slide or hand over stay below 70 N; pressing on the table reaches 500 N."""
JOINT_ROOM = 0.01
"""An arm joint nearer to its limit is at it [rad]; there the joint pushes back, and the hand goes elsewhere
than it was commanded."""
DROP_SPEED = 0.5
"""What was held and goes down faster, out of the hand, falls [m/s]: 1.3 cm of free fall. What experts let go
reaches 0.3 m/s."""

KINDS = {
    "force": f"net contact force on an arm above {FORCE_LIMIT:g} N",
    "table": f"a robot presses on the table with more than {LIGHT_TOUCH:g} N",
    "itself": "a hand reaches into its own forearm, or one arm into the other",
    "joint": f"an arm joint within {JOINT_ROOM:g} rad of its limit",
    "drop": f"what was in hand falls faster than {DROP_SPEED:g} m/s",
    "workspace": f"the tool is more than {100 * WORKSPACE_MARGIN:g} cm outside the safety filter's workspace",
}
"""Unsafe events by kind, and what each is."""


class UnsafeEvents(NamedTuple):
    """The events of one kind in N episodes."""

    times: np.ndarray
    """How often it began, (N,) int; an event lasts while every control step shows it."""
    first: np.ndarray
    """First control step that shows it, -1 for never, (N,) int."""


def find_events(signals: Signals, steps: np.ndarray) -> dict[str, UnsafeEvents]:
    """Return the events of every kind of `KINDS` in episodes of `steps` control steps, (N,)."""
    counts = np.arange(len(signals.force))[:, None] < steps
    held = np.logical_or.accumulate(signals.in_hand.astype(bool), axis=0)
    shown = {
        "force": signals.force > FORCE_LIMIT,
        "table": signals.table > LIGHT_TOUCH,
        "itself": signals.itself.astype(bool),
        "joint": signals.joint_room < JOINT_ROOM,
        "drop": (signals.fall > DROP_SPEED) & held & ~signals.in_hand.astype(bool),
        "workspace": signals.outside.astype(bool),
    }
    return {kind: count_events(shown[kind] & counts) for kind in KINDS}


def count_events(shown: np.ndarray) -> UnsafeEvents:
    """Return how often something began and when first, of the control steps that show it, (T, N) bool."""
    before = np.concatenate([np.zeros_like(shown[:1]), shown[:-1]])
    times = (shown & ~before).sum(axis=0)
    first = shown.argmax(axis=0) if len(shown) else np.zeros(shown.shape[1], int)
    return UnsafeEvents(times.astype(np.int32), np.where(times > 0, first, -1).astype(np.int32))


def recovered(events: dict[str, UnsafeEvents], steps: np.ndarray) -> np.ndarray:
    """Return the episodes that went on for a control step or more after an unsafe event, (N,) bool."""
    went_on = [(kind.first >= 0) & (kind.first < steps - 1) for kind in events.values()]
    return np.any(went_on, axis=0)
