"""`bimodal site`: writes the leaderboard as a static page."""

from pathlib import Path
from typing import Annotated

from .arguments import ENTRIES, option

EXAMPLE = "bimodal site --entries runs/bench/entries --run runs/bench/flow"


def run(
    entries: Annotated[Path, option("FOLDER", "entries", default="those of the package")] = ENTRIES,
    run: Annotated[list[Path] | None, option("FOLDER", "run whose videos to show (may be repeated)")] = None,
    out: Annotated[Path, option("FOLDER", "where the page goes")] = Path("site"),
) -> int:
    """Write the leaderboard as a static page that opens from disk."""
    from ..leaderboard.site import build_site
    from .console import console

    console.print(f"page     {build_site(entries, out, runs=run or [])}", markup=False)
    return 0
