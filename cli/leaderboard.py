"""`bimodal leaderboard`: prints the board of folders of entries."""

from pathlib import Path
from typing import Annotated

from .arguments import ENTRIES, argument

EXAMPLE = "bimodal leaderboard runs/bench/entries"


def run(
    folders: Annotated[
        list[Path] | None, argument("FOLDER...", "folders of entries", default="that of the package")
    ] = None,
) -> int:
    """Print the board of entries, and what each variant changes.

    A file that cannot stand on the board is left out with a line on standard error.
    """
    from ..leaderboard.board_table import board_tables
    from ..leaderboard.folders import read_folders
    from .console import console, notices

    found = read_folders(folders or [ENTRIES])
    for table in board_tables(found.entries):
        console.print(table)
    for line in found.left_out:
        notices.print(f"bimodal: left out: {line}", markup=False)
    return 0 if found.entries else 1
