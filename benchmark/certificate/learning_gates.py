"""Gates 5 to 7 of a certificate: what learned policies make of a task."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...envs.seed_ranges import VALIDATION
from ...policies import Policy
from ...policies.core.checkpoint import checkpoint_path
from ...policies.core.dataset import CHUNK_SIZE
from ...policies.training.train import METHODS, TrainOptions, train
from ...tasks.core.task import Task
from ...tasks.demonstrations.collect import PROCESS_NOISE, Demonstrations, collect, load, save
from .certificate import Row, percent
from .trials import Blend, Outcome, trial

TRAINING_SEEDS = {"flow": 1, "mip": 1, "mse_labelled": 1, "mse": 3, "nearest": 1}
"""How many training seeds of each method are tried; what takes longest first. That regression fails is a
claim about every training, so the worst of three counts; that the task can be learnt is shown by one."""
GATED, INFORMING = ("mse", "mse_labelled", "flow"), ("mip", "nearest")
"""Methods of which a gate asks something, and those that are there for information."""
TRIAL_SEEDS = VALIDATION[:100]
"""Episodes in which a learned policy is tried."""
LONG_SEEDS, INFORMING_SEEDS = TRIAL_SEEDS[:50], TRIAL_SEEDS[:25]
"""Those in which the whole chunk is executed, and those for what no gate asks."""
EXECUTE = (8, 16)
"""Actions executed of each chunk; gate 6 asks for the first."""
MSE_CEILING, ORACLE_FLOOR, MARGIN = 0.40, 0.90, 0.50
"""Gate 5: success of regression, of the oracle that is told the mode, and their least difference."""
FLOW_FLOOR, FAIR = 0.90, 0.50
"""Gate 6: success of the flow policy, and its rarest mode's least part of a fair share."""


class Cell(NamedTuple):
    """One learned policy, tried in one way."""

    method: str
    """Name of the method, or `mean` for the average of the experts' plans."""
    seed: int
    """Training seed."""
    execute: int
    """Actions executed of each chunk."""
    forgiving: bool = False
    """Whether touching what is forbidden neither ends nor fails an episode."""

    @property
    def seeds(self) -> range:
        """The episodes in which it is tried."""
        long = self.execute == EXECUTE[1]
        if self.method not in GATED or self.forgiving or (long and self.method == "flow"):
            return INFORMING_SEEDS
        return LONG_SEEDS if long else TRIAL_SEEDS

    def __str__(self) -> str:
        """Return it in words, for the progress bar."""
        return f"{self.method} {self.seed}, executing {self.execute}" + ", forgiven" * self.forgiving


CELLS = (
    *(Cell(method, s, n) for method in GATED for s in range(TRAINING_SEEDS[method]) for n in EXECUTE),
    *(Cell(method, 0, EXECUTE[0]) for method in INFORMING),
    *(Cell(method, 0, 8, True) for method in ("mse", "flow")),
    Cell("mean", 0, 16, False),
    Cell("mean", 0, 16, True),
)
"""All that is tried."""

Outcomes = Mapping[Cell, Outcome]
"""What came out of every cell."""


class Lesson(NamedTuple):
    """What is learnt once, to be tried in several cells."""

    method: str
    """As in `Cell`."""
    seed: int
    """Training seed."""

    def __str__(self) -> str:
        """Return it in words, for the progress bar."""
        return f"{self.method} {self.seed}"


LESSONS = (
    *(Lesson(name, seed) for name, k in TRAINING_SEEDS.items() for seed in range(k)),
    Lesson("mean", 0),
)
"""All that is learnt; what takes longest first."""


