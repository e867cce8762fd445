"""`bimodal check`: checks a leaderboard entry without running it."""

from pathlib import Path
from typing import Annotated

from .arguments import argument

EXAMPLE = "bimodal check leaderboard/entries/core-flow.json"

Entry = Annotated[Path, argument("ENTRY", "entry file")]


def run(entry: Entry) -> int:
    """Check an entry: schema, completeness, every number recounted.

    The exit code is 1 if something is wrong with it.
    """
    from ..leaderboard.check import check_entry
    from ..leaderboard.files import read_unchecked
    from .console import console

    problems = check_entry(read_unchecked(entry))
    for problem in problems:
        console.print(problem, markup=False)
    verdict = f"{len(problems)} problems" if problems else "sound"
    console.print(f"{entry}: {verdict}", markup=False)
    return 1 if problems else 0
