"""`bimodal site`: writes the leaderboard as a static site."""

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
    run: Annotated[
        list[Path] | None, option("FOLDER", "run to show with its videos (may be repeated)")
    ] = None,
    pictures: Annotated[
        Path | None, option("FOLDER", "pictures of the tasks, .jpg or .png", default="none")
    ] = None,
    certificates: Annotated[
        Path | None, option("FILE", "page of the tasks' certificates", default="none")
    ] = None,
    out: Annotated[Path, option("FOLDER", "where the site goes")] = Path("site"),
) -> int:
    """Write the leaderboard as a static site that opens from disk.

    It has the board, a page a policy and a task, a comparison of any two policies, and all of it as JSON and
    CSV. A file that cannot stand on the board is left out with a line on standard error.
    """
    from ..benchmark.report.pages.certificates_page import read_certificates
    from ..leaderboard.site.build import build_site
    from .console import console, progress_bar

    shown = _pictures(pictures) if pictures is not None else []
    certified = read_certificates(_text(certificates)) if certificates is not None else {}
    if certificates is not None and not certified:
        raise WrongUse(
            f"{certificates} holds no certificate; `bimodal certify --page FILE` writes such a page"
        )
    found = sound_entries([entries])
    if found.left_out and not found.entries:
        return 1
    with progress_bar("page", "parts") as update:
        page = build_site(found.entries, out, run or [], shown, certified, progress=update)
    console.print(f"page     {page}", markup=False)
    return 0


def _pictures(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by their names."""
    found = sorted(file for file in folder.glob("*") if file.suffix in PICTURES)
    if not found:
        raise WrongUse(f"{folder} holds no picture; `bimodal view TASK --png FILE` draws one (.jpg or .png)")
    return found


def _text(file: Path) -> str:
    """Return the text of a file that was named."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file} cannot be read: {error}") from None
