"""`bimodal site`: writes the leaderboard as a static page."""

from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import ENTRIES, option
from .leaderboard import sound_entries

EXAMPLE = "bimodal site --entries runs/bench/entries --run runs/bench/flow --pictures docs/images"
PICTURES = (".jpg", ".png")
"""Endings of the files that are taken for pictures."""


def run(
    entries: Annotated[Path, option("FOLDER", "entries", default="those of the package")] = ENTRIES,
    run: Annotated[list[Path] | None, option("FOLDER", "run whose videos to show (may be repeated)")] = None,
    pictures: Annotated[
        Path | None, option("FOLDER", "pictures of the tasks, .jpg or .png", default="none")
    ] = None,
    out: Annotated[Path, option("FOLDER", "where the page goes")] = Path("site"),
) -> int:
    """Write the leaderboard as a static page that opens from disk.

    A file that cannot stand on the board is left out with a line on standard error.
    """
    from ..leaderboard.site import build_site
    from .console import console, progress_bar

    shown = _pictures(pictures) if pictures is not None else []
    found = sound_entries([entries])
    if found.left_out and not found.entries:
        return 1
    with progress_bar("page", "parts") as update:
        page = build_site(found.entries, out, runs=run or [], pictures=shown, progress=update)
    console.print(f"page     {page}", markup=False)
    return 0


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by their names."""
    found = sorted(file for file in folder.glob("*") if file.suffix in PICTURES)
    if not found:
        raise WrongUse(f"{folder} holds no picture; `bimodal view TASK --png FILE` draws one (.jpg or .png)")
    return found
