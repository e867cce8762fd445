"""What is measured in an episode over time, from its record, stepped again without its policy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.simulation import Simulation
from ...tasks import load_task
from ...tasks.core import episode_step
from ..media.filmed_episodes import FilmedEpisode
from ..records.replay import replay_many
from ..records.shard_file import read_shard, shard_file
from ..rollout.plan_records import Plans, plan_file, read_plans


class Calls(NamedTuple):
    """The D calls of the policy in an episode."""

    steps: np.ndarray
    """Control step of each, (D,) int."""
    latency_ms: np.ndarray
    """Its wall time [ms], for all episodes of its batch at once, (D,)."""
    rows: int
    """Episodes that were decided in a call, at most."""


class EpisodeSignals(NamedTuple):
    """An episode of T control steps: before the first step and after each, T + 1 moments."""

    forbidden: np.ndarray
    """Contact force on what must not be touched [N], (T + 1,)."""
    table: np.ndarray
    """Contact force between robot and table [N], (T + 1,)."""
    alpha: np.ndarray
    """Where the hand is between the modes (`Task.mixture`), (T + 1,)."""
    opening: np.ndarray
    """Distance between the finger pads [m], (T + 1,)."""
    hands: np.ndarray
    """TCP position of every arm, world [m], (arms, T + 1, 3)."""
    yaws: np.ndarray
    """Yaw of the first arm's finger-opening axis, scene frame [rad], (T + 1,)."""
    frame: np.ndarray
    """The scene frame: x, y [m] and yaw [rad], world, (3,)."""
    start: bytes
    """The state in which the episode begins; equal in episodes that are compared."""
    calls: Calls
    plans: Plans | None
    """The plans of this episode alone, N = 1; None where the policy recorded none."""


def read_episode_signals(folder: Path, episode: FilmedEpisode, action_space: str) -> EpisodeSignals | None:
    """Step an episode again and return its signals, None for one that ended before its first step.

    Raises:
        BimodalError: its record is missing or damaged.
    """
    if episode.steps < 1:
        return None
    path = shard_file(folder, episode.task, episode.variant, episode.shard)
    stored = read_shard(path)
    result = stored.result
    task = load_task(episode.task)
    row = result.shard.seeds.index(episode.seed)
    moments: list[tuple[np.ndarray, ...]] = []
    frames: list[np.ndarray] = []

    def watch(simulation: Simulation) -> None:
        seen = episode_step.measure(task, simulation)
        hands = np.stack([arm.tcp_position[0] for arm in simulation.arms])
        told = (seen.illegal[0], seen.table[0], task.mixture(seen.hand)[0], seen.opening[0], seen.hand[0, 3])
        moments.append((*map(np.array, told), hands))
        frames.append(simulation.frame[0].copy())

    rows = np.array([row])
    states = replay_many(task, result.trace, rows, episode.steps, action_space, result.shard, watch)
    forbidden, table, alpha, opening, yaws, hands = (np.stack(part) for part in zip(*moments, strict=True))
    early = [one for one in result.decisions if one.step < episode.steps]
    calls = Calls(
        np.array([one.step for one in early], int),
        np.array([one.latency_ms for one in early], float),
        max((one.rows for one in early), default=0),
    )
    plans = _of_row(read_plans(plan_file(path)), row) if stored.plans else None
    return EpisodeSignals(
        *(forbidden, table, alpha, opening, hands.swapaxes(0, 1), yaws),
        *(frames[0], states[0, 0].tobytes(), calls, plans),
    )


def _of_row(plans: Plans, row: int) -> Plans:
    """Return the plans of one episode of a shard."""
    return Plans(*(None if field is None else field[row : row + 1] for field in plans))  # type: ignore[arg-type]
