"""Replays one episode of a run from its record and says where it still holds; called by `bimodal replay`."""

from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from ...envs.errors import BimodalError, WrongUse, unknown_name
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.simulation import Simulation
from ...envs.specs import from_grid
from ...tasks import load_task
from ...tasks.core import episode_step
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.referee import Referee, Verdict
from ..records.replay import TOLERANCE, replay, scaled_difference, step_again
from ..records.run_folder import read_run_record
from ..records.run_record import RunRecord
from ..records.shard_file import read_shard, shard_file
from ..rollout.plan_records import Plans, plan_file, read_plans
from ..rollout.shard import STATE_EVERY, ShardResult, digests
from ..suites import suite_from_record


class RecordedEpisode(NamedTuple):
    """One episode of a run."""

    run: RunRecord
    result: ShardResult
    """Its shard's record, cut down to this one episode."""

    @property
    def steps(self) -> int:
        """Its length [control steps]."""
        return int(self.result.verdict.steps[0])


class Segment(NamedTuple):
    """A stretch of an episode, replayed from the recorded state at its beginning to the next one."""

    begin: int
    """Control step at which it begins; the first segment, of no length, is what the seed gives."""
    end: int
    """Control step at which it ends, where the two states are compared."""
    difference: float
    """Largest difference of any number of the state, divided by the number itself where that is above 1."""
    number: str
    """Which number of the state differs most, such as `qpos[3]`, "" for none."""

    @property
    def matches(self) -> bool:
        """Whether the difference may be put down to another machine."""
        return self.difference <= TOLERANCE


class EpisodeReplay(NamedTuple):
    """How well the record of an episode agrees with itself."""

    segments: tuple[Segment, ...]
    verdict_matches: bool
    """Whether label, mode and length follow from the actions; a fault of the policy is taken as it is."""
    digest_matches: bool
    """Whether actions, states and verdict have the recorded fingerprint."""

    @property
    def matches(self) -> bool:
        """Whether everything matches."""
        return self.verdict_matches and self.digest_matches and all(one.matches for one in self.segments)


class Played(NamedTuple):
    """What came of recorded actions in another world."""

    states: np.ndarray
    """Before every control step and after the last, (T + 1, nstate)."""
    verdict: Verdict
    """How it ended, arrays (1,)."""


def find_episode(folder: Path, seed: int, task: str = "", variant: str = CLEAN) -> RecordedEpisode:
    """Return an episode of a run.

    Args:
        folder: the run's folder.
        seed: the episode's seed.
        task: its task; may be left out where the run has one.
        variant: its variant.

    Raises:
        BimodalError: the run has no such episode, or its record is damaged.
    """
    run = read_run_record(folder)
    tasks = run.suite.tasks
    if not task and len(tasks) > 1:
        raise WrongUse(f"the run has {len(tasks)} tasks; name one by --task: {', '.join(tasks)}")
    task = task or next(iter(tasks))
    if task not in tasks:
        raise unknown_name("task of the run", task, tasks)
    if variant not in run.suite.variants:
        raise unknown_name("variant of the run", variant, run.suite.variants)
    for shard in suite_from_record(run.suite).shards():
        if (shard.task, shard.variant) == (task, variant) and seed in shard.seeds:
            stored = read_shard(shard_file(folder, shard.task, shard.variant, shard.index))
            if stored.result.shard != shard:
                raise BimodalError(f"{folder} holds other episodes than its suite in place of {shard[:3]}")
            return RecordedEpisode(run, _only(stored.result, shard.seeds.index(seed)))
    panel = suite_from_record(run.suite).panel(variant)
    raise WrongUse(f"the run has no seed {seed} of {task} ({variant}); its seeds are {panel[0]}..{panel[-1]}")


def plans_of(folder: Path, episode: RecordedEpisode) -> Plans | None:
    """Return the plans of an episode, arrays (1, M, ...); None where none were recorded.

    Raises:
        BimodalError: their file is damaged.
    """
    shard = episode.result.shard
    file = plan_file(shard_file(folder, shard.task, shard.variant, shard.index))
    if not file.is_file():
        return None
    whole = read_shard(shard_file(folder, shard.task, shard.variant, shard.index)).result.shard
    row = whole.seeds.index(shard.seeds[0])
    parts = (None if field is None else field[row : row + 1] for field in read_plans(file))
    return Plans(*parts)  # type: ignore[arg-type]