class Study:
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
        self.task, self.folder, self.steps = task, folder, steps
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

    def learn(self, lesson: Lesson) -> Outcomes | str:
        """Train one policy and try it in all its cells; return what went wrong, if anything did."""
        cells = [cell for cell in CELLS if (cell.method, cell.seed) == lesson]
        try:
            return {cell: self.outcome(cell) for cell in cells}
        except BimodalError as error:
            return f"{lesson}: {error}"

    def outcome(self, cell: Cell) -> Outcome:
        """Train the policy of a cell if need be, and try it."""
        return trial(self.task, self.policy(cell), cell.seeds, cell.forgiving)

    def policy(self, cell: Cell) -> Policy:
        """Return the policy of a cell, trained."""
        if cell.method == "mean":
            return Blend(self.task, np.full(len(self.task.modes), 1 / len(self.task.modes)))
        folder = self.folder / str(cell.seed)
        weights = checkpoint_path(folder, self.task.id, cell.method)
        if not weights.is_file():
            train(cell.method, self.file, folder, TrainOptions(self.steps, cell.seed))
        return METHODS[cell.method](self.task, weights, cell.execute)


def learning_rows(task: Task, outcomes: Outcomes) -> list[Row]:
    """Return the rows of gates 5 to 7; a pure function of what came out of the cells."""
    return [*regression_rows(task, outcomes), *flow_rows(task, outcomes), *forgiven_rows(outcomes)]


def regression_rows(task: Task, outcomes: Outcomes) -> list[Row]:
    """Gate 5: regression fails where the same network succeeds when it is told the mode.

    MIP and nearest neighbours are for information, by the success of their worse mode: successes in the
    rarest mode over its fair share of the episodes.
    """
    rows = []
    for n in EXECUTE:
        mse, oracle = _rates(outcomes, "mse", n), _rates(outcomes, "mse_labelled", n)
        averages = max(mse) < MSE_CEILING
        rows.append(Row(5, _name("mse", n), "success by training seed", percent(*mse), "< 40 %", averages))
        able, bound = min(oracle) >= max(ORACLE_FLOOR, max(mse) + MARGIN), ">= 90 %, mse + 50"
        measured = "success when told the mode"
        rows.append(Row(5, _name("labelled mse", n), measured, percent(*oracle), bound, able))
    n = EXECUTE[0]
    for method in INFORMING:
        worse = [o.worse_mode(len(task.modes)) for o in _found(outcomes, method, n)]
        value = f"{percent(*_rates(outcomes, method, n))}; {percent(*worse)}"
        rows.append(Row(5, _name(method, n), "success; of the worse mode", value, "", None))
    return rows


def flow_rows(task: Task, outcomes: Outcomes) -> list[Row]:
    """Gate 6: the same network as a flow policy succeeds in all modes (gated at 8 executed actions)."""
    rows, k = [], len(task.modes)
    for n in EXECUTE:
        success = _rates(outcomes, "flow", n)
        share = [outcome.minority(k) for outcome in _found(outcomes, "flow", n)]
        value, able = f"{percent(*success)}; {percent(*share)}", min(success) >= FLOW_FLOOR
        bound, passed = f">= 90 %; >= {percent(FAIR / k)}", able and min(share) >= FAIR / k
        bound, passed = (bound, passed) if n == EXECUTE[0] else ("", None)
        rows.append(Row(6, _name("flow", n), "success; rarest mode's share", value, bound, passed))
    return rows


def forgiven_rows(outcomes: Outcomes) -> list[Row]:
    """Gate 7: how much the rule carries that a forbidden touch ends the episode, on the same seeds."""
    rows = []
    for method, n in (("mean", 16), ("mse", 8), ("flow", 8)):
        ruled, free = (_found(outcomes, method, n, forgiving)[0].success for forgiving in (False, True))
        value = f"{percent(ruled[: len(free)].mean())} -> {percent(free.mean())}"
        rows.append(Row(7, method, "success: rule -> no rule", value, "", None))
    return rows


def _name(method: str, n: int) -> str:
    return f"{method}, {n} of {CHUNK_SIZE}"


def _found(outcomes: Outcomes, method: str, n: int, forgiving: bool = False) -> list[Outcome]:
    """Return the outcomes of all training seeds."""
    return [o for cell, o in outcomes.items() if cell._replace(seed=0) == Cell(method, 0, n, forgiving)]


def _rates(outcomes: Outcomes, method: str, n: int, forgiving: bool = False) -> list[float]:
    return [outcome.rate for outcome in _found(outcomes, method, n, forgiving)]
