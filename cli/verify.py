"""`bimodal verify`: simulates an entry's episodes again from their recorded actions, without the policy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .arguments import Json, Workers, argument, option

if TYPE_CHECKING:
    from ..leaderboard.marks import Level

EXAMPLE = "bimodal verify leaderboard/entries/core-flow.json"
MOST_LINES = 20
"""Cells that are told one by one where something is wrong."""


def run(
    entry: Annotated[Path, argument("ENTRY", "entry file")],
    trace: Annotated[Path | None, option("FILE", "its trace archive", default="the one beside it")] = None,
    mark: Annotated[
        str | None, option("NAME", "for maintainers: who marks the entry as replayed", default="no mark")
    ] = None,
    workers: Workers = None,
    json: Json = False,
) -> int:
    """Simulate an entry's episodes again, without its policy.

    Neither the policy nor its weights are needed, and none of its code runs. Every episode begins in the
    scene of its seed; joints, outcome, mode and length must come out as the entry says. The answer is
    replayed (exit code 0), or that some episodes do not follow from their actions (exit code 1).
    """
    from ..leaderboard.verification.verify import verify
    from .console import console, print_json, progress_bar

    with progress_bar(f"verifying {entry.name}", "episodes") as update:
        found = verify(entry, trace, workers, update)
    if json:
        print_json({"entry": str(entry), **found._asdict()})
    else:
        told = [line for line in found.lines if "stray" in line][:MOST_LINES] or found.lines
        for line in (*told, f"{found.level}: {found.reason}"):
            console.print(line, markup=False)
    if found.level == "replayed" and mark:
        add_level(entry, "replayed", mark, found.reason, found.progress)
    return 0 if found.level == "replayed" else 1


def add_level(
    path: Path, level: "Level", by: str, reason: str, progress: dict[str, float] | None = None
) -> None:
    """Note beside the entries that one was replayed or reproduced, by whom, and what came out."""
    from datetime import UTC, datetime

    from ..leaderboard.entry import read_entry
    from ..leaderboard.marks import Mark, add_mark

    date = f"{datetime.now(UTC):%Y-%m-%d}"
    mark = Mark(level=level, by=by, date=date, found=reason[:300], progress=progress)
    add_mark(read_entry(path).entry_id, mark)
