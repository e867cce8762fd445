"""One row an episode: everything that is measured of it, from its verdict, its decisions and its signals."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import Variant
from ...envs.scene import TIMESTEP
from ...envs.specs import CONTROL_HZ
from ...tasks import load_task
from ...tasks.core.outcomes import OUTCOMES
from ..records.shard_file import StoredShard, read_shard, shard_file
from ..rollout.plan_records import plan_file, read_plans
from ..rollout.shard import Shard, ShardResult, digests
from .motion import mean_squared_jerk, spectral_arc_length, time_to_commit, time_to_success
from .progress import progress
from .signals import Signals, read_signals
from .unsafe_events import find_events, recovered

CHANGED = ("repaired:", "rejected:")
"""What the safety filter's verdict of a decision says that it changed."""


@dataclass(frozen=True, eq=False)
class EpisodeMeasures:
    """What was measured of N episodes of one task in one variant; arrays (N,), NaN for what has no answer."""

    seed: np.ndarray
    """Seed of the episode, int."""
    success: np.ndarray
    """The goal was held (the score), bool."""
    success_ever: np.ndarray
    """The goal was reached at any step, bool."""
    success_final: np.ndarray
    """The goal was reached at the last step, bool."""
    committed: np.ndarray
    """A mode was realised, whether or not it then succeeded, bool."""
    averaging: np.ndarray
    """It failed between two modes, bool."""
    alpha: np.ndarray
    """Where the hand first acted: 0 the first mode, 1 the second; NaN nowhere."""
    mode: np.ndarray
    """Index of the realised mode, -1 for none, int."""
    switches: np.ndarray
    """How often the hand changed sides, int."""
    progress: np.ndarray
    """How far it came, 0 to 1: the share of the milestones of `progress.py`."""
    length_s: np.ndarray
    """How long it lasted [s]."""
    horizon_s: np.ndarray
    """How long it may last [s]: a failure's time to success is censored here."""
    time_to_commit_s: np.ndarray
    """When the hand came to the side that it did not leave [s]; NaN without a mode."""
    time_to_success_s: np.ndarray
    """When it first reached the goal [s]; NaN for a failure."""
    unsafe: np.ndarray
    """It had an unsafe event of any kind, bool."""
    unsafe_recovered: np.ndarray
    """It had one and went on after it, bool."""
    unsafe_success: np.ndarray
    """It had one, went on and succeeded, bool."""
    force_events: np.ndarray
    """How often the contact force on an arm went above its limit, int."""
    force_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    table_events: np.ndarray
    """How often a robot came to press on the table, int."""
    table_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    itself_events: np.ndarray
    """How often a hand reached into its forearm, or one arm into the other, int."""
    itself_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    joint_events: np.ndarray
    """How often an arm joint came to its limit, int."""
    joint_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    drop_events: np.ndarray
    """How often what was held fell, int."""
    drop_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    workspace_events: np.ndarray
    """How often the tool left the workspace, int."""
    workspace_first_step: np.ndarray
    """First control step of it, -1 for never, int."""
    peak_force_n: np.ndarray
    """Largest net contact force on one arm [N]."""
    sparc: np.ndarray
    """Spectral arc length of the tool's speed, mean of the arms; NaN where nothing moved."""
    jerk: np.ndarray
    """Mean squared jerk of the tool [m^2/s^6], mean of the arms; NaN below four physics steps."""
    energy_j: np.ndarray
    """Work of the motors, either way [J]."""
    decisions: np.ndarray
    """Calls of `act` that it lived to see, int."""
    late_decisions: np.ndarray
    """Of these, calls that took longer than the actions that they gave, int. One call decides for many
    episodes at once, so this is an upper bound."""
    interventions: np.ndarray
    """Decisions that the safety filter repaired or rejected, -1 where there is no filter, int."""

    def part(self, rows: np.ndarray) -> "EpisodeMeasures":
        """Return some of the episodes, by their numbers or by a mask (N,)."""
        return EpisodeMeasures(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def measure_shard(
    folder: Path, shard: Shard, known: tuple[str, ...], action_space: str, execute: int, filtered: bool
) -> EpisodeMeasures:
    """Measure the episodes of one shard of a finished run; called by `measure_run`, in processes of its own.

    Args:
        folder: of the run.
        shard: which episodes.
        known: their fingerprints in the run's table of episodes.
        action_space: of the recorded actions.
        execute: control steps for which a decision's actions last.
        filtered: whether the policy acted behind a safety filter.

    Raises:
        BimodalError: the record is missing, damaged, of other episodes, or not what its actions lead to.
    """
    file = shard_file(folder, *shard[:3])
    stored = read_shard(file)
    result = stored.result
    if result.shard != shard or tuple(digests(result.verdict, result.trace).tolist()) != known:
        raise BimodalError(f"{file} is not the record of its episodes; see: bimodal check {folder}")
    signals = read_signals(shard, result.trace, result.verdict.steps, action_space)
    changed = _interventions(stored, file) if filtered else np.full(len(shard.seeds), -1)
    return measures_of(result, signals, execute, changed)


def measures_of(
    result: ShardResult, signals: Signals, execute: int, interventions: np.ndarray
) -> EpisodeMeasures:
    """Return what is measured of a shard's episodes; `interventions` (N,) as in `EpisodeMeasures`."""
    verdict = result.verdict
    task = load_task(result.shard.task)
    events = find_events(signals, verdict.steps)
    went_on = recovered(events, verdict.steps)
    horizon = Variant(result.shard.variant).episode_steps(task.max_episode_steps)
    lived = np.arange(len(signals.force))[:, None] < verdict.steps
    seen, late = _decisions(result, execute)
    sparc, jerk = _smoothness(signals, verdict.steps)
    return EpisodeMeasures(
        seed=np.array(result.shard.seeds, np.int64),
        success=verdict.success.astype(bool),
        success_ever=verdict.success_ever.astype(bool),
        success_final=verdict.success_final.astype(bool),
        committed=verdict.mode >= 0,
        averaging=np.array([OUTCOMES[label].averaging for label in verdict.label], bool),
        alpha=verdict.alpha.astype(float),
        mode=verdict.mode.astype(np.int32),
        switches=verdict.switches.astype(np.int32),
        progress=progress(task, signals.hand, signals.in_hand, signals.way, verdict),
        length_s=verdict.steps / CONTROL_HZ,
        horizon_s=np.full(len(verdict.steps), horizon / CONTROL_HZ),
        time_to_commit_s=time_to_commit(task.side(signals.hand), verdict.mode, verdict.steps),
        time_to_success_s=time_to_success(verdict.first_success, verdict.success),
        unsafe=np.any([kind.times > 0 for kind in events.values()], axis=0),
        unsafe_recovered=went_on,
        unsafe_success=went_on & verdict.success,
        **{f"{kind}_events": found.times for kind, found in events.items()},
        **{f"{kind}_first_step": found.first for kind, found in events.items()},
        peak_force_n=_finite(np.where(lived, signals.force, 0.0).max(axis=0, initial=0.0)),
        sparc=sparc,
        jerk=jerk,
        energy_j=_finite(np.where(lived, signals.work, 0.0).sum(axis=0)),
        decisions=seen,
        late_decisions=late,
        interventions=interventions.astype(np.int32),
    )


def _finite(values: np.ndarray) -> np.ndarray:
    """Return values (N,) with NaN for what is infinite, as in a simulation that diverged."""
    return np.where(np.isfinite(values), values, np.nan)


def _smoothness(signals: Signals, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectral arc length and the mean squared jerk of each episode's tools, each (N,)."""
    substeps = round(1 / (CONTROL_HZ * TIMESTEP))
    sparc = np.zeros(len(steps))
    jerk = np.zeros(len(steps))
    for row, end in enumerate(steps * substeps):
        paths = [tool[:end, row] for tool in np.moveaxis(signals.tool, 1, 0)]
        speeds = [np.linalg.norm(np.diff(path, axis=0), axis=1) / TIMESTEP for path in paths]
        sparc[row] = np.mean([spectral_arc_length(speed) for speed in speeds])
        jerk[row] = np.mean([mean_squared_jerk(path) for path in paths])
    return sparc, jerk


def _decisions(result: ShardResult, execute: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the decisions that each episode lived to see, and how many took too long, each (N,) int."""
    asked = np.array([decision.step for decision in result.decisions], int)
    slow = np.array(
        [decision.latency_ms > 1000 * execute / CONTROL_HZ for decision in result.decisions], bool
    )
    alive = asked < np.maximum(result.verdict.steps, 1)[:, None]
    return alive.sum(axis=1).astype(np.int32), (alive & slow).sum(axis=1).astype(np.int32)


def _interventions(stored: StoredShard, file: Path) -> np.ndarray:
    """Return how many decisions of each episode the safety filter changed, (N,); -1 without a record."""
    result = stored.result
    verdicts = read_plans(plan_file(file), summary=True).verdict if stored.plans else None
    if verdicts is None:
        return np.full(len(result.shard.seeds), -1)
    asked = np.array([decision.step for decision in result.decisions], int)
    alive = asked < np.maximum(result.verdict.steps, 1)[:, None]
    changed = np.any([np.char.find(verdicts, word) >= 0 for word in CHANGED], axis=0)
    return (changed & alive[:, : changed.shape[1]]).sum(axis=1)
