"""Times the whole job of one policy, and measures whether memory grows with the number of episodes."""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from ...policies import Policy
from ...tasks import Task
from ...tasks.demonstrations import collect as demonstrations
from ..evaluation.evaluate import evaluate
from ..evaluation.options import EvalOptions
from ..isolation.box import Box
from ..isolation.shapes import possible
from ..isolation.source import Here
from ..provenance import cores
from ..rollout.shard import run_shard
from ..scoring.run_episodes import read_run
from ..scoring.task_scores import score_run
from ..suites import find_suite
from .measure import NOISE, SpeedRow, alternate, median_ratio, run_program, shard_of

MEASURED_ON = "PandaLiftDumbbell-v1"
"""The task in whose episodes memory is measured."""
_CHILD = "from bimodal.benchmark.speed.whole_job import print_peaks; print_peaks()"


def pipeline_row(task: Task, policy: str = "flow") -> SpeedRow:
    """Time demonstrations, training and scoring of one policy on one task, wall time."""
    from ...policies.training.train import train

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        marks = [time.perf_counter()]
        demos = demonstrations.collect(task, threads=cores())
        path = demonstrations.save(demos, home / "demonstrations.npz")
        marks.append(time.perf_counter())
        train(policy, path, home / "checkpoints")
        marks.append(time.perf_counter())
        panel = find_suite("core", (task.id,), variants=())
        run = evaluate(policy, panel, EvalOptions(out=home / "run", checkpoints=home / "checkpoints"))
        marks.append(time.perf_counter())
        cell = score_run(read_run(run))[0]
    parts = "{:.0f} s demonstrations, {:.0f} s training, {:.0f} s scoring".format(*np.diff(marks))
    note = f"{parts}; {cell.successes} of {cell.episodes} succeed"
    return SpeedRow(f"300 demonstrations, {policy}, 200 episodes", marks[-1] - marks[0], "s", 60, True, note)


def memory_row(few: int = 200, many: int = 1000) -> SpeedRow:
    """Compare the peak memory of a process after few and after many episodes."""
    answer = run_program([sys.executable, "-P", "-c", _CHILD, str(few), str(many)])
    peaks = [float(line) for line in answer.split()]
    note = f"peak {peaks[0]:.0f} MB after {few}, {peaks[1]:.0f} MB after {many} more"
    return SpeedRow("memory, more for 5 times the episodes", peaks[1] - peaks[0], "MB", 30, True, note)


def shut_in_rows(task: Task, rounds: int, episodes: int, policy: str = "flow") -> list[SpeedRow]:
    """Compare the wall time of a policy's episodes shut in and not; nothing where that cannot be."""
    isolation, _ = possible()
    if isolation == "none":
        return []
    box = Box(policy, None, isolation)
    shard = shard_of(task, episodes)

    def wall_s(built: Policy) -> float:
        begin = time.perf_counter()
        run_shard(task, built, shard, NOISE)
        return time.perf_counter() - begin

    try:
        built = {"inside": box.build(task)[0], "outside": Here(policy, None).build(task)[0]}
        took = alternate({side: partial(wall_s, one) for side, one in built.items()}, rounds)
    finally:
        box.close()
    note = (
        f"{took['inside'].min():.2f} s / {took['outside'].min():.2f} s for {episodes} episodes, {isolation}"
    )
    ratio = median_ratio(took["inside"], took["outside"])
    return [SpeedRow(f"episodes of {policy}, shut in / not", ratio, "x", 1.05, True, note)]


def print_peaks() -> None:
    """Evaluate the numbers of episodes in the arguments; a line with the peak memory [MB] after each."""
    with tempfile.TemporaryDirectory() as folder:
        for episodes in map(int, sys.argv[1:]):
            panel = find_suite("full", (MEASURED_ON,), range(episodes), ())
            evaluate("expert", panel, EvalOptions(out=Path(folder) / str(episodes), workers=0))
            sys.stdout.write(f"{_peak_mb()}\n")


def _peak_mb() -> float:
    """Return the largest resident memory of this process so far [MB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
