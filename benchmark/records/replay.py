"""Replays recorded episodes without their policy: for videos, and to verify what others report.

The executed actions are recorded on a grid and the states every half second, so an episode can be stepped
again from its record alone. On an equal machine every state comes out bit for bit. On another one small
differences could grow, so a check starts each stretch of actions from its own recorded state.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.simulation import Simulation
from ...envs.specs import from_grid
from ...tasks.core import episode_step
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.referee import Referee
from ...tasks.core.task import Task
from ..rollout.shard import STATE_EVERY, Shard, ShardResult, Trace, digests

TOLERANCE = 1e-6
"""Largest difference of a replayed state that may be put down to another machine; see `Check.worst`."""


class Check(NamedTuple):
    """How well the record of a shard agrees with itself."""

    segments: int
    """Recorded states that were compared, each reached from the one before; the first from its seed."""
    worst: float
    """Largest difference of any number of a state, divided by the number itself where that is above 1."""
    exact: bool
    """Whether every state came out bit for bit."""
    strays: tuple[int, ...]
    """Seeds whose states, verdict or fingerprint do not follow from the recorded actions."""

    @property
    def agrees(self) -> bool:
        """Whether the record is sound."""
        return not self.strays


class Again(NamedTuple):
    """What comes out when N recorded episodes are stepped again."""

    states: np.ndarray
    """In place of the recorded ones, each reached from the recorded one before, (N, S, nstate)."""
    alive: np.ndarray
    """Which of them lie before their episode's end, (N, S) bool."""
    verdicts_differ: np.ndarray
    """Episodes whose label, mode or length comes out otherwise, (N,) bool."""


def replay(
    task: Task,
    trace: Trace,
    row: int,
    steps: int,
    action_space: str = "ee_absolute",
    shard: Shard | None = None,
) -> np.ndarray:
    """Return the states of one episode before every control step and after the last, (steps + 1, nstate).

    Args:
        task: the task that was recorded.
        trace: a shard's record.
        row: the episode's row in it.
        steps: control steps to replay, usually the episode's length.
        action_space: of the recorded actions (`policy.action` in run.json).
        shard: of the record, when it is not of the clean world.

    Raises:
        BimodalError: the record is too short, or the task has changed since.
    """
    return replay_many(task, trace, np.array([row]), steps, action_space, shard)[0]


def replay_many(
    task: Task,
    trace: Trace,
    rows: np.ndarray,
    steps: int,
    action_space: str = "ee_absolute",
    shard: Shard | None = None,
    watch: Callable[[Simulation], None] | None = None,
) -> np.ndarray:
    """Return the states of several episodes, (rows, steps + 1, nstate); see `replay`.

    `watch` is called with the simulation before the first control step and after every one.
    """
    recorded = trace.actions.shape[1]
    if not 0 < steps <= recorded:
        raise BimodalError(f"{task.id}: cannot replay {steps} control steps; {recorded} are recorded")
    variant = Variant(shard.variant) if shard else Variant()
    simulation = Simulation(task, len(rows), variant=variant)
    check_size(simulation, trace)
    if shard:
        simulation.prepare(np.array(shard.seeds)[rows])
    simulation.restore(trace.states[rows, 0])
    watch = watch or (lambda simulation: None)
    states = [simulation.state()]
    watch(simulation)
    for step in range(steps):
        episode_step.advance(simulation, from_grid(trace.actions[rows, step]), step, action_space)
        states.append(simulation.state())
        watch(simulation)
    return np.stack(states, axis=1)


