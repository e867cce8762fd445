"""`bimodal leaderboard`: prints the board of a folder of entries."""

from pathlib import Path
from typing import Annotated

from .arguments import ENTRIES, argument

EXAMPLE = "bimodal leaderboard runs/bench/entries"


def run(
    entries: Annotated[
        Path, argument("ENTRIES", "folder of entries", default="those of the package")
    ] = ENTRIES,
) -> int:
    """Print the board of entries, and what each variant changes."""
    from ..leaderboard.board_table import board_tables
    from ..leaderboard.entry import read_entries
    from .console import console

    for table in board_tables(read_entries(entries)):
        console.print(table)
    return 0
