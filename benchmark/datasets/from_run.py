"""The episodes of a run as those of a data set, simulated again; called by `bimodal export RUN --format`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import mujoco
import numpy as np

from ...envs.errors import BimodalError, WrongUse, unknown_name
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.simulation import Simulation
from ...envs.specs import from_grid
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.outcomes import OUTCOMES
from ..records.replay import check_size
from ..records.run_folder import read_run_record
from ..records.run_record import RunRecord
from ..records.shard_file import read_shard, shard_file
from ..rollout.shard import STATE_EVERY, Shard, ShardResult
from ..suites import Suite, suite_from_record
from .delta_actions import check_conversion, converted
from .episodes import DataSource, Episode


def run_source(
    folder: Path,
    task: str = "",
    variant: str = CLEAN,
    seeds: Sequence[int] = (),
    action: str = "",
    cameras: tuple[str, ...] = (),
) -> DataSource:
    """Return episodes of a run, each up to its end; those that ended before their first step are left out.

    Args:
        folder: the run's folder.
        task: one of its tasks; may be left out where it has one.
        variant: one of its variants.
        seeds: which episodes; () for all.
        action: the action space to be written, "" for the recorded one.
        cameras: whose pictures are to be written.

    Raises:
        BimodalError: the run has no such episodes, or there is no way to that action space.
    """
    # 1. which episodes
    run = read_run_record(folder)
    suite = suite_from_record(run.suite)
    task = _named_task(suite, task)
    if variant not in suite.variants:
        raise unknown_name("variant of the run", variant, suite.variants)
    panel = suite.panel(variant)
    if missing := [seed for seed in seeds if seed not in panel]:
        theirs = f"{panel[0]}..{panel[-1]}"
        raise WrongUse(f"the run has no seed {missing[0]} of {task} ({variant}); its seeds are {theirs}")
    recorded = run.policy.action
    check_conversion(recorded, action or recorded)
    # 2. a shard at a time
    wanted = frozenset(seeds or panel)
    shards = [one for one in suite.shards() if one[:2] == (task, variant) and wanted.intersection(one.seeds)]
    episodes = (one for shard in shards for one in _episodes(folder, run, shard, wanted, action or recorded))
    name = f"{folder.name}-{variant}" if variant != CLEAN else folder.name
    told = (name, _origin(run, variant), len(wanted), episodes, variant, cameras)
    return DataSource(load_task(task), action or recorded, *told)


def _origin(run: RunRecord, variant: str) -> dict[str, str]:
    return {
        "run_id": run.run_id,
        "suite": f"{run.suite.name} {run.suite.hash}",
        "policy": run.policy.name,
        "variant": variant,
        "recorded_action": run.policy.action,
        "mujoco": mujoco.__version__,
    }


def _named_task(suite: Suite, task: str) -> str:
    """Return the task that is meant: one data set has one task, because tasks observe different things."""
    if not task and len(suite.tasks) > 1:
        raise WrongUse(f"the run has {len(suite.tasks)} tasks; name one by --task: {', '.join(suite.tasks)}")
    if task and task not in suite.tasks:
        raise unknown_name("task of the run", task, suite.tasks)
    return task or next(iter(suite.tasks))


def _episodes(
    folder: Path, run: RunRecord, shard: Shard, wanted: frozenset[int], action: str
) -> Iterator[Episode]:
    """Yield the episodes of one shard."""
    result = read_shard(shard_file(folder, shard.task, shard.variant, shard.index)).result
    if result.shard != shard:
        raise BimodalError(f"{folder} holds other episodes than its suite in place of {shard[:3]}")
    verdict = result.verdict
    meant = np.array([seed in wanted for seed in shard.seeds])
    rows = np.flatnonzero(meant & (verdict.steps > 0))
    if not len(rows):
        return
    space = run.policy.action
    seen, hands, states = _observed(result, rows, space)
    for place, row in enumerate(rows.tolist()):
        steps = int(verdict.steps[row])
        outcome = OUTCOMES[str(verdict.label[row])]
        actions = from_grid(result.trace.actions[row, :steps])
        places = {name: values[place] for name, values in hands.items()}
        yield Episode(
            seed=shard.seeds[row],
            mode=int(verdict.mode[row]),
            label=outcome.name,
            success=outcome.success,
            terminated=outcome.terminates,
            observations={name: values[place, : steps + 1] for name, values in seen.items()},
            actions=converted(actions, space, action, places),
            states=states[place, :steps],
        )


Frames = dict[str, np.ndarray]
"""Observations by their names, (n, T + 1, d) each."""


def _observed(result: ShardResult, rows: np.ndarray, space: str) -> tuple[Frames, Frames, np.ndarray]:
    """Step some episodes of a shard again.

    Returns:
        What a policy saw at every moment, what was there, and the states (n, T + 1, nstate).
    """
    shard = result.shard
    trace = result.trace
    task = load_task(shard.task)
    simulation = Simulation(task, len(rows), variant=Variant(shard.variant))
    check_size(simulation, trace)
    simulation.reset(np.array(shard.seeds)[rows])
    steps = int(result.verdict.steps[rows].max())
    seen: list[Frames] = []
    there: list[Frames] = []
    states: list[np.ndarray] = []
    for step in range(steps + 1):
        if step < steps and step % STATE_EVERY == 0:  # another machine's last bits do not add up
            simulation.restore(trace.states[rows, step // STATE_EVERY])
        seen.append(episode_step.observe(simulation, min(step, steps - 1)))
        there.append(simulation.observe())
        states.append(simulation.state())
        if step < steps:
            command = from_grid(trace.actions[rows, step])
            episode_step.advance(simulation, command, step, space)
    return _stacked(seen), _stacked(there), np.stack(states, axis=1)


def _stacked(frames: list[Frames]) -> Frames:
    return {name: np.stack([frame[name] for frame in frames], axis=1) for name in frames[0]}
