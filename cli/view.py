"""`bimodal view`: shows a task in a window, or draws it into files."""

from pathlib import Path
from typing import Annotated

from .arguments import Task, number, option

EXAMPLE = "bimodal view PandaLiftPot-v1 --png pot.png"


def run(
    task: Task,
    png: Annotated[Path | None, option("FILE", "write a still instead: .png or .jpg")] = None,
    gif: Annotated[Path | None, option("FILE", "write the modes as they move instead: .gif")] = None,
    seed: Annotated[int, number("of the scene")] = 0,
) -> int:
    """Show a task's modes, their average and its dead zone.

    In a window the modes play in turn. A file also shows where the task may lie, from above.
    """
    from ..benchmark.media.task_picture import animate, check_endings, draw
    from ..envs.seed_ranges import checked_seed
    from ..tasks import load_task
    from .console import console

    found = load_task(task, check=False)  # what is wrong with it may be seen
    check_endings(png, gif)
    seed = checked_seed(seed)
    if png is None and gif is None:
        from ..benchmark.media.viewer import show

        show(found, seed)
    for file, write in ((png, draw), (gif, animate)):
        if file is not None:
            console.print(f"picture  {write(found, file, seed)}", markup=False)
    return 0
