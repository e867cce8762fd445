"""What the commands do: thin functions from options to the rooms' own functions, and the printing."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from ..envs.errors import WrongUse, unknown_name
from ..policies.load import BUILT_IN, policy_names
from ..tasks import load_task, task_names
from ..tasks.demonstrations import REGIMES, collect, load, save
from .console import console, progress_bar
from .evaluate import RUNS, evaluate
from .machine import cores
from .suites import SUITES

DEMONSTRATIONS, CHECKPOINTS = RUNS / "demos", RUNS / "checkpoints"
"""Where demonstrations and trained weights go, relative to the working directory."""


class Command(NamedTuple):
    """One verb."""

    run: Callable[[argparse.Namespace], int]
    """What it does; its docstring is the help text."""
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    """Arguments of `add_argument`."""


def argument(*flags: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Describe one argument."""
    return flags, options


# --------------------------------------------------------------------------------------- look around


def tasks(options: argparse.Namespace) -> int:
    """List the tasks and their modes."""
    from .tables import task_table

    console.print(task_table())
    return 0


def policies(options: argparse.Namespace) -> int:
    """List the policies that have a name; your own is file.py:Class."""
    from .tables import policy_table

    console.print(policy_table())
    return 0


# --------------------------------------------------------------------------------- demonstrate, train


def demonstrations_file(task: str, regime: str, episodes: int, seed: int) -> Path:
    """Return where a demonstration set lies by default."""
    return DEMONSTRATIONS / task / f"{regime}-{episodes}-s{seed}.npz"


def demos(options: argparse.Namespace) -> int:
    """Record demonstrations of a task by its scripted experts."""
    task = load_task(options.task)
    path = options.out or demonstrations_file(task.id, options.regime, options.episodes, options.seed)
    with progress_bar(f"{task.id} {options.regime}", "episodes") as update:
        found = collect(
            task,
            options.regime,
            options.episodes,
            options.seed,
            options.noise / 1000,
            options.threads or cores(),
            update,
        )
    save(found, path)
    shares = ", ".join(f"{(found.modes == mode).mean():.0%} {name}" for mode, name in enumerate(task.modes))
    console.print(
        f"{path}: {len(found.seeds)} episodes ({shares}), {found.success.mean():.1%} succeed", markup=False
    )
    return 0


def _usable(path: Path) -> bool:
    """Whether demonstrations are there, whole, and of the task's present form."""
    try:
        return bool(load(path))
    except WrongUse:
        return False


def train(options: argparse.Namespace) -> int:
    """Train a method on a task's demonstrations."""
    from ..policies.train import METHODS
    from ..policies.train import train as fit

    if options.method not in METHODS:
        raise unknown_name("method", options.method, METHODS)
    task = load_task(options.task)
    path = options.demos
    if path is not None and (shown := load(path).meta.get("task")) != task.id:
        raise WrongUse(f"{path} holds demonstrations of {shown}, not of {task.id}")
    if path is None:
        path = demonstrations_file(task.id, "bi50", 300, 0)
        if not _usable(path):
            save(collect(task, threads=cores()), path)
    with progress_bar(f"{options.method} on {task.id}", "steps") as update:
        weights = fit(
            options.method,
            path,
            options.out,
            options.steps,
            options.seed,
            lambda step, steps, loss: update(step, steps, f"loss {loss:.4f}"),
        )
    console.print(f"{weights}: {weights.stat().st_size / 1e6:.2f} MB", markup=False)
    return 0


# ------------------------------------------------------------------------------------ score, look again


def seed_range(text: str) -> range:
    """Parse `START..END` (inclusive) or a count."""
    first, dots, last = text.partition("..")
    try:
        return range(int(first), int(last) + 1) if dots else range(int(first))
    except ValueError:
        raise WrongUse(f"--seeds {text!r} is not START..END or a count, e.g. 0..49 or 50") from None


def run_evaluation(options: argparse.Namespace) -> int:
    """Score a policy on a suite: records, table, videos, report, and an entry if asked."""
    if options.entry is not None and (options.task or options.seeds is not None):
        raise WrongUse("an entry needs the whole suite; leave out --task and --seeds, or leave out --entry")
    with progress_bar(f"{options.policy} on {options.suite}", "episodes") as update:
        path = evaluate(
            options.policy,
            options.suite,
            tasks=options.task or (),
            seeds=None if options.seeds is None else seed_range(options.seeds),
            out=options.out,
            checkpoints=options.checkpoints,
            workers=options.workers,
            threads=options.threads,
            deadline_s=options.deadline,
            fresh=options.fresh,
            progress=update,
        )
    if options.entry is not None:
        from ..leaderboard.entry import entry_from_run, write_entry

        console.print(f"entry    {write_entry(entry_from_run(path), options.entry)}", markup=False)
    present(path, console, videos=not options.no_videos)
    return 0


