"""`bimodal merge`: joins the parts of a run that were played side by side."""

from functools import partial
from pathlib import Path
from typing import Annotated

from .arguments import argument, flag, option
from .videos import present

EXAMPLE = "bimodal merge runs/core-flow.1of2 runs/core-flow.2of2"


def run(
    parts: Annotated[list[Path], argument("PART...", "run folders of all parts, in any order")],
    out: Annotated[
        Path | None, option("FOLDER", "folder of the whole run", default="runs/SUITE-POLICY")
    ] = None,
    no_videos: Annotated[bool, flag("--no-videos", "render no videos")] = False,
) -> int:
    """Join the parts of a run that were played side by side.

    `bimodal evaluate --shard` wrote the parts. What comes out is what one machine would have written: the
    same episodes, tables and entry. Parts that are missing, unfinished, changed or of another run are
    refused.
    """
    from ..benchmark.evaluation.merge import merge
    from .console import notices

    present(merge(parts, out, partial(notices.print, markup=False)), with_videos=not no_videos)
    return 0
