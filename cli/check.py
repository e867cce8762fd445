"""`bimodal check`: checks a leaderboard entry, or a run folder by replaying it."""

from pathlib import Path
from typing import Annotated

from .arguments import argument

MOST_LINES = 20
"""Problems that are printed one by one."""
EXAMPLE = "bimodal check leaderboard/entries/core-flow.json"


def run(entry: Annotated[Path, argument("ENTRY", "entry file, or run folder")]) -> int:
    """Check an entry: schema, completeness, every number recounted.

    Of a run folder, simulate the recorded actions again and compare states and verdicts. The exit code is 1
    if something is wrong.
    """
    from ..leaderboard.check import check_entry
    from ..leaderboard.files import read_unchecked
    from .console import console

    problems = _replayed(entry) if entry.is_dir() else check_entry(read_unchecked(entry))
    for problem in problems[:MOST_LINES]:
        console.print(problem, markup=False)
    if len(problems) > MOST_LINES:
        console.print(f"and {len(problems) - MOST_LINES} more", markup=False)
    verdict = f"{len(problems)} problems" if problems else "sound"
    console.print(f"{entry}: {verdict}", markup=False)
    return 1 if problems else 0


def _replayed(folder: Path) -> list[str]:
    """Replay a run; returns a line for every shard with episodes that do not follow from their actions."""
    from ..benchmark.evaluation.replay_run import check_run

    return [
        f"{shard.task} {shard.variant}: {len(found.strays)} of {len(shard.seeds)} episodes do not follow "
        f"from their recorded actions, such as seed {found.strays[0]}"
        for shard, found in check_run(folder)
        if not found.agrees
    ]
