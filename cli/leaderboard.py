"""`bimodal leaderboard`: prints the board of folders of entries."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import ENTRIES, Json, argument

if TYPE_CHECKING:
    from ..leaderboard.folders import Found

EXAMPLE = "bimodal leaderboard runs/bench/entries"


def run(
    folders: Annotated[
        list[Path] | None, argument("FOLDER...", "folders of entries", default="that of the package")
    ] = None,
    json: Json = False,
) -> int:
    """Print the board of entries, and what each variant changes.

    A file that cannot stand on the board is left out with a line on standard error.
    """
    from ..leaderboard.board import board_rows
    from ..leaderboard.board_files import plain_boards
    from ..leaderboard.board_table import board_tables
    from .console import console, print_json

    folders = folders or [ENTRIES]
    found = sound_entries(folders)
    if not found.entries and not found.left_out:
        raise WrongUse(f"there are no entries in {', '.join(map(str, folders))}")
    if json:
        print_json(plain_boards(board_rows(found.entries)))
    else:
        for table in board_tables(found.entries):
            console.print(table)
    return 0 if found.entries else 1


def sound_entries(folders: Sequence[Path]) -> "Found":
    """Return the entries of folders; a file that is left out is named on standard error, even with `--quiet`.

    Called by every command that shows entries: `leaderboard`, `site` and `bench`.
    """
    from ..leaderboard.folders import read_folders
    from .console import notices

    found = read_folders(folders)
    for line in found.left_out:
        notices.print(f"bimodal: left out: {line}", markup=False)
    return found
