"""Runs episodes again, side by side, from their own beginning, with one thing repaired."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from ...envs.perturbations.core.variant import Variant
from ...envs.random_streams import noise_key, stream
from ...envs.seed_ranges import TRAIN
from ...envs.simulation import Simulation
from ...envs.task_protocol import Start
from ...policies.core.policy import Policy
from ...tasks.core.referee import Referee
from ...tasks.core.task import Task
from ..rollout.policy_runner import PolicyRunner
from ..rollout.shard import check_needs, digests, run_episodes
from ..rollout.timeouts import Deadline

DEMONSTRATED = 300
"""Scenes of the first set of demonstrations, among which the nearest are looked for."""
ROWS = 256
"""Episodes side by side at most."""


class Arm(NamedTuple):
    """One way to run the episodes again."""

    variant: str
    """Name of the variant in which they run."""
    policy: Callable[[Task], Policy]
    """Builds the policy for a task."""
    demonstrated: bool = False
    """Whether they begin as demonstrations did."""
    magnitude: float | None = None
    """Of the variant's one perturbation, in place of its level's; None for that one."""

    def world(self) -> Variant:
        """Return the variant, ready to run."""
        found = Variant(self.variant)
        if self.magnitude is not None:
            found.parts[0].magnitude = self.magnitude
        return found


class Reruns(NamedTuple):
    """How N episodes ended, each run again n times."""

    labels: np.ndarray
    """Outcomes, (N, n) str."""
    success: np.ndarray
    """Whether the goal was held, (N, n) bool."""
    at_the_end: np.ndarray
    """Whether the goal was reached at the last step, (N, n) bool."""
    digests: np.ndarray
    """Fingerprint of each run, (N, n) str."""

    def by_the_end(self) -> "Reruns":
        """Return the same runs, judged by the goal at the last step."""
        return self._replace(success=self.at_the_end)


def rerun(
    task: Task, arm: Arm, seeds: np.ndarray, suite_version: str, numbers: range, threads: int = 1
) -> Reruns:
    """Run episodes again from the beginning, which rebuilds every memory of policy and variant to the bit.

    Args:
        task: the task.
        arm: what is repaired.
        seeds: of the episodes, (N,).
        suite_version: part of the policy's noise keys.
        numbers: which re-runs of each; 0 is the one with the episode's own noise, and the n-th of every arm
            has the same noise.
        threads: simulation threads; the result does not depend on it.
    """
    rows = np.repeat(seeds, len(numbers))
    tries = np.tile(numbers, len(seeds))
    keys = np.array([noise_of(suite_version, task, seed, n) for seed, n in zip(rows, tries, strict=True)])
    parts = [slice(begin, begin + ROWS) for begin in range(0, len(rows), ROWS)]
    found = [_run(task, arm, rows[part], keys[part], tries[part], threads) for part in parts]
    columns = (np.concatenate(column) for column in zip(*found, strict=True))
    return Reruns(*(column.reshape(len(seeds), -1) for column in columns))


def noise_of(suite_version: str, task: Task, seed: int, number: int) -> np.uint64:
    """Return the noise key of an episode's re-run; number 0 is the episode's own."""
    again = ("run again", number) if number else ()
    return noise_key(suite_version, task.id, int(seed), *again)


def _run(
    task: Task, arm: Arm, seeds: np.ndarray, keys: np.ndarray, tries: np.ndarray, threads: int
) -> Reruns:
    """Run rows side by side; returns columns (rows,)."""
    policy = arm.policy(task)
    needs = check_needs(task, policy.needs())
    simulation = Simulation(task, len(seeds), threads, arm.world())
    starts = simulation.prepare(seeds)
    if arm.demonstrated:
        starts = [nearest_demonstrated(task, start, n) for start, n in zip(starts, tries, strict=True)]
    simulation.begin(starts, simulation.variant.joint_offsets(task, seeds))
    referee = Referee(task, simulation.n, simulation.variant.episode_steps(task.max_episode_steps))
    runner = PolicyRunner(policy, needs, simulation, referee, Deadline())
    runner.reset(keys)
    trace = run_episodes(runner)
    verdict = referee.verdict()
    return Reruns(verdict.label, verdict.success, verdict.success_final, digests(verdict, trace))


def nearest_demonstrated(task: Task, start: Start, rank: int) -> Start:
    """Return the demonstrated start whose scene frame is the nearest to that of `start`, or one further.

    Distances are in half-widths of the task's spread of x, y and yaw. So many re-runs begin at so many
    starts: one lucky start is not taken for the repair.
    """
    known = _demonstrated(task)
    frames = np.stack([one.frame for one in known])
    away = np.linalg.norm((frames - start.frame) / np.maximum(task.spread, 1e-9), axis=1)
    return known[int(np.argsort(away, kind="stable")[rank])]


@cache
def _demonstrated(task: Task) -> list[Start]:
    """Return where the demonstrations of a task's first set begin."""
    return [task.start(stream("start", task.id, seed)) for seed in TRAIN[:DEMONSTRATED]]
