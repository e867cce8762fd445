"""Simulates the recorded episodes of one task in one variant again, and compares; called by `verify.py`.

exact      the fingerprint of the episode comes out: outcome, mode, length, every action and every state
near       positions agree within `NEAR`, and outcome, mode and length are the entry's
drifted    positions agree within `FAR`, the rest is the entry's: where another C library computes sines, a
           difference of 1e-16 may grow so far by contact
stray      anything else
"""

from typing import NamedTuple

import numpy as np

from ...benchmark.measures.progress import progress
from ...benchmark.rollout.shard import STATE_EVERY, Trace, digests
from ...benchmark.scoring.run_episodes import Cell, EpisodeColumns
from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...envs.specs import ACTIONS, RANGE_SLACK, bounds, from_grid, of_arms
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.referee import Referee, Verdict
from ...tasks.core.task import Task
from ..episode_block import DIGITS
from .trace_archive import GRID, CellTrace, cell_trace, on_grid

NEAR = 1e-6
"""Largest difference of a joint's position that says nothing [m] or [rad]."""
FAR = 1e-3
"""Largest difference that another C library may make, where outcome, mode and length are the entry's."""


class CellResult(NamedTuple):
    """What came out for the episodes of one task in one variant."""

    episodes: int
    exact: int
    near: int
    drifted: int
    problem: str
    """What is wrong with the first stray, "" without one."""
    progress: float = 0.0
    """Mean progress of the episodes as they come out now, 0 to 1."""

    @property
    def strays(self) -> int:
        """How many do not follow from their actions."""
        return self.episodes - self.exact - self.near - self.drifted


def replay_cell(
    key: Cell, claim: EpisodeColumns, space: str, arrays: dict[str, np.ndarray], number: int
) -> CellResult:
    """Simulate the episodes of one task in one variant and compare them; called in a process of its own."""
    task = load_task(key[0])
    low, high = bounds(of_arms(ACTIONS[space], task.arms))
    try:
        trace = cell_trace(arrays, number, len(low), claim.steps)
    except BimodalError as error:
        return CellResult(len(claim.seeds), 0, 0, 0, str(error))
    asked = from_grid(trace.actions)
    outside = ((asked < low - RANGE_SLACK) | (asked > high + RANGE_SLACK)).any(axis=1)
    rows = np.repeat(np.arange(len(claim.seeds)), claim.steps)
    impossible = np.isin(np.arange(len(claim.seeds)), rows[outside])
    return _compare(claim, trace, impossible, Again.play(task, Variant(key[1]), claim, trace.actions, space))


class Again(NamedTuple):
    """N episodes simulated again."""

    positions: np.ndarray
    """Joints before control steps 0, 10, ..., one episode after the other, in units of `GRID`."""
    digests: np.ndarray
    """Fingerprint of each, (N,) str."""
    verdict: Verdict
    """How each ended."""
    progress: np.ndarray
    """How far each came, (N,), 0 to 1."""

    @classmethod
    def play(
        cls, task: Task, variant: Variant, claim: EpisodeColumns, actions: np.ndarray, space: str
    ) -> "Again":
        """Play recorded actions (sum of steps, A) from the scenes of the claim's seeds."""
        n = len(claim.seeds)
        simulation = Simulation(task, n, variant=variant)
        simulation.reset(claim.seeds)
        referee = Referee(task, n, variant.episode_steps(task.max_episode_steps), claim.asked)
        padded = np.zeros((n, int(claim.steps.max(initial=0)), actions.shape[1]), np.int32)
        recorded = np.arange(padded.shape[1]) < claim.steps[:, None]
        padded[recorded] = actions
        states = []
        seen = []
        for step in range(padded.shape[1]):
            _end_where_the_policy_failed(referee, claim, step)
            if step % STATE_EVERY == 0:
                states.append(simulation.state())
            command = from_grid(padded[:, step])
            now = episode_step.advance_and_judge(referee, simulation, command, step, space, recorded[:, step])
            seen.append([np.array(part) for part in (now.hand, now.in_hand, now.lift)])
        _end_where_the_policy_failed(referee, claim, padded.shape[1])
        kept = np.stack(states, axis=1) if states else np.zeros((n, 0, 1 + simulation.model.nq))
        before_end = np.arange(kept.shape[1]) * STATE_EVERY < claim.steps[:, None]
        verdict = referee.verdict()
        return cls(
            positions=on_grid(kept[before_end][:, 1 : 1 + simulation.model.nq]),
            digests=digests(verdict, Trace(padded, kept)),
            verdict=verdict,
            progress=_progress(task, seen, verdict),
        )


def _progress(task: Task, seen: list[list[np.ndarray]], verdict: Verdict) -> np.ndarray:
    """Return how far each episode came, (N,); `seen` is hand, in hand and way after every control step."""
    if not seen:
        return np.zeros(len(verdict.steps))
    hand, in_hand, way = (np.stack(part) for part in zip(*seen, strict=True))
    return progress(task, hand, in_hand, way, verdict)


def _end_where_the_policy_failed(referee: Referee, claim: EpisodeColumns, step: int) -> None:
    """End the episodes that the policy's own fault ended before a control step; no replay can show that."""
    for label in {label for label in claim.labels if OUTCOMES[label].policy_fault}:
        referee.policy_fault((claim.labels == label) & (claim.steps == step), label)


def _compare(claim: EpisodeColumns, trace: CellTrace, impossible: np.ndarray, again: Again) -> CellResult:
    """Sort the episodes of a cell into exact, near, drifted and strays."""
    verdict = again.verdict
    told = (verdict.label == claim.labels) & (verdict.mode == claim.modes) & (verdict.steps == claim.steps)
    named = np.array([digest[:DIGITS] for digest in trace.digests], object) == claim.digests
    sound = told & named & ~impossible
    worst = _largest_differences(claim.steps, trace.positions, again.positions)
    exact = sound & (again.digests == trace.digests)
    near = sound & ~exact & (worst <= NEAR)
    drifted = sound & ~exact & ~near & (worst <= FAR)
    stray = ~(exact | near | drifted)
    problem = ""
    if stray.any():
        row = int(stray.argmax())
        problem = f"seed {claim.seeds[row]}: " + (
            "an action is out of its range"
            if impossible[row]
            else "its fingerprint is not that of the archive"
            if not named[row]
            else f"{claim.labels[row]} after {claim.steps[row]} steps claimed, {verdict.label[row]} after "
            f"{verdict.steps[row]} found"
            if not told[row]
            else f"a joint is {worst[row]:.2g} away from where the archive has it"
        )
    mean = float(again.progress.mean())
    return CellResult(len(claim.seeds), int(exact.sum()), int(near.sum()), int(drifted.sum()), problem, mean)


def _largest_differences(steps: np.ndarray, recorded: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the largest difference of a joint's position in each of N episodes [m] or [rad], (N,)."""
    if recorded.shape != found.shape:
        return np.full(len(steps), np.inf)
    rows = np.repeat(np.arange(len(steps)), -(-steps // STATE_EVERY))
    worst = np.zeros(len(steps))
    np.maximum.at(worst, rows, np.abs(recorded.astype(float) - found).max(axis=1, initial=0.0) * GRID)
    return worst
