"""What a suite's panel can show before anything runs: differences, pairs, and their price in time."""

import time
from typing import NamedTuple

from ...envs.perturbations.core.variant import CLEAN
from ...policies.core.registry import policy_class
from ...tasks import load_task
from ..rollout.shard import Shard, run_shard
from ..statistics.power import MOST_EPISODES, detectable_difference, episodes_to_decide
from ..suites import find_suite

TIMED_EPISODES = 20
"""Episodes of the expert that are played to tell how fast this machine is."""


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
    episode_s: float
    """CPU time of an episode here, beside a policy that takes no time [s]."""

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
        hours = self.pairs * self.episode_s / 3600
        return [
            f"{self.suite}: {self.pairs:,} clean episodes, paired; policies that fail independently",
            f"shown four times in five at 5 %: {least}",
            f"{asked}: {need} pairs ({'enough' if self.suffices else 'too few'} in {self.suite})",
            f"here: {1000 * self.episode_s:.0f} ms of CPU an episode, {hours:.2f} core-hours a policy, "
            "and its own decisions",
        ]


def plan(suite: str, baseline: float, gain: float) -> Plan:
    """Return what a suite's clean panel can show.

    Args:
        suite: name of the suite.
        baseline: success expected of the baseline, 0 to 1.
        gain: difference that shall be shown, 0 to 1.

    Raises:
        WrongUse: an unknown suite.
    """
    found = find_suite(suite)
    pairs = len(found.tasks) * len(found.panel(CLEAN))
    high = max(baseline, min(baseline + gain, 1.0))
    low = high - gain
    return Plan(
        suite=suite,
        pairs=pairs,
        baseline=baseline,
        gain=gain,
        detectable=detectable_difference(pairs, max(baseline, 1e-9)),
        needed=episodes_to_decide(high * (1 - low), low * (1 - high)),
        episode_s=_episode_time(found.tasks[0]),
    )


def _episode_time(name: str) -> float:
    """Return the CPU time of one episode of the expert on this machine [s]."""
    task = load_task(name)
    policy = policy_class("expert")(task)
    shard = Shard(task.id, CLEAN, 0, tuple(range(TIMED_EPISODES)))
    begin = time.process_time()
    run_shard(task, policy, shard, "plan")
    return (time.process_time() - begin) / TIMED_EPISODES
