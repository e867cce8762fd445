"""`bimodal view`: shows a task in a window or a browser, or draws it into files; shows a run in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ..envs.errors import WrongUse
from .arguments import argument, flag, number, option, task_name, task_names

if TYPE_CHECKING:
    from ..benchmark.browser.films import Films

EXAMPLE = "bimodal view PandaLiftPot-v1 --png pot.png"


def task_or_run(text: str) -> Any:
    """Parse a task's id or file, or the folder of a run; returns the id or the path."""
    return Path(text) if (Path(text) / "run.json").is_file() else task_name(text)


def run(
    what: Annotated[
        Any,
        argument(
            "TASK|RUN",
            "task id or file.py; with --browser a run folder, too",
            task_or_run,
            autocompletion=task_names,
        ),
    ],
    png: Annotated[Path | None, option("FILE", "write a still instead: .png or .jpg")] = None,
    gif: Annotated[Path | None, option("FILE", "write the modes as they move instead: .gif")] = None,
    browser: Annotated[bool, flag("--browser", "show it in a browser of this machine")] = False,
    port: Annotated[int, number("of --browser; the next free one if it is taken")] = 8080,
    seed: Annotated[int, number("of the scene")] = 0,
) -> int:
    """Show a task's modes, their average and its dead zone.

    In a window the modes play in turn. A file also shows where the task may lie, from above. In a browser you
    choose a mode, or an episode of a run, and move through its control steps.
    """
    from ..benchmark.media.task_picture import animate, check_endings, draw
    from ..envs.seed_ranges import checked_seed
    from ..tasks import load_task
    from .console import console

    if browser or isinstance(what, Path):
        _refuse_files(browser, png, gif)
        return _browse(what, port, seed)
    found = load_task(what, check=False)  # what is wrong with it may be seen
    check_endings(png, gif)
    seed = checked_seed(seed)
    if png is None and gif is None:
        from ..benchmark.media.viewer import show

        show(found, seed)
    for file, write in ((png, draw), (gif, animate)):
        if file is not None:
            console.print(f"picture  {write(found, file, seed)}", markup=False)
    return 0


def _refuse_files(browser: bool, *files: Path | None) -> None:
    """Refuse what does not go together.

    Raises:
        WrongUse: a run without a browser, or a browser and a file.
    """
    if not browser:
        raise WrongUse("a run is shown in a browser: add --browser; bimodal videos writes its videos")
    if any(files):
        raise WrongUse("--browser writes no files; leave it out, or --png and --gif")


def _browse(what: Any, port: int, seed: int) -> int:
    """Serve the page until Ctrl-C."""
    from ..benchmark.browser.films import run_films, task_films
    from ..benchmark.browser.show import BrowserView
    from ..envs.seed_ranges import checked_seed
    from ..tasks import load_task
    from .console import console, notices

    if not 0 < port < 65536:
        raise WrongUse(f"--port {port} is none; write a number from 1 to 65535")
    films: Films = (
        run_films(what) if isinstance(what, Path) else task_films(load_task(what), checked_seed(seed))
    )
    with BrowserView(films, port) as view:
        console.print(f"open {view.address} in a browser of this machine; Ctrl-C ends it", markup=False)
        view.play(lambda line: notices.print(line, markup=False))
    return 0