def present(path: Path, console: Console, videos: bool = True) -> None:
    """Print a run's table, render its videos, write its report."""
    from .report import write_report
    from .run_folder import seal
    from .tables import run_table
    from .tally import faults, read_run

    run = read_run(path)
    console.print(run_table(run))
    for text in faults(run)[:3]:
        console.print(f"the policy's fault in {text}", markup=False)
    try:
        if videos:
            from .videos import render_videos

            with progress_bar("videos", "clips") as update:
                render_videos(path, progress=update)
    finally:  # without a way to draw there is still a report
        console.print(f"report   {write_report(path)}", markup=False)
        seal(path)


def videos(options: argparse.Namespace) -> int:
    """Print a run's table, render its videos from its traces, write its report."""
    from .run_folder import read_card

    read_card(options.run_folder)
    present(options.run_folder, console)
    return 0


def certify(options: argparse.Namespace) -> int:
    """Check a task against every gate of the certificate; exit code 1 if one fails."""
    from .certificate import certificate_table
    from .certificate import certify as check

    passed = True
    for name in options.task or task_names():
        with progress_bar(name, "") as update:
            found = check(
                load_task(name), quick=options.quick, progress=lambda text, n, total: update(n, total, text)
            )
        console.print(certificate_table(found))
        passed &= found.passed
    return 0 if passed else 1


def speed(options: argparse.Namespace) -> int:
    """Measure control steps per second, beside bare MuJoCo and robosuite's own Lift."""
    from .speed import speed as measure
    from .speed import speed_table

    with console.status("measuring") as status:
        rows = measure(quick=options.quick, progress=status.update)
    console.print(speed_table(rows))
    return 0


# ------------------------------------------------------------------------------------------ leaderboard


def leaderboard(options: argparse.Namespace) -> int:
    """Print the board of a folder of entries (default: those that come with the package)."""
    from ..leaderboard.board import board_tables
    from ..leaderboard.entry import read_entries

    for table in board_tables(read_entries(options.entries)):
        console.print(table)
    return 0


def check(options: argparse.Namespace) -> int:
    """Check a leaderboard entry: schema, completeness, every number recounted."""
    from ..leaderboard.entry import check_entry, read_entry

    problems = check_entry(read_entry(options.entry))
    for problem in problems:
        console.print(problem, markup=False)
    console.print(
        f"{options.entry}: {'sound' if not problems else f'{len(problems)} problems'}", markup=False
    )
    return 1 if problems else 0


def reproduce(options: argparse.Namespace) -> int:
    """Run an entry's panel again: identical, consistent (exit 0) or different (exit 1)."""
    from ..leaderboard.reproduce import reproduce as run_again

    with progress_bar(str(options.entry), "episodes") as update:
        outcome = run_again(
            options.entry,
            out=options.out,
            checkpoints=options.checkpoints,
            workers=options.workers,
            threads=options.threads,
            fresh=options.fresh,
            progress=update,
        )
    for line in outcome.lines:
        console.print(line, markup=False)
    console.print(f"[bold]{outcome.verdict}[/]: {outcome.reason}")
    return 1 if outcome.verdict == "different" else 0


def site(options: argparse.Namespace) -> int:
    """Write the leaderboard as a static page that opens from disk."""
    from ..leaderboard.site import build_site

    console.print(
        f"page     {build_site(options.entries, options.out, runs=options.run or [])}", markup=False
    )
    return 0


def bench(options: argparse.Namespace) -> int:
    """Do everything: demonstrations, training, scoring, videos, entries, and print the board."""
    from ..leaderboard.bench import bench as run_bench

    return run_bench(options.out, console)


