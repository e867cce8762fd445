"""`bimodal leaderboard`: prints the board of folders of entries."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import ENTRIES, Json, argument, flag

if TYPE_CHECKING:
    from ..leaderboard.folders import Found
    from .kept_boards import Printed

EXAMPLE = "bimodal leaderboard runs/bench/entries"


def run(
    folders: Annotated[
        list[Path] | None, argument("FOLDER...", "folders of entries", default="that of the package")
    ] = None,
    earlier: Annotated[bool, flag("--earlier", "also suites that a later version follows")] = False,
    json: Json = False,
) -> int:
    """Print the board of entries, and what each variant changes.

    A file that cannot stand on the board is left out with a line on standard error.
    """
    from .console import console
    from .kept_boards import board_key, keep_board, kept_board

    folders = folders or [ENTRIES]
    terminal = (console.width, console.color_system, console.encoding, console.is_terminal, earlier, json)
    key = board_key(folders, *terminal)
    printed = kept_board(key)
    if printed:
        _print_left_out(printed.left_out)
    else:
        gc.disable()  # what is read lives until it is printed, and is no garbage
        try:
            printed = _board(folders, earlier, json)
        finally:
            gc.enable()
        keep_board(key, printed)
    console.file.write(printed.out)
    return printed.code


def _board(folders: Sequence[Path], earlier: bool, json: bool) -> "Printed":
    """Check the entries of folders and return their board as it is to be printed.

    Without `earlier`, suites that a later version follows are only named where others are; JSON has all.

    Raises:
        WrongUse: there are none.
    """
    from ..benchmark.suites import is_earlier
    from ..leaderboard.board import board_rows
    from ..leaderboard.board_files import plain_boards
    from ..leaderboard.board_table import board_tables
    from .console import console, print_json
    from .kept_boards import Printed

    found = sound_entries(folders)
    if not found.entries and not found.left_out:
        raise WrongUse(f"there are no entries in {', '.join(map(str, folders))}")
    with console.capture() as out:
        if json:
            print_json(plain_boards(board_rows(found.entries)))
        else:
            shown = [one for one in found.entries if earlier or not is_earlier(one.suite)] or found.entries
            for table in board_tables(shown):
                console.print(table)
            if len(shown) < len(found.entries):
                suites = (one.suite for one in found.entries if is_earlier(one.suite))
                names = sorted({f"{suite.name} {suite.version}" for suite in suites})
                console.print(f"not shown: {', '.join(names)}, which later versions follow (--earlier)")
    return Printed(out.get(), found.left_out, 0 if found.entries else 1)


def sound_entries(folders: Sequence[Path]) -> "Found":
    """Return the entries of folders; a file that is left out is named on standard error, even with `--quiet`.

    Called by every command that shows entries: `leaderboard`, `site` and `bench`.
    """
    from ..leaderboard.folders import read_folders

    found = read_folders(folders)
    _print_left_out(found.left_out)
    return found


def _print_left_out(lines: Sequence[str]) -> None:
    from .console import notices

    for line in lines:
        notices.print(f"bimodal: left out: {line}", markup=False)
