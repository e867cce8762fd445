"""What the commands of the leaderboard do, and the main job."""

import argparse

from .console import console, progress_bar


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
    from .bench import bench as run_bench

    return run_bench(options.out, console)
