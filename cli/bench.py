"""The main job: demonstrations, training, scoring, videos and entries of two policies, and the board.

Everything is kept in one folder and nothing finished is done twice, so the job can be stopped at any time.
"""

import shutil
import time
from functools import partial
from pathlib import Path

from rich.console import Console

from ..benchmark.evaluation.evaluate import evaluate
from ..benchmark.suites import SUITES
from ..benchmark.train_all import Setting, Training, Update, train_all
from ..envs.errors import BimodalError
from ..envs.files import write_text
from ..envs.rendering.gl import configure_gl
from ..leaderboard.board import board_tables
from ..leaderboard.entry import entry_from_run, read_entries, write_entry
from ..leaderboard.reproduce import compare
from ..leaderboard.site import build_site
from .commands import present
from .commands_train import demonstrations_file
from .console import progress_bar

POLICIES = ("mse", "flow")
"""The policy that averages and the policy that commits: one network, one set of demonstrations."""
SHIPPED_ENTRIES = Path(__file__).parents[1] / "leaderboard" / "entries"
"""Entries that come with the package."""


def bench(out: Path, console: Console) -> int:
    """Run the main job in the folder `out`; returns 0.

    Raises:
        BimodalError: no off-screen rendering, or a step failed.
    """
    begin = time.monotonic()
    console.print(
        f"[bold]Bimodal[/]: {len(SUITES['core'].tasks)} tasks, policies {' and '.join(POLICIES)}, in {out}"
    )
    console.print(f"rendering off-screen with {configure_gl()}")
    _forget_other_suites(out, console)
    with progress_bar("demonstrations and training", "steps") as update:
        _train_all(out, update)
    runs = []
    for policy in POLICIES:
        with progress_bar(f"scoring {policy}", "episodes") as update:
            runs.append(
                evaluate(policy, "core", out=out / policy, checkpoints=out / "checkpoints", progress=update)
            )
        present(runs[-1], console)
        write_entry(entry_from_run(runs[-1]), out / "entries")
    for table in board_tables(read_entries(out / "entries")):
        console.print(table)
    _compare_with_shipped(runs, console)
    console.print(f"page     {build_site(out / 'entries', out / 'site', runs=runs)}")
    console.print(f"done in {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


def _forget_other_suites(out: Path, console: Console) -> None:
    """Discard what an earlier job made for other tasks than today's."""
    note, today = out / "suite.txt", SUITES["core"].hash()
    if note.exists() and note.read_text() != today:
        console.print("the tasks have changed since this folder was made; starting afresh")
        for name in ("demos", "checkpoints", "entries", "site", *POLICIES):
            shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    write_text(note, today)


def _train_all(out: Path, update: Update) -> None:
    """Make demonstrations and weights of every task; what is there already is kept."""
    trainings = [Training(task, policy) for task in SUITES["core"].tasks for policy in POLICIES]
    setting = Setting(out / "checkpoints", device="cpu")
    shows = partial(demonstrations_file, folder=out / "demos")
    for training, problem in train_all(trainings, setting, shows, update=update).failed.items():
        raise BimodalError(f"training of {training} failed: {problem}")


def _compare_with_shipped(runs: list[Path], console: Console) -> None:
    """Say how the fresh runs compare with the entries that come with the package."""
    for run, entry in zip(runs, (read_shipped(policy) for policy in POLICIES), strict=True):
        if entry is not None:
            outcome = compare(entry, run)
            console.print(
                f"{entry['policy']['name']}: {outcome.verdict} to the published entry, {outcome.reason}"
            )


def read_shipped(policy: str) -> dict | None:
    """Return the package's entry of a policy on the core suite, None if there is none."""
    for entry in read_entries(SHIPPED_ENTRIES):
        if entry["policy"]["name"] == policy and entry["suite"]["name"] == "core":
            return entry
    return None
