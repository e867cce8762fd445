"""What a suite's panel can show before anything runs: differences, pairs, and their price in time."""

import time
from pathlib import Path
from typing import NamedTuple

from ...envs.errors import BimodalError, WrongUse
from ...envs.perturbations.core.variant import CLEAN
from ...envs.seed_ranges import REPEATED
from ...policies import load_policy
from ...tasks import Task, load_task
from ..rollout.shard import Shard, run_shard
from ..statistics.power import MOST_EPISODES, detectable_difference, episodes_to_decide
from ..suites import find_suite

TIMED_EPISODES = 20
"""Episodes that are played side by side to tell what one costs on this machine."""


class Plan(NamedTuple):
    """What a claim needs."""

    suite: str
    pairs: int
    """Clean episodes of the suite, over all tasks."""
    baseline: float
    """Success that is expected of the baseline."""
    gain: float
    """Difference that shall be shown."""
    detectable: float | None
    """Smallest difference that the panel shows four times in five; None if none."""
    needed: int | None
    """Pairs that show the gain four times in five; None if more than 20,000."""
    policy: str
    """Whose episodes were timed."""
    episode_s: float
    """CPU time of an episode here, the policy's decisions included [s]."""
    wall_s: float
    """Wall time of an episode here, of `TIMED_EPISODES` side by side [s]; longer where a policy waits."""
    all_episodes: int
    """Episodes of the whole suite, its variants included."""

    @property
    def suffices(self) -> bool:
        """Whether the panel is long enough for the gain."""
        return self.needed is not None and self.needed <= self.pairs

    def sentences(self) -> list[str]:
        """Return the plan in words."""
        if self.detectable is None:
            least = "no difference"
        else:
            least = f"a difference from {100 * self.detectable:.1f} points on"
        asked = f"{100 * self.gain:g} points at a baseline of {100 * self.baseline:g} %"
        need = f"more than {MOST_EPISODES:,}" if self.needed is None else f"{self.needed:,}"
        return [
            f"{self.suite}: {self.pairs:,} clean episodes, paired; policies that fail independently",
            f"shown four times in five at 5 %: {least}",
            f"{asked}: {need} pairs ({'enough' if self.suffices else 'too few'} in {self.suite})",
            f"{self.policy} here, {TIMED_EPISODES} side by side: {1000 * self.episode_s:.0f} ms of CPU and "
            f"{1000 * self.wall_s:.0f} ms of time an episode",
            f"that is {self._hours(self.pairs)} for these episodes, {self._hours(self.all_episodes)} for all "
            f"{self.all_episodes:,} of {self.suite}",
        ]

    def _hours(self, episodes: int) -> str:
        return f"{episodes * self.episode_s / 3600:.2f} core-hours"


def plan(
    suite: str, baseline: float, gain: float, policy: str = "expert", checkpoints: Path | None = None
) -> Plan:
    """Return what a suite's clean panel can show.

    Args:
        suite: name of the suite.
        baseline: success expected of the baseline, 0 to 1.
        gain: difference that shall be shown, 0 to 1.
        policy: whose episodes are played to tell what they cost.
        checkpoints: folder of its weights; None for the shipped ones.

    Raises:
        WrongUse: an unknown suite or policy.
        BimodalError: the policy cannot be built, or fails in every episode by a fault of its own.
    """
    found = find_suite(suite)
    if found.seeds.start in REPEATED:
        raise WrongUse(f"{suite} repeats its scenes, which are no pairs; plan a comparison on another suite")
    pairs = len(found.tasks) * len(found.panel(CLEAN))
    high = max(baseline, min(baseline + gain, 1.0))
    low = high - gain
    episode_s, wall_s = _episode_times(load_task(found.tasks[0]), policy, checkpoints)
    return Plan(
        suite=suite,
        pairs=pairs,
        baseline=baseline,
        gain=gain,
        detectable=detectable_difference(pairs, max(baseline, 1e-9)),
        needed=episodes_to_decide(high * (1 - low), low * (1 - high)),
        policy=policy,
        episode_s=episode_s,
        wall_s=wall_s,
        all_episodes=sum(len(found.panel(variant)) for _, variant in found.cells()),
    )


def _episode_times(task: Task, policy: str, checkpoints: Path | None) -> tuple[float, float]:
    """Return CPU and wall time of an episode of a policy on this machine [s]."""
    built = load_policy(policy, task, checkpoints)
    shard = Shard(task.id, CLEAN, 0, tuple(range(TIMED_EPISODES)))
    begin = time.process_time(), time.perf_counter()
    result = run_shard(task, built, shard, "plan")
    took = time.process_time() - begin[0], time.perf_counter() - begin[1]
    if all(result.faults):
        raise BimodalError(f"{policy} cannot be timed, its episodes are faults: {result.faults[0]}")
    return took[0] / TIMED_EPISODES, took[1] / TIMED_EPISODES
