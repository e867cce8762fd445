"""Trains regression, its oracle and flow on a task and tries them; `learning_checks.py` judges it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import PROCESS_NOISE, Demonstrations, collect, load, save
from .trials import Blend, TrialResult, run_trial

TRAINING_SEEDS = {"flow": 1, "mip": 1, "mse_labelled": 1, "mse": 3, "nearest": 1}
"""How many training seeds of each method are tried; what takes longest first. That regression fails is a
claim about every training, so the worst of three counts; that the task can be learnt is shown by one."""
GATED = ("mse", "mse_labelled", "flow")
"""Methods of which a gate asks something."""
INFORMING = ("mip", "nearest")
"""Methods that are there for information."""
CONTENDERS = ("flow", "diffusion")
"""Methods that draw a mode, of which the best falls short in a task with headroom."""
TRIAL_SEEDS = VALIDATION[:100]
"""Episodes in which a learned policy is tried."""
LONG_SEEDS = TRIAL_SEEDS[:50]
"""Those in which the whole chunk is executed."""
INFORMING_SEEDS = TRIAL_SEEDS[:25]
"""Those for what no gate asks."""
N_ACTION_STEPS = (8, 16)
"""Actions executed of each chunk; gate 6 asks for the first."""


class TrialSetting(NamedTuple):
    """One learned policy, tried in one way."""

    method: str
    """Name of the method, `METHOD:K` for one with a past of K control steps, or `mean` for the average of the
    experts' plans."""
    seed: int
    """Training seed."""
    n_action_steps: int
    """Actions executed of each chunk."""
    forgiving: bool = False
    """Whether touching what is forbidden neither ends nor fails an episode."""

    @property
    def seeds(self) -> range:
        """The episodes in which it is tried."""
        long = self.n_action_steps == N_ACTION_STEPS[1]
        if self.method in (*INFORMING, "mean") or self.forgiving or (long and self.method == "flow"):
            return INFORMING_SEEDS
        return LONG_SEEDS if long else TRIAL_SEEDS

    def __str__(self) -> str:
        """Return it in words, for the progress bar."""
        return f"{self.method} {self.seed}, executing {self.n_action_steps}" + ", forgiven" * self.forgiving


TRIALS = (
    *(
        TrialSetting(method, s, n)
        for method in GATED
        for s in range(TRAINING_SEEDS[method])
        for n in N_ACTION_STEPS
    ),
    *(TrialSetting(method, 0, N_ACTION_STEPS[0]) for method in INFORMING),
    *(TrialSetting(method, 0, 8, True) for method in ("mse", "flow")),
    TrialSetting("mean", 0, 16, False),
    TrialSetting("mean", 0, 16, True),
)
"""All that is tried in every task."""

TrialResults = Mapping[TrialSetting, TrialResult]
"""What came out of every trial."""


class TrainedPolicy(NamedTuple):
    """What is trained once, to be tried in several ways."""

    method: str
    """As in `TrialSetting`."""
    seed: int
    """Training seed."""

    def __str__(self) -> str:
        """Return it in words, for the progress bar."""
        return f"{self.method} {self.seed}"


TRAINED = (
    *(TrainedPolicy(name, seed) for name, k in TRAINING_SEEDS.items() for seed in range(k)),
    TrainedPolicy("mean", 0),
)
"""All that is trained for every task; what takes longest first."""


def oracle_of(task: Task) -> str:
    """Return the method that is told what the others lack: the mode, unless the task says otherwise."""
    return task.informed_control or "mse_labelled"


def lengths_of(task: Task) -> tuple[int, ...]:
    """Return the actions executed of each chunk with which the oracle is tried."""
    return tuple(sorted({*N_ACTION_STEPS, *task.informed_steps}))


def trials_of(task: Task) -> tuple[TrialSetting, ...]:
    """Return all that is tried in a task: with headroom, more policies that draw a mode, and its control."""
    if not task.informed_control:
        return TRIALS
    more = [TrialSetting(method, 0, N_ACTION_STEPS[0]) for method in CONTENDERS]
    more += [TrialSetting(task.informed_control, 0, n) for n in lengths_of(task)]
    return tuple(dict.fromkeys((*more, *TRIALS)))


def trained_for(task: Task) -> tuple[TrainedPolicy, ...]:
    """Return all that is trained for a task; what takes longest first."""
    more = [TrainedPolicy(one.method, one.seed) for one in trials_of(task) if one not in TRIALS]
    return tuple(dict.fromkeys((*more, *TRAINED)))


class TaskTraining:
    """Demonstrations of one task and what is trained on them, in one folder."""

    def __init__(
        self,
        task: Task,
        folder: Path,
        episodes: int = 300,
        regime: str = "bi50",
        process_noise: float = PROCESS_NOISE,
        steps: int | None = None,
    ) -> None:
        """Say what is shown and how long one learns.

        Args:
            task: the task.
            folder: for the demonstrations and the weights.
            episodes: number of demonstrations.
            regime: which modes they show.
            process_noise: of the demonstrations [m].
            steps: optimiser steps; None takes each method's budget.
        """
        self.task = task
        self.folder = folder
        self.steps = steps
        self._shown = (regime, episodes, 0, process_noise)

    @property
    def file(self) -> Path:
        """Where the demonstrations lie; made at the first use."""
        path = self.folder / "demonstrations.npz"
        if not path.is_file():
            save(collect(self.task, *self._shown), path)
        return path

    def prepare(self) -> None:
        """Make the demonstrations now."""
        self.file  # noqa: B018

    @property
    def demonstrations(self) -> Demonstrations:
        """The demonstrations."""
        return load(self.file)

    def try_policy(self, trained: TrainedPolicy) -> TrialResults | str:
        """Train one policy and try it in every way; return what went wrong, if anything did."""
        settings = [one for one in trials_of(self.task) if (one.method, one.seed) == trained]
        try:
            return {one: run_trial(self.task, self.policy(one), one.seeds, one.forgiving) for one in settings}
        except BimodalError as error:
            return f"{trained}: {error}"

    def policy(self, setting: TrialSetting) -> Policy:
        """Return the policy of a trial, trained if need be."""
        if setting.method == "mean":
            return Blend(self.task, np.full(len(self.task.modes), 1 / len(self.task.modes)))
        from ...policies.training.train import METHODS, TrainOptions, train  # torch, only where it is used

        method, _, past = setting.method.partition(":")
        folder = self.folder / f"{setting.seed}-{past or 1}"
        weights = checkpoint_path(folder, self.task.id, method)
        if not weights.is_file():
            options = TrainOptions(self.steps, setting.seed, n_obs_steps=int(past or 1))
            train(method, self.file, folder, options)
        return METHODS[method](self.task, weights, setting.n_action_steps)
