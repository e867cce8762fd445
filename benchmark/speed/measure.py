"""What every measurement of speed is made of: rows, rates, ratios of values taken in turn."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...envs.errors import BimodalError
from ...policies import Policy
from ...tasks import Task
from ..rollout.shard import Shard, run_shard

NOISE = "speed"
"""Part of the policies' noise keys, as a suite's version is."""


class SpeedRow(NamedTuple):
    """One measurement."""

    name: str
    """What was measured."""
    value: float
    """What came out."""
    unit: str
    """Of the value; "x" for a ratio."""
    target: float | None = None
    """What the value should reach; None for a row that only informs."""
    at_most: bool = False
    """Whether the target is an upper limit."""
    note: str = ""
    """The numbers behind the value."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def alternate(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, np.ndarray]:
    """Measure every side once a round; return the values of each, (rounds,)."""
    values = [{name: side() for name, side in sides.items()} for _ in range(rounds)]
    return {name: np.array([value[name] for value in values]) for name in sides}


def median_ratio(over: np.ndarray, under: np.ndarray) -> float:
    """Return the median over rounds of the ratio of two values taken in the same round."""
    return float(np.median(over / under))


def shard_of(task: Task, episodes: int) -> Shard:
    """Return the task's first episodes."""
    return Shard(task.id, "clean", 0, tuple(range(episodes)))


def cpu_s(action: Callable[[], object]) -> float:
    """Return the CPU time that an action takes [s]."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def evaluator_rate(task: Task, policy: Policy, shard: Shard) -> float:
    """Return the evaluator's control steps per second and core."""
    begin = time.process_time()
    episodes, steps = run_shard(task, policy, shard, NOISE).trace.actions.shape[:2]
    return episodes * steps / (time.process_time() - begin)


def run_program(command: list[str]) -> str:
    """Run a program and return what it prints.

    Raises:
        BimodalError: it fails; the message is its last line.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BimodalError(f"{Path(command[0]).name} failed while speed was measured: {last}")
    return done.stdout
