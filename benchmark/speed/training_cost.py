"""What training every method on a suite costs; `cli/training_cost.py` shows it in docs/train.md.

Each method is trained for two small shares of its steps on one task. A line through both gives what a
training costs before its first step and what each step adds.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...tasks import load_task
from ...tasks.demonstrations.collect import collect, save
from ..train_all import episodes_of, regime_of

SUITE = "hard"
"""The suite whose tasks are trained on; its first one is measured."""
SHARES = (0.02, 0.06)
"""Of a method's optimiser steps, how many are taken."""


class TrainingCost(NamedTuple):
    """What one method takes on one task."""

    method: str
    steps: int
    """Optimiser steps of all its stages."""
    start_s: float
    """Processor time before the first step and after the last [s]."""
    step_s: float
    """Processor time of a step [s]."""

    @property
    def task_s(self) -> float:
        """Processor time of a whole training [s]."""
        return self.start_s + self.steps * self.step_s


def measured_methods() -> list[str]:
    """Return the methods that learn from states and from the usual demonstrations, which every task has."""
    from ...policies.training.train import METHODS
    from ...tasks.demonstrations.regimes import REGIMES

    return [name for name, kind in METHODS.items() if not kind.cameras and kind.regime in REGIMES]


def demonstration_s(task: str, file: Path) -> float:
    """Record the usual demonstrations of a task in a file; return the processor time [s]."""
    begin = time.process_time()
    save(collect(load_task(task), regime_of("mse"), episodes_of(task, "mse")), file)
    return time.process_time() - begin


def training_cost(method: str, demonstrations: Path) -> TrainingCost:
    """Measure a method on a file of demonstrations, in this process."""
    from ...policies.training.train import METHODS, TrainOptions, train

    kind = METHODS[method]
    took = []
    for share in SHARES:
        with tempfile.TemporaryDirectory() as folder:
            steps = max(round(share * kind.training_steps), 1)
            begin = time.process_time()
            train(method, demonstrations, Path(folder), TrainOptions(steps))
            took.append((sum(kind.stage_steps(steps)), time.process_time() - begin))
    (few, few_s), (many, many_s) = took
    step_s = max(many_s - few_s, 0.0) / (many - few) if many > few else 0.0
    return TrainingCost(method, sum(kind.stage_steps(kind.training_steps)), few_s - few * step_s, step_s)


def measure_task(task: str, tell: Callable[[str], None]) -> tuple[float, list[TrainingCost]]:
    """Return the processor time of a task's demonstrations [s], and the cost of every method.

    Args:
        task: task id.
        tell: called with a line about each method.
    """
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demonstrations.npz"
        shown_s = demonstration_s(task, file)
        for method in measured_methods():
            costs.append(one := training_cost(method, file))
            tell(f"{method}: {one.task_s:.0f} s of processor time for {one.steps:,} steps")
    return shown_s, costs
