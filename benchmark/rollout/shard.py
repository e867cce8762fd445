"""One shard: a fixed group of episodes of one task, run side by side and recorded.

This is the loop that everything else stands around. A shard always holds the same episodes, so its
records do not depend on the number of workers or threads, on the order of shards, or on a resume.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ...envs import images
from ...envs.errors import WrongUse, unknown_name
from ...envs.perturbations.core.variant import Variant
from ...envs.random_streams import noise_key
from ...envs.simulation import Simulation
from ...envs.specs import ACTIONS, from_grid
from ...policies.core.policy import Needs, Policy, plain_needs
from ...tasks.core import episode_step
from ...tasks.core.instructions import asked_modes
from ...tasks.core.referee import Referee, Verdict
from ...tasks.core.task import Task
from .plan_records import Plans
from .policy_runner import DecisionRecord, PolicyRunner, fault_text
from .timeouts import Deadline, PolicyTimeout

STATE_EVERY = 10
"""Control steps between recorded states (0.5 s)."""


class Shard(NamedTuple):
    """Which episodes run together."""

    task: str
    """Task id."""
    variant: str
    """Name of the variant; `clean` for none."""
    index: int  # type: ignore[assignment]
    """Number of the shard among those of its task and variant."""
    seeds: tuple[int, ...]
    """Episode seeds."""
    instructed: bool = False
    """Whether each episode is asked for one mode, the only one that counts as success."""

    def asked(self, task: Task) -> np.ndarray | None:
        """Return the mode that each episode is asked for, (N,) int; None where any will do."""
        return asked_modes(task, self.seeds) if self.instructed else None


class Trace(NamedTuple):
    """What is needed to replay N episodes without the policy."""

    actions: np.ndarray
    """What the robot was commanded, on the grid of 1e-5, (N, T, A) int32; row i counts up to its own end."""
    states: np.ndarray
    """`mjSTATE_INTEGRATION` before control steps 0, 10, 20, ..., (N, S, nstate) float64."""


class ShardResult(NamedTuple):
    """What came out of a shard."""

    shard: Shard
    verdict: Verdict
    faults: np.ndarray
    """What the policy did wrong in each episode, "" for nothing, (N,) str."""
    digests: np.ndarray
    """Fingerprint of each episode's actions, states and verdict, (N,) str of 32 hex digits."""
    decisions: list[DecisionRecord]
    trace: Trace
    plans: Plans | None = None
    """How the policy came to its decisions; None where it does not say."""
    clipped: np.ndarray | None = None
    """Control steps of each episode in which the policy's action was clipped, (N,); None for nowhere."""
    tracebacks: Mapping[str, str] = MappingProxyType({})
    """Where the first fault of each kind of exception was; kept in the run's folder, not in the record."""


def check_needs(task: Task, said: object) -> Needs:
    """Return what a policy says it needs, in plain values; refuse what the task does not have.

    Raises:
        WrongUse: not a `Needs`, an unknown observation or action space, or an impossible `n_action_steps`.
    """
    needs = plain_needs(said)
    offered = [*(spec.name for spec in task.observation), *images.IMAGES, images.INSTRUCTION]
    for name in needs.observations:
        if name not in offered:
            raise unknown_name(f"observation of {task.id}", name, offered)
    if needs.action not in ACTIONS:
        raise unknown_name("action space", needs.action, ACTIONS)
    if needs.n_action_steps < 1:
        raise WrongUse(f"needs().n_action_steps is {needs.n_action_steps}; it must be at least 1")
    if needs.n_action_steps > task.max_episode_steps:
        raise WrongUse(
            f"needs().n_action_steps is {needs.n_action_steps}; an episode of {task.id} has "
            f"{task.max_episode_steps} control steps"
        )
    return needs


def run_shard(
    task: Task,
    policy: Policy,
    shard: Shard,
    suite_version: str,
    threads: int = 1,
    deadline: Deadline | None = None,
    referee: Referee | None = None,
    privileged: bool = True,
    told: bool = False,
    world: Variant | None = None,
    before_decision: Callable[[], None] = lambda: None,
) -> ShardResult:
    """Run the episodes of a shard with a policy.

    Args:
        task: the task that the shard names.
        policy: built for it.
        shard: the episodes.
        suite_version: part of the policy's noise keys.
        threads: simulation threads; the result does not depend on it.
        deadline: watches the calls of the policy; None for the default deadline.
        referee: judges the episodes; None for the ordinary one.
        privileged: whether the policy may have the simulator if it asks for it.
        told: whether it is an oracle, which is told the mode that is asked for.
        world: what a study puts in place of the shard's variant.
        before_decision: called before each; it may wait.
    """
    deadline = deadline or Deadline()
    try:
        needs = _checked_needs(task, policy, deadline, privileged)
    except (Exception, SystemExit) as error:  # it was asked before the first episode, and answered then
        return _blamed_for_needs(task, shard, error)
    simulation = Simulation(task, len(shard.seeds), threads, world or _world(task, shard, needs))
    simulation.reset(shard.seeds)
    referee = referee or _referee(task, shard, simulation)
    runner = PolicyRunner(policy, needs, simulation, referee, deadline, before_decision)
    runner.reset(_noise_keys(task, shard, suite_version), referee.asked if told else None)
    with closing(runner.observer):
        return _result(shard, runner, run_episodes(runner))


