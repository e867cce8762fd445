"""How fast each task is beside the others, and how long its scene takes to compile."""

import sys
from collections.abc import Sequence

import numpy as np

from ..policies import load_policy
from ..tasks import Task
from .labels import short_name
from .measuring import Row, alternate, evaluator_rate, median_ratio, run_program, shard_of

SHARE = 0.6
"""A task with less than this share of the median task's rate says why (`Task.slow_because`)."""
COMPILE_LIMIT_S = 1.0
"""Longest cold compilation of a task's scene [s]."""
_COMPILE = (
    "import sys, time; from bimodal.tasks import load_task; begin = time.perf_counter(); "
    "load_task(sys.argv[1]).spec().compile(); print(time.perf_counter() - begin)"
)


def task_rows(tasks: Sequence[Task], rounds: int, episodes: int) -> list[Row]:
    """Compare every task's control steps per second, scripted expert, with the median task's.

    Args:
        tasks: all measured in turn, once a round.
        rounds: how often.
        episodes: side by side.
    """
    sides = {task.id: lambda task=task: _rate(task, episodes) for task in tasks}
    rates = alternate(sides, rounds)
    middle = np.median(np.stack(list(rates.values())), axis=0)
    rows = []
    for task in tasks:
        note = f"{np.median(rates[task.id]):,.0f} control steps/s/core"
        note += f"; {task.slow_because}" if task.slow_because else ""
        target, ratio = None if task.slow_because else SHARE, median_ratio(rates[task.id], middle)
        rows.append(Row(f"{short_name(task.id)}: rate / median task's", ratio, "x", target, note=note))
    return rows


def _rate(task: Task, episodes: int) -> float:
    return evaluator_rate(task, load_policy("expert", task), shard_of(task, episodes))


def compile_row(tasks: Sequence[Task]) -> Row:
    """Time the cold compilation of every task's scene, each in a process of its own; the slowest counts."""
    seconds = {task.id: float(run_program([sys.executable, "-c", _COMPILE, task.id])) for task in tasks}
    slowest = max(seconds, key=lambda name: seconds[name])
    note = f"{short_name(slowest)}; median {np.median(list(seconds.values())):.2f} s"
    return Row("slowest cold compile of a scene", seconds[slowest], "s", COMPILE_LIMIT_S, True, note)
