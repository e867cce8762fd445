"""`bimodal bench`: demonstrations, training, scoring, videos and entries of two policies, and the board.

Everything is kept in one folder and nothing finished is done twice, so the job can be stopped at any time.
"""

import shutil
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import BimodalError
from .arguments import ENTRIES, RUNS, option
from .demos import demonstrations_file
from .leaderboard import sound_entries
from .videos import present

if TYPE_CHECKING:
    from rich.console import Console

    from ..benchmark.train_all import Update

EXAMPLE = "bimodal bench --out runs/bench"
POLICIES = ("mse", "flow")
"""The policy that averages and the policy that commits: one network, one set of demonstrations."""


def run(out: Annotated[Path, option("FOLDER", "where everything is kept")] = RUNS / "bench") -> int:
    """Run the main job: training, scoring, videos, entries, board.

    Stopped and started again, it goes on where it was.
    """
    from ..benchmark.provenance import machine
    from ..benchmark.suites import SUITES
    from ..envs.rendering.gl import configure_gl
    from ..envs.storage.atomic_write import write_json
    from ..leaderboard.board_table import board_tables
    from ..leaderboard.site.build import build_site
    from .console import console, progress_bar

    begin = time.monotonic()
    tasks = len(SUITES["core"].tasks)
    console.print(f"[bold]Bimodal[/]: {tasks} tasks, policies {' and '.join(POLICIES)}, in {out}")
    console.print(f"rendering off-screen with {configure_gl()}")
    _forget_other_suites(out, console)
    with progress_bar("demonstrations and training", "steps") as update:
        _train_all(out, update)
    runs = [_score(policy, out) for policy in POLICIES]
    entries = sound_entries([out / "entries"]).entries
    for table in board_tables(entries):
        console.print(table)
    _compare_with_shipped(runs, console)
    with progress_bar("page", "parts") as update:
        page = build_site(entries, out / "site", runs=runs, progress=update)
    console.print(f"page     {page}")
    console.print(f"videos   one of each outcome; `bimodal videos {runs[-1]}` draws all tasks and variants")
    minutes = round((time.monotonic() - begin) / 60, 1)
    write_json(out / "bench.json", {"minutes": minutes, "machine": machine()})
    console.print(f"done in {minutes} minutes")
    return 0


def _forget_other_suites(out: Path, console: "Console") -> None:
    """Discard what an earlier job made for other tasks than today's."""
    from ..benchmark.records.measurement_store import MeasurementStore
    from ..benchmark.suites import SUITES

    store = MeasurementStore[bool](out / "suite.json", {"core": SUITES["core"].hash()}, bool)
    if store.file.exists() and not store.get("begun"):
        console.print("the tasks have changed since this folder was made; starting afresh")
        for name in ("demos", "checkpoints", "entries", "site", *POLICIES):
            shutil.rmtree(out / name, ignore_errors=True)
    store.put("begun", True)


def _train_all(out: Path, update: "Update") -> None:
    """Make demonstrations and weights of every task; what is there already is kept."""
    from ..benchmark.suites import SUITES
    from ..benchmark.train_all import Training, TrainingOptions, train_all

    trainings = [Training(task, policy) for task in SUITES["core"].tasks for policy in POLICIES]
    setting = TrainingOptions(out / "checkpoints", device="cpu")
    shows = partial(demonstrations_file, folder=out / "demos")
    for training, problem in train_all(trainings, setting, shows, update=update).failed.items():
        raise BimodalError(f"training of {training} failed: {problem}")


def _score(policy: str, out: Path) -> Path:
    """Score a policy with the weights trained here, show its run and write its entry; returns the run."""
    from ..benchmark.evaluation.evaluate import evaluate
    from ..benchmark.evaluation.options import EvalOptions
    from ..leaderboard.entry import entry_from_run, write_entry
    from .console import progress_bar

    with progress_bar(f"scoring {policy}", "episodes") as update:
        options = EvalOptions(out / policy, checkpoints=out / "checkpoints", progress=update)
        path = evaluate(policy, "core", options)
    present(path, brief=True)
    write_entry(entry_from_run(path), out / "entries")
    return path


def _compare_with_shipped(runs: list[Path], console: "Console") -> None:
    """Say how the fresh runs compare with the entries that come with the package."""
    from ..leaderboard.verification.rerun_verdict import judge_rerun

    shipped = {e.policy.name: e for e in sound_entries([ENTRIES]).entries if e.suite.name == "core"}
    for path, policy in zip(runs, POLICIES, strict=True):
        if policy in shipped:
            outcome = judge_rerun(shipped[policy], path)
            console.print(f"{policy}: {outcome.verdict} to the published entry, {outcome.reason}")