def _blamed_for_needs(task: Task, shard: Shard, error: BaseException) -> ShardResult:
    """Return the result of a shard whose policy failed when it was asked what it needs."""
    label = "POLICY_TIMEOUT" if isinstance(error, PolicyTimeout) else "POLICY_ERROR"
    return blamed(task, shard, label, f"needs(): {fault_text(error)}")


def _result(shard: Shard, runner: PolicyRunner, trace: Trace) -> ShardResult:
    """Return what came out of a shard that has run."""
    verdict = runner.referee.verdict()
    found = (shard, verdict, runner.faults.astype(str), digests(verdict, trace), runner.decisions, trace)
    return ShardResult(*found, runner.plans.plans(), runner.clipped, runner.tracebacks)


def _noise_keys(task: Task, shard: Shard, suite_version: str) -> np.ndarray:
    """Return the keys of the policy's noise, (N,) uint64."""
    return np.array([noise_key(suite_version, task.id, seed) for seed in shard.seeds], np.uint64)


def _referee(task: Task, shard: Shard, simulation: Simulation) -> Referee:
    """Return the ordinary referee of a shard."""
    steps = simulation.variant.episode_steps(task.max_episode_steps)
    return Referee(task, simulation.n, steps, shard.asked(task))


def _world(task: Task, shard: Shard, needs: Needs) -> Variant:
    """Return the variant of a shard; one of the camera alone is refused to who reads no pictures."""
    variant = Variant(shard.variant)
    if why := variant.impossible(task, any(name in images.IMAGES for name in needs.observations)):
        raise WrongUse(f"{task.id}: {why}")
    return variant


def _checked_needs(task: Task, policy: Policy, deadline: Deadline, privileged: bool) -> Needs:
    """Ask a policy what it needs, and refuse what the task does not have."""
    with deadline.watch():
        said = policy.needs()
    needs = check_needs(task, said)
    return needs._replace(privileged=needs.privileged and privileged)


def run_episodes(runner: PolicyRunner) -> Trace:
    """Run episodes side by side until all have ended, and record them: the loop of the benchmark.

    Called by `run_shard`, and by the diagnosis, which begins them otherwise.
    """
    simulation = runner.simulation
    referee = runner.referee
    space = runner.needs.action
    actions: list[np.ndarray] = []
    states: list[np.ndarray] = []
    while not referee.done.all():
        step = len(actions)
        # 1. observe, act: the policy asks for an action; its faults end episodes
        asked = runner.action(step)
        command = episode_step.command(simulation, asked, space, step)
        if referee.done.all():
            break
        # 2. record what a replay needs
        if step % STATE_EVERY == 0:
            states.append(simulation.state())
        actions.append(command)
        # 3. perturb, step, measure, judge
        running = ~referee.done
        episode_step.advance_and_judge(referee, simulation, from_grid(command), step, space, running)
    return Trace(_stack(actions, simulation.n, np.int32), _stack(states, simulation.n, np.float64))


def digests(verdict: Verdict, trace: Trace) -> np.ndarray:
    """Return the fingerprint of each episode up to its own end, (N,) str."""
    found = []
    for row, steps in enumerate(verdict.steps):
        digest = blake2b(digest_size=16)
        digest.update(f"{verdict.label[row]} {verdict.mode[row]} {steps}".encode())
        digest.update(np.ascontiguousarray(trace.actions[row, :steps], "<i4").tobytes())
        digest.update(
            np.ascontiguousarray(trace.states[row, : -(-int(steps) // STATE_EVERY)], "<f8").tobytes()
        )
        found.append(digest.hexdigest())
    return np.array(found)


def _stack(rows: list[np.ndarray], n: int, dtype: type) -> np.ndarray:
    return np.stack(rows, axis=1).astype(dtype) if rows else np.zeros((n, 0, 0), dtype)


def blamed(task: Task, shard: Shard, label: str, text: str) -> ShardResult:
    """Return the result of a shard whose policy took its whole process down: every episode failed."""
    n = len(shard.seeds)
    referee = Referee(task, n)
    referee.policy_fault(np.ones(n, bool), label)
    verdict = referee.verdict()
    trace = Trace(np.zeros((n, 0, 0), np.int32), np.zeros((n, 0, 0)))
    return ShardResult(shard, verdict, np.full(n, text), digests(verdict, trace), [], trace)
