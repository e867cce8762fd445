"""Where a policy planned to go in an episode, moment by moment, as its run recorded it; drawn into videos."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...tasks import load_task
from ...tasks.core.task import Task
from ..records.run_record import PolicyRecord
from ..records.shard_file import read_shard
from ..rollout.plan_records import Plans, plan_file, read_plans
from ..rollout.planned_hands import chunk_ahead, planned_hands
from ..rollout.track import SIMULATOR

MOST_WAYS = 64
"""Candidates of a decision that are shown."""


class Way(NamedTuple):
    """A planned way of a hand."""

    points: np.ndarray
    """World [m], (K, 3)."""
    mode: int
    """The mode that it goes to, -1 for unknown."""
    chosen: bool
    """Whether it became the plan."""


Ways = tuple[Way, ...]
"""All of one moment, the chosen one last."""


def planned_ways(file: Path, seed: int, steps: int, policy: PolicyRecord, frame: np.ndarray) -> list[Ways]:
    """Return the recorded candidates, or the executed part of the chunk, before each control step and after.

    Args:
        file: the shard that holds the episode.
        seed: of the episode.
        steps: its length [control steps].
        policy: who acted.
        frame: the scene frame: x, y [m] and yaw [rad], world, (3,).

    Raises:
        BimodalError: the record is missing or damaged.
    """
    stored = read_shard(file)
    row = stored.result.shard.seeds.index(seed)
    task = load_task(stored.result.shard.task)
    plans = read_plans(plan_file(file)) if stored.plans else None
    decided = candidate_ways(task, policy, plans, row, frame, task.hand_yaw) if plans else []
    if decided:
        return [decided[min(step // policy.execute, len(decided) - 1)] for step in range(steps + 1)]
    actions = stored.result.trace.actions[row, :steps]
    ahead = (chunk_ahead(task, actions, policy.action, step, policy.execute) for step in range(steps + 1))
    return [tuple(Way(points, -1, True) for points in hands if len(points) > 1) for hands in ahead]


def candidate_ways(
    task: Task, policy: PolicyRecord, plans: Plans, row: int, frame: np.ndarray, yaw: float
) -> list[Ways]:
    """Return the recorded candidates of each decision, `MOST_WAYS` and the chosen one, which is last.

    Nothing where none were recorded, or in other variables than `planned_hands` knows.

    Args:
        task: the task.
        policy: who acted.
        plans: what it recorded.
        row: of the episode in them.
        frame: the scene frame: x, y [m] and yaw [rad], world, (3,).
        yaw: of the hand at the start, scene frame [rad].
    """
    if plans.candidates is None:
        return []
    told = (policy.observations, policy.track == SIMULATOR)
    hands = planned_hands(task, *told, plans.candidates[row].astype(float), frame, yaw)
    if hands is None:
        return []
    modes = task.side(hands.poses[:, :, -1]) if plans.modes is None else plans.modes[row]
    chosen = np.full(len(modes), -1) if plans.chosen is None else plans.chosen[row]
    found = []
    for points, which, taken in zip(hands.world, modes, chosen, strict=True):
        ways = [
            Way(one, int(which[c]), bool(c == taken))
            for c, one in enumerate(points)
            if np.isfinite(one).all() and (c < MOST_WAYS or c == taken)
        ]
        found.append(tuple(sorted(ways, key=lambda way: way.chosen)))
    return found
