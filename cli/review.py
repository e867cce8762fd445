"""`bimodal review`: shows the hardest episodes of a run in the browser and keeps what is said of them."""

import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import argument, flag, number, option, task_option

if TYPE_CHECKING:
    from ..benchmark.review.page import ReviewPages

EXAMPLE = "bimodal review runs/smoke-flow --count 20"


def run(
    run_folder: Annotated[Path, argument("RUN_FOLDER", "folder that `bimodal evaluate` wrote")],
    against: Annotated[
        Path | None, option("RUN_FOLDER", "show the episodes that end otherwise than in this run")
    ] = None,
    count: Annotated[int, number("episodes, the hardest first")] = 20,
    task: Annotated[str | None, task_option("only its episodes  [default: those of all tasks]")] = None,
    no_browser: Annotated[bool, flag("--no-browser", "print the URL and open nothing")] = False,
) -> int:
    """Show the hardest episodes of a run in the browser.

    Failures come first, then the narrowest successes: video, planned paths, signals over time, the cause if
    `bimodal diagnose` looked for it. Tags and notes go to review.json in the run's folder at once, and into
    its report when the review ends. Only this machine can open the page; Ctrl-C ends it.
    """
    from ..benchmark.report.run_report import renew_report
    from ..benchmark.review.server import ReviewServer
    from .console import console

    pages = _pages(run_folder, against, count, task)
    if not pages.listed:
        console.print("every shared episode ends as in the other run; there is nothing to review")
        return 0
    with ReviewServer(pages) as server, suppress(KeyboardInterrupt):
        console.print(f"review of {len(pages.listed)} episodes: {server.url}", markup=False, soft_wrap=True)
        console.print("Ctrl-C ends it", markup=False)
        if not no_browser and _has_screen():
            webbrowser.open(server.url)
        server.serve_forever()
    if pages.reviewed:
        renew_report(run_folder)
    episodes = f"{pages.reviewed} episode{'s' if pages.reviewed > 1 else ''}"
    said = f"{episodes} reviewed, {run_folder / 'review.json'}" if pages.reviewed else "no review"
    console.print(said, markup=False)
    return 0


def _pages(run_folder: Path, against: Path | None, count: int, task: str | None) -> "ReviewPages":
    """Read the runs and choose their episodes.

    Raises:
        BimodalError: a count below 1, no run, a task that it has not, runs that share nothing, or a review of
            another run.
    """
    from ..benchmark.records.folder_guard import refuse_links
    from ..benchmark.review.margin import changed, hardest, of_task
    from ..benchmark.review.page import ReviewPages
    from ..benchmark.scoring.run_episodes import read_run

    if count < 1:
        raise WrongUse(f"--count {count} shows nothing; ask for 1 episode or more")
    folders = [run_folder] if against is None else [run_folder, against]
    for folder in folders:
        refuse_links(folder)
    found = read_run(run_folder)
    if against is None:
        return ReviewPages(found, hardest(of_task(found, task), count))
    other = read_run(against)
    return ReviewPages(found, changed(of_task(found, task), other, count), other)


def _has_screen() -> bool:
    """Whether a browser could show a window; without one, a text browser would take the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