def check(task: Task, result: ShardResult, action_space: str = "ee_absolute", threads: int = 1) -> Check:
    """Step a shard's episodes again from its seeds and compare states, verdicts and fingerprints.

    Called by `check_run` for every shard. Verdicts that blame the policy cannot be replayed without it; of
    such episodes only the states count.

    Args:
        task: the task that was recorded.
        result: a shard as read by `shard_file.read_shard`.
        action_space: of the recorded actions (`policy.action` in run.json).
        threads: simulation threads.

    Raises:
        BimodalError: the task has changed since.
    """
    trace = result.trace
    again = step_again(task, result, action_space, threads)
    worst = scaled_difference(again.states, trace.states, again.alive).max(axis=(1, 2), initial=0.0)
    strays = (worst > TOLERANCE) | (digests(result.verdict, trace) != result.digests)
    strays |= again.verdicts_differ
    seeds = tuple(seed for seed, stray in zip(result.shard.seeds, strays, strict=True) if stray)
    exact = again.states[again.alive].tobytes() == trace.states[again.alive].tobytes()
    return Check(int(again.alive.sum()), float(worst.max(initial=0.0)), exact, seeds)


def step_again(task: Task, result: ShardResult, action_space: str = "ee_absolute", threads: int = 1) -> Again:
    """Step a shard's episodes again from its seeds, each stretch from its recorded state; see `check`.

    Raises:
        BimodalError: the task has changed since.
    """
    trace = result.trace
    simulation = Simulation(task, len(result.digests), threads, Variant(result.shard.variant))
    check_size(simulation, trace)
    simulation.reset(result.shard.seeds)
    most = simulation.variant.episode_steps(task.max_episode_steps)
    referee = Referee(task, simulation.n, most, result.shard.asked(task))
    states = _states_again(simulation, referee, trace, action_space)
    alive = np.arange(states.shape[1]) * STATE_EVERY < result.verdict.steps[:, None]
    return Again(states, alive, _verdicts_differ(referee, result))


def _states_again(simulation: Simulation, referee: Referee, trace: Trace, action_space: str) -> np.ndarray:
    """Step the recorded actions before a referee; returns the states that came out, (N, S, nstate)."""
    found = []
    for step in range(trace.actions.shape[1]):
        # 1. keep what came out, and start the next stretch of actions from the recorded state
        if step % STATE_EVERY == 0:
            found.append(simulation.state())
            simulation.restore(trace.states[:, len(found) - 1])
        # 2. perturb, step, measure, judge as the run did
        command = from_grid(trace.actions[:, step])
        episode_step.advance_and_judge(referee, simulation, command, step, action_space)
    return np.stack(found, axis=1) if found else trace.states


def _verdicts_differ(referee: Referee, result: ShardResult) -> np.ndarray:
    """Return the episodes whose label, mode or length comes out otherwise, (N,) bool."""
    old = result.verdict
    new = referee.verdict()
    differ = (new.label != old.label) | (new.mode != old.mode) | (new.steps != old.steps)
    return differ & ~np.array([OUTCOMES[label].policy_fault for label in old.label], bool)


def scaled_difference(found: np.ndarray, recorded: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Return the difference of states (N, S, nstate), divided by the number itself where that is above 1.

    States that diverged alike are equal, and so are those after an episode's end (`alive` (N, S) is False).
    """
    with np.errstate(invalid="ignore"):
        difference = np.abs(found - recorded) / np.maximum(1.0, np.abs(recorded))
    difference[(found == recorded) | (np.isnan(found) & np.isnan(recorded)) | ~alive[..., None]] = 0.0
    return np.nan_to_num(difference, nan=np.inf)


def check_size(simulation: Simulation, trace: Trace) -> None:
    """Refuse a record of another number of states, or of states of another size.

    Raises:
        BimodalError: the task has changed since, or the record is damaged.
    """
    size = simulation.batch.state.shape[1]
    recorded = trace.states.shape[-1]
    if trace.states.shape[1] != -(-trace.actions.shape[1] // STATE_EVERY):
        raise BimodalError(f"{simulation.task.id}: the record has too few or too many states; it is damaged")
    if trace.states.size and size != recorded:
        raise BimodalError(
            f"{simulation.task.id}: the recorded states have {recorded} numbers, this version's {size}; "
            "the task has changed since, so use the version of bimodal named in run.json"
        )
