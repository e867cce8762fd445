"""The main job: demonstrations, training, scoring, videos and entries of two policies, and the board.

Everything is kept in one folder and nothing finished is done twice, so the job can be stopped at any time.
"""

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from ..benchmark.commands import present
from ..benchmark.console import progress_bar
from ..benchmark.evaluate import evaluate
from ..benchmark.files import write_text
from ..benchmark.machine import cores
from ..benchmark.suites import SUITES
from ..envs.errors import BimodalError
from ..envs.gl import configure_gl
from ..policies.checkpoint import checkpoint_path
from .board import board_tables
from .entry import entry_from_run, read_entries, write_entry
from .reproduce import compare
from .site import build_site

POLICIES = ("mse", "flow")
"""The policy that averages and the policy that commits: one network, one set of demonstrations."""
SHIPPED_ENTRIES = Path(__file__).parent / "entries"
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
    with progress_bar("demonstrations and training", "") as update:
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


def _train_all(out: Path, update) -> None:  # noqa: ANN001
    """Make demonstrations and weights of every task, one process a core, one thread a process."""
    jobs = [(task, policy) for task in SUITES["core"].tasks for policy in POLICIES]
    done = 0

    def one(task: str) -> None:
        nonlocal done
        demos = out / "demos" / f"{task}.npz"
        if not demos.exists():
            _bimodal("demos", task, "--threads", "1", "--out", str(demos))
        for policy in POLICIES:
            if not checkpoint_path(out / "checkpoints", task, policy).exists():
                folder = str(out / "checkpoints")
                _bimodal("train", policy, "--task", task, "--demos", str(demos), "--out", folder)
            done += 1
            update(done, len(jobs), f"{policy} on {task}")

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(one, SUITES["core"].tasks))


def _bimodal(*arguments: str) -> None:
    """Run one command in a process of its own."""
    program = "import sys; from bimodal.benchmark.cli import main; sys.exit(main(sys.argv[1:]))"
    found = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise BimodalError(
            f"bimodal {' '.join(arguments[:2])} failed: {found.stderr.strip().splitlines()[-1:]}"
        )


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
