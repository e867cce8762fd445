"""Runs a policy or a blend of scripted plans on many seeds, and records forces and lifts no verdict holds.

Called by every gate of a certificate, by the controls and by the study of samplers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...envs.errors import BimodalError
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.simulation import Simulation
from ...policies.core.policy import Episodes, Policy
from ...policies.experts import Planned
from ...tasks.core.outcomes import OUTCOMES
from ...tasks.core.referee import LIFTED, Referee
from ...tasks.core.task import LIGHT_TOUCH, Measurement, Task
from ..rollout.shard import Shard, run_shard
from ..rollout.timeouts import Deadline
from ..statistics.modes import minority_share, mode_counts

NOISE = "certificate 1"
"""Part of the policies' noise keys, as a suite's version is."""
SHARD_SIZE = 100
"""Episodes simulated side by side."""
DEADLINE_S = 600.0
"""Longest time that a decision may take [s]: what a study measures depends on no machine's other work."""


class RecordingReferee(Referee):
    """A referee that records forces, lifts and the moment of acting; it may be told to forgive."""

    def __init__(
        self,
        task: Task,
        n: int,
        forgiving: bool = False,
        max_episode_steps: int | None = None,
        acts_from: int = 0,
    ) -> None:
        """Watch N episodes.

        Args:
            task: their task.
            n: N.
            forgiving: whether touching what is forbidden neither ends nor fails an episode.
            max_episode_steps: their length [control steps]; None for the task's.
            acts_from: control step from which acting is recorded.
        """
        super().__init__(task, n, max_episode_steps)
        self.forgiving = forgiving
        self._acts_from = acts_from
        self.illegal = np.zeros(n)
        """Largest force on what must not be touched [N], (N,), while an episode runs."""
        self.table = np.zeros(n)
        """Largest force between robot and table [N], (N,)."""
        self.lift = np.zeros(n)
        """Largest lift [m], (N,)."""
        self.acted = np.full(n, -1)
        """First control step with a forbidden touch or the task's own sign of acting, -1 for none, (N,)."""

    def see(self, measurement: Measurement, diverged: np.ndarray) -> None:
        """Take in the measurement after one control step."""
        m = measurement
        running = ~self.done
        for peak, value in ((self.illegal, m.illegal), (self.table, m.table), (self.lift, m.lift)):
            np.maximum(peak, value, out=peak, where=running)
        acts = ((m.illegal > LIGHT_TOUCH) | self.task.decided(m)) & (len(self._seen) >= self._acts_from)
        self.acted[running & acts & (self.acted < 0)] = len(self._seen)
        super().see(m._replace(illegal=np.zeros_like(m.illegal)) if self.forgiving else m, diverged)


class TrialResult(NamedTuple):
    """What came out of a trial of N episodes; arrays (N,)."""

    success: np.ndarray
    """Held success, bool."""
    mode: np.ndarray
    """Realised mode, -1 for none."""
    lifted: np.ndarray
    """Whether the target left the table, bool."""
    illegal: np.ndarray
    """Largest force on what must not be touched [N]."""
    table: np.ndarray
    """Largest force between robot and table [N]."""
    acted: np.ndarray
    """First control step at which the hand touched the forbidden or acted, -1 for never."""
    switches: np.ndarray
    """How often the hand went over from one mode's side to another's."""
    label: np.ndarray
    """Name of the outcome, str."""
    steps: np.ndarray
    """Length of the episode [control steps]."""

    @property
    def n(self) -> int:
        """Number of episodes."""
        return len(self.success)

    @property
    def rate(self) -> float:
        """Share of episodes that succeeded."""
        return float(self.success.mean())

    def minority(self, k: int) -> float:
        """Return the share of the rarest of k modes among successes; 0 without successes."""
        return minority_share(mode_counts(self.mode, self.success, k)) or 0.0

    def without_faults(self, policy: str) -> "TrialResult":
        """Return it, unless the policy of that name failed or was late, which says nothing of its method.

        Raises:
            BimodalError: it did.
        """
        faults = sorted({name for name in self.label.tolist() if OUTCOMES[name].policy_fault})
        if faults:
            raise BimodalError(f"{policy}: {', '.join(faults)}; that is no measurement")
        return self

    def worse_mode(self, k: int) -> float:
        """Return the successes in the rarest of k modes over its fair share of all episodes."""
        return float(mode_counts(self.mode, self.success, k).min()) * k / self.n


class Blend(Planned):
    """Executes a weighted mean of the experts' plans; one weight of 1 is an expert."""

    description = "A weighted mean of the scripted experts' plans. Reads the simulator."

    def __init__(self, task: Task, weights: ArrayLike) -> None:
        """Take the weight of each mode, (k,)."""
        super().__init__(task)
        self.weights = weights

    def plan(self, simulation: Simulation, episodes: Episodes) -> np.ndarray:
        """Return the blended plan; shorter plans wait at their end."""
        found = plans(self.task, simulation)
        steps = np.arange(max(plan.shape[1] for plan in found))
        whole = [plan[:, np.minimum(steps, plan.shape[1] - 1)] for plan in found]
        return np.tensordot(np.asarray(self.weights, float), np.stack(whole), 1)


def plans(task: Task, simulation: Simulation) -> list[np.ndarray]:
    """Return every mode's plan, (N, T, A) each."""
    return [task.plan(simulation, np.full(simulation.n, mode)) for mode in range(len(task.modes))]


def parting(task: Task, modes: Sequence[int], seed: int) -> int:
    """Return the first control step at which the plans of some modes differ in one episode."""
    simulation = Simulation(task, 1)
    simulation.reset([seed])
    found = np.stack([task.plan(simulation, np.array([mode]))[0] for mode in modes])
    return int((found != found[0]).any((0, 2)).argmax())


def lengths(task: Task, seed: int) -> list[int]:
    """Return the control steps of every mode's plan in one episode."""
    simulation = Simulation(task, 1)
    simulation.reset([seed])
    return [plan.shape[1] for plan in plans(task, simulation)]


def run_trial(
    task: Task,
    policy: Policy,
    seeds: range,
    forgiving: bool = False,
    variant: str = CLEAN,
    acts_from: int = 0,
) -> TrialResult:
    """Run a policy on seeds, in shards.

    Args:
        task: the task.
        policy: built for it.
        seeds: one episode each.
        forgiving: see `RecordingReferee`.
        variant: name of the variant in which the episodes run.
        acts_from: control step from which acting is recorded.
    """
    max_episode_steps = Variant(variant).episode_steps(task.max_episode_steps)
    parts = []
    for index, begin in enumerate(range(0, len(seeds), SHARD_SIZE)):
        shard = Shard(task.id, variant, index, tuple(seeds[begin : begin + SHARD_SIZE]))
        referee = RecordingReferee(task, len(shard.seeds), forgiving, max_episode_steps, acts_from)
        deadline = Deadline(DEADLINE_S)
        verdict = run_shard(task, policy, shard, NOISE, deadline=deadline, referee=referee).verdict
        lifted = referee.lift > LIFTED
        seen = referee.illegal, referee.table, referee.acted
        ended = verdict.switches, verdict.label, verdict.steps
        parts.append((verdict.success, verdict.mode, lifted, *seen, *ended))
    return TrialResult(*(np.concatenate(column) for column in zip(*parts, strict=True)))
