"""Gates 5 to 7 of a certificate: trains regression, its oracle and flow on a task, and tries them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.dataset import CHUNK_SIZE
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import PROCESS_NOISE, Demonstrations, collect, load, save
from .certificate import Check, percents
from .trials import Blend, TrialResult, run_trial

TRAINING_SEEDS = {"flow": 1, "mip": 1, "mse_labelled": 1, "mse": 3, "nearest": 1}
"""How many training seeds of each method are tried; what takes longest first. That regression fails is a
claim about every training, so the worst of three counts; that the task can be learnt is shown by one."""
GATED = ("mse", "mse_labelled", "flow")
"""Methods of which a gate asks something."""
INFORMING = ("mip", "nearest")
"""Methods that are there for information."""
TRIAL_SEEDS = VALIDATION[:100]
"""Episodes in which a learned policy is tried."""
LONG_SEEDS = TRIAL_SEEDS[:50]
"""Those in which the whole chunk is executed."""
INFORMING_SEEDS = TRIAL_SEEDS[:25]
"""Those for what no gate asks."""
N_ACTION_STEPS = (8, 16)
"""Actions executed of each chunk; gate 6 asks for the first."""
MSE_CEILING = 0.40
"""Gate 5: regression succeeds less often."""
ORACLE_FLOOR = 0.90
"""Gate 5: least success of the oracle that is told the mode."""
MARGIN = 0.50
"""Gate 5: least difference of the two."""
FLOW_FLOOR = 0.90
"""Gate 6: least success of the flow policy."""
FAIR = 0.50
"""Gate 6: its rarest mode's least part of a fair share."""


class TrialSetting(NamedTuple):
    """One learned policy, tried in one way."""

    method: str
    """Name of the method, or `mean` for the average of the experts' plans."""
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
        if self.method not in GATED or self.forgiving or (long and self.method == "flow"):
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
"""All that is tried."""

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
"""All that is trained; what takes longest first."""


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
        settings = [one for one in TRIALS if (one.method, one.seed) == trained]
        try:
            return {one: run_trial(self.task, self.policy(one), one.seeds, one.forgiving) for one in settings}
        except BimodalError as error:
            return f"{trained}: {error}"

    def policy(self, setting: TrialSetting) -> Policy:
        """Return the policy of a trial, trained if need be."""
        if setting.method == "mean":
            return Blend(self.task, np.full(len(self.task.modes), 1 / len(self.task.modes)))
        from ...policies.training.train import METHODS, TrainOptions, train  # torch, only where it is used

        folder = self.folder / str(setting.seed)
        weights = checkpoint_path(folder, self.task.id, setting.method)
        if not weights.is_file():
            train(setting.method, self.file, folder, TrainOptions(self.steps, setting.seed))
        return METHODS[setting.method](self.task, weights, setting.n_action_steps)


def learning_checks(task: Task, results: TrialResults) -> list[Check]:
    """Return the checks of gates 5 to 7; a pure function of what came out of the trials."""
    return [*regression_checks(task, results), *flow_checks(task, results), *forgiven_checks(results)]


def regression_checks(task: Task, results: TrialResults) -> list[Check]:
    """Gate 5: regression fails where the same network succeeds when it is told the mode.

    MIP and nearest neighbours are for information, by the success of their worse mode: successes in the
    rarest mode over its fair share of the episodes.
    """
    checks = []
    for n in N_ACTION_STEPS:
        mse = _rates(results, "mse", n)
        oracle = _rates(results, "mse_labelled", n)
        measured = "success by training seed"
        fails = max(mse) < MSE_CEILING
        checks.append(Check(5, _name("mse", n), measured, percents(*mse), "< 40 %", fails))
        able = min(oracle) >= max(ORACLE_FLOOR, max(mse) + MARGIN)
        bound = ">= 90 %, mse + 50"
        measured = "success when told the mode"
        checks.append(Check(5, _name("labelled mse", n), measured, percents(*oracle), bound, able))
    n = N_ACTION_STEPS[0]
    for method in INFORMING:
        worse = [one.worse_mode(len(task.modes)) for one in _found(results, method, n)]
        value = f"{percents(*_rates(results, method, n))}; {percents(*worse)}"
        checks.append(Check(5, _name(method, n), "success; of the worse mode", value, "", None))
    return checks


def flow_checks(task: Task, results: TrialResults) -> list[Check]:
    """Gate 6: the same network as a flow policy succeeds in all modes (gated at 8 executed actions)."""
    k = len(task.modes)
    checks = []
    for n in N_ACTION_STEPS:
        success = _rates(results, "flow", n)
        share = [result.minority(k) for result in _found(results, "flow", n)]
        value = f"{percents(*success)}; {percents(*share)}"
        asked = n == N_ACTION_STEPS[0]
        bound = f">= 90 %; >= {percents(FAIR / k)}" if asked else ""
        passed = min(success) >= FLOW_FLOOR and min(share) >= FAIR / k if asked else None
        checks.append(Check(6, _name("flow", n), "success; rarest mode's share", value, bound, passed))
    return checks


def forgiven_checks(results: TrialResults) -> list[Check]:
    """Gate 7: how much the rule carries that a forbidden touch ends the episode, on the same seeds."""
    checks = []
    for method, n in (("mean", 16), ("mse", 8), ("flow", 8)):
        ruled, free = (_found(results, method, n, forgiving)[0].success for forgiving in (False, True))
        value = f"{percents(ruled[: len(free)].mean())} -> {percents(free.mean())}"
        checks.append(Check(7, method, "success: rule -> no rule", value, "", None))
    return checks


def _name(method: str, n: int) -> str:
    return f"{method}, {n} of {CHUNK_SIZE}"


def _found(results: TrialResults, method: str, n: int, forgiving: bool = False) -> list[TrialResult]:
    """Return the results of all training seeds."""
    return [
        one
        for setting, one in results.items()
        if setting._replace(seed=0) == TrialSetting(method, 0, n, forgiving)
    ]


def _rates(results: TrialResults, method: str, n: int, forgiving: bool = False) -> list[float]:
    return [result.rate for result in _found(results, method, n, forgiving)]
