"""`bimodal scenes`: draws the scenes that the generator makes of a task."""

from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import RUNS, Task, option, variant_option

EXAMPLE = "bimodal scenes PandaLiftPot-v1 --variant scene.texture:2"


def run(
    task: Task,
    seed: Annotated[str, option("SEEDS", "one episode, or START..END with both included")] = "0..15",
    variant: Annotated[str, variant_option("e.g. scene.distractors:2+scene.texture:1")] = "clean",
    camera: Annotated[str, option("NAME", "front, side, top, closeup or wrist")] = "front",
    png: Annotated[Path, option("FILE", "picture to write, .png or .jpg")] = RUNS / "scenes.png",
) -> int:
    """Draw a sheet of the scenes that variants make of a task."""
    from ..benchmark.media.contact_sheet import contact_sheet
    from ..tasks import load_task
    from .console import console, progress_bar

    with progress_bar(f"{task} {variant}", "scenes") as update:
        path = contact_sheet(load_task(task), scene_seeds(seed), png, variant, camera, update)
    console.print(f"sheet    {path}", markup=False)
    return 0


def scene_seeds(text: str) -> range:
    """Parse `START..END` (inclusive) or one seed.

    Raises:
        WrongUse: it is neither, or no seed can be so large.
    """
    from ..envs.seed_ranges import checked_seed

    first, dots, last = text.partition("..")
    if not first.isdecimal() or not (last.isdecimal() or not dots):
        raise WrongUse(f"--seed {text!r} is not a seed or START..END, e.g. 3 or 0..15")
    return range(checked_seed(int(first)), checked_seed(int(last or first)) + 1)