def _only(result: ShardResult, row: int) -> ShardResult:
    """Cut a shard's record down to one episode."""
    part = slice(row, row + 1)
    return result._replace(
        shard=result.shard._replace(seeds=(result.shard.seeds[row],)),
        verdict=Verdict(*(column[part] for column in result.verdict)),
        faults=result.faults[part],
        digests=result.digests[part],
        trace=result.trace._replace(actions=result.trace.actions[part], states=result.trace.states[part]),
        clipped=None if result.clipped is None else result.clipped[part],
    )


def replay_episode(episode: RecordedEpisode) -> EpisodeReplay:
    """Simulate an episode again from its record, and compare every segment.

    Raises:
        BimodalError: the task has changed since, or the record is damaged.
    """
    result = episode.result
    task = load_task(result.shard.task)
    again = step_again(task, result, episode.run.policy.action)
    (differences,) = scaled_difference(again.states, result.trace.states, again.alive)
    world = Simulation(task, 1, variant=Variant(result.shard.variant))
    names = _state_names(world.model)
    segments = []
    for number in np.flatnonzero(again.alive[0]):
        worst = int(differences[number].argmax())
        found = float(differences[number, worst])
        end = int(number) * STATE_EVERY
        segments.append(Segment(max(0, end - STATE_EVERY), end, found, names[worst] if found else ""))
    digest = digests(result.verdict, result.trace)[0] == result.digests[0]
    return EpisodeReplay(tuple(segments), not again.verdicts_differ[0], bool(digest))


def _state_names(model: mujoco.MjModel) -> list[str]:
    """Return the names of the numbers of a state, as MuJoCo lays out `mjSTATE_INTEGRATION`."""
    names = []
    for bit in (1 << place for place in range(mujoco.mjtState.mjNSTATE.value)):
        if bit & mujoco.mjtState.mjSTATE_INTEGRATION.value:
            field = mujoco.mjtState(bit).name.removeprefix("mjSTATE_").lower()
            names += [f"{field}[{number}]" for number in range(mujoco.mj_stateSize(model, bit))]
    return names


def recorded_states(episode: RecordedEpisode) -> np.ndarray:
    """Return the states of an episode before every control step and after the last, (T + 1, nstate)."""
    result = episode.result
    space = episode.run.policy.action
    return replay(load_task(result.shard.task), result.trace, 0, episode.steps, space, result.shard)


def play_perturbed(episode: RecordedEpisode, variant: str) -> Played:
    """Play an episode's recorded actions in a variant, from the same seed; the policy does not react to it.

    When the recorded actions run out, the robot holds where the last one led, until the episode ends.

    Raises:
        BimodalError: the variant is unknown or cannot apply to the task, or nothing was recorded.
    """
    result = episode.result
    task = load_task(result.shard.task)
    if not episode.steps:
        raise BimodalError("the episode ended before its first control step; there is nothing to replay")
    space = episode.run.policy.action
    simulation = Simulation(task, 1, variant=Variant(variant))
    simulation.reset(result.shard.seeds)
    most = simulation.variant.episode_steps(task.max_episode_steps)
    referee = Referee(task, 1, most, result.shard.asked(task))
    actions = result.trace.actions[0, : episode.steps]
    states = [simulation.state()[0]]
    while not referee.done.all():
        step = len(states) - 1
        asked = actions[step] if step < len(actions) else _hold(actions[-1], space)
        command = from_grid(episode_step.command(simulation, asked[None], space, step))
        episode_step.advance_and_judge(referee, simulation, command, step, space)
        states.append(simulation.state()[0])
    return Played(np.stack(states), referee.verdict())


def _hold(action: np.ndarray, space: str) -> np.ndarray:
    """Return the action (A,), on the grid, that stays where `action` led; the grip is kept."""
    if space != "ee_delta":
        return action
    arms = action.reshape(-1, 7).copy()
    arms[:, :6] = 0
    return arms.ravel()


def outcome_words(task: str, verdict: Verdict) -> str:
    """Return how an episode ended, in words: `SUCCESS, left bar, 73 control steps`."""
    mode = int(verdict.mode[0])
    named = [load_task(task).modes[mode]] if mode >= 0 else []
    label = OUTCOMES[str(verdict.label[0])].name
    return ", ".join([label, *named, f"{int(verdict.steps[0])} control steps"])