def _known(kind: str, names: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser of names that says the near ones."""

    def parse(text: str) -> str:
        if text not in names:
            raise unknown_name(kind, text, names)
        return text

    return parse


_TASK = _known("task", task_names())
_ENTRIES = Path(__file__).parent.parent / "leaderboard" / "entries"
_WORKERS = (
    argument("--workers", type=int, help="processes (default: one a core; 0 stays in this process)"),
    argument("--threads", type=int, default=1, help="simulation threads of a process (default 1)"),
)

COMMANDS: dict[str, Command] = {
    "bench": Command(bench, (argument("--out", type=Path, default=RUNS / "bench", help="folder"),)),
    "tasks": Command(tasks),
    "policies": Command(policies),
    "demos": Command(
        demos,
        (
            argument("task", type=_TASK, help="task id"),
            argument("--episodes", type=int, default=300, help="number of demonstrations (default 300)"),
            argument(
                "--regime",
                type=_known("regime", REGIMES),
                default="bi50",
                help="which modes are shown: bi50 both equally (default), bi70 and bi90 the first more often,"
                " uni only the first, ctx by the side of the table",
            ),
            argument("--seed", type=int, default=0, help="number of the demonstration set (default 0)"),
            argument("--noise", type=float, default=1.0, help="process noise [mm] (default 1)"),
            argument("--threads", type=int, help="simulation threads (default: one a core)"),
            argument("--out", type=Path, help="file (default: runs/demos/TASK/REGIME-EPISODES-sSEED.npz)"),
        ),
    ),
    "train": Command(
        train,
        (
            argument("method", help="mse, flow, mip or mse_labelled"),
            argument("--task", type=_TASK, required=True, help="task id"),
            argument("--demos", type=Path, help="demonstrations (default: 300 bi50 ones, made if missing)"),
            argument("--steps", type=int, help="optimiser steps (default: the method's)"),
            argument("--seed", type=int, default=0, help="training seed (default 0)"),
            argument(
                "--out",
                type=Path,
                default=CHECKPOINTS,
                help="folder of checkpoints (default runs/checkpoints)",
            ),
        ),
    ),
    "evaluate": Command(
        run_evaluation,
        (
            argument("policy", help=f"{', '.join(BUILT_IN)}, file.py:Class or module:Class"),
            argument(
                "--suite",
                type=_known("suite", tuple(SUITES)),
                default="core",
                help=f"{', '.join(SUITES)} (default core)",
            ),
            argument("--task", type=_TASK, action="append", help="only this task (may be repeated)"),
            argument("--seeds", help="other seeds: START..END (both included) or a count"),
            argument("--out", type=Path, help="run folder (default runs/SUITE-POLICY)"),
            argument(
                "--checkpoints", type=Path, help="folder of trained weights (default: the shipped ones)"
            ),
            argument(
                "--entry",
                type=Path,
                nargs="?",
                const=Path("entries"),
                help="write a leaderboard entry into this folder (default: entries)",
            ),
            argument(
                "--deadline", type=float, default=30.0, help="longest time of a decision [s] (default 30)"
            ),
            argument("--no-videos", action="store_true", help="render no videos"),
            argument("--fresh", action="store_true", help="discard an earlier run in the folder"),
            *_WORKERS,
        ),
    ),
    "videos": Command(videos, (argument("run_folder", type=Path, help="run folder"),)),
    "certify": Command(
        certify,
        (
            argument("task", type=_TASK, nargs="*", help="task ids (default: all)"),
            argument("--quick", action="store_true", help="20 seeds and gates 1 to 4 only: no learning"),
        ),
    ),
    "leaderboard": Command(
        leaderboard, (argument("entries", type=Path, nargs="?", default=_ENTRIES, help="folder of entries"),)
    ),
    "check": Command(check, (argument("entry", type=Path, help="entry file"),)),
    "reproduce": Command(
        reproduce,
        (
            argument("entry", type=Path, help="entry file"),
            argument("--out", type=Path, help="run folder (default runs/reproduce-ENTRY)"),
            argument(
                "--checkpoints", type=Path, help="folder of trained weights (default: the shipped ones)"
            ),
            argument("--fresh", action="store_true", help="discard an earlier run in the folder"),
            *_WORKERS,
        ),
    ),
    "site": Command(
        site,
        (
            argument("--entries", type=Path, default=_ENTRIES, help="folder of entries"),
            argument(
                "--run", type=Path, action="append", help="run folder whose videos to show (may be repeated)"
            ),
            argument("--out", type=Path, default=Path("site"), help="folder of the page (default site)"),
        ),
    ),
    "speed": Command(speed, (argument("--quick", action="store_true", help="fewer rounds"),)),
}
"""The verbs, in the order of the help text."""

__all__ = ["COMMANDS", "Command", "policy_names", "present"]
