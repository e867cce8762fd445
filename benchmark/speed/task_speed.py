"""How fast each task is beside the others and in every variant, and how long its scene takes to compile."""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np

from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import CLEAN, COMBO, Variant
from ...policies import load_policy
from ...tasks import Task
from ..number_text import short_name
from ..rollout.shard import Shard, run_shard
from .measure import NOISE, SpeedRow, alternate, evaluator_rate, median_ratio, run_program, shard_of

SHARE = 0.6
"""A task with less than this share of the median task's rate says why (`Task.slow_because`)."""
VARIANT_SHARE = 0.7
"""Least share of the clean task's rate in any variant."""
COMPILE_LIMIT_S = 1.0
"""Longest cold compilation of a task's scene [s]."""
_APART = 10_000  # seeds between those of two variants: neither finds the scenes of the other generated
_COMPILE = (
    "import sys, time; from bimodal.tasks import load_task; begin = time.perf_counter(); "
    "load_task(sys.argv[1]).spec().compile(); print(time.perf_counter() - begin)"
)


def task_rows(tasks: Sequence[Task], rounds: int, episodes: int) -> list[SpeedRow]:
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
        target = None if task.slow_because else SHARE
        ratio = median_ratio(rates[task.id], middle)
        rows.append(SpeedRow(f"{short_name(task.id)}: rate / median task's", ratio, "x", target, note=note))
    return rows


def _rate(task: Task, episodes: int) -> float:
    return evaluator_rate(task, load_policy("expert", task), shard_of(task, episodes))


def variant_rows(
    tasks: Sequence[Task], rounds: int, episodes: int, names: Sequence[str] = (), level: int = 3
) -> list[SpeedRow]:
    """Compare every variant's control steps per second, scripted expert, with the clean task's.

    Args:
        tasks: a row shows the slowest of those that can have its variant.
        rounds: how often.
        episodes: side by side; every round takes new ones, whose scenes are generated within the time.
        names: of perturbations, all and the combination if none are given.
        level: of them.
    """
    parts = [f"{name}:{level}" for name in names or (*perturbations(), COMBO)]
    shares: dict[str, dict[str, float]] = {part: {} for part in parts}
    for task in tasks:
        possible = [part for part in parts if not Variant(part).impossible(task)]
        sides = {
            part: _variant_side(task, part, episodes, index * _APART)
            for index, part in enumerate((CLEAN, *possible))
        }
        rates = alternate(sides, rounds)
        for part in possible:
            shares[part][task.id] = median_ratio(rates[part], rates[CLEAN])
    rows = []
    for part, found in shares.items():
        if found:
            slowest = min(found, key=lambda name: found[name])
            middle = np.median(list(found.values()))
            note = f"{short_name(slowest)}; median of {len(found)} tasks {middle:.2f}"
            rows.append(SpeedRow(f"{part}: rate / clean", found[slowest], "x", VARIANT_SHARE, note=note))
    return rows


def _variant_side(task: Task, variant: str, episodes: int, first: int) -> Callable[[], float]:
    """Return what measures the control steps per second and core of the next episodes of a variant."""
    policy = load_policy("expert", task)
    begins = count(first, episodes)

    def rate() -> float:
        begin = next(begins)
        shard = Shard(task.id, variant, 0, tuple(range(begin, begin + episodes)))
        started = time.process_time()
        steps = run_shard(task, policy, shard, NOISE).verdict.steps.sum()
        return float(steps) / (time.process_time() - started)

    return rate


def compile_row(tasks: Sequence[Task]) -> SpeedRow:
    """Time the cold compilation of every task's scene, each in a process of its own; the slowest counts."""
    seconds = {task.id: float(run_program([sys.executable, "-P", "-c", _COMPILE, task.id])) for task in tasks}
    slowest = max(seconds, key=lambda name: seconds[name])
    note = f"{short_name(slowest)}; median {np.median(list(seconds.values())):.2f} s"
    return SpeedRow("slowest cold compile of a scene", seconds[slowest], "s", COMPILE_LIMIT_S, True, note)
