"""`bimodal pack`: puts a run into one file that another reader can check and replay."""

from pathlib import Path
from typing import Annotated

from .arguments import argument, flag, option

EXAMPLE = "bimodal pack runs/smoke-flow --out smoke-flow.zip"


def run(
    run_folder: Annotated[Path, argument("RUN_FOLDER", "folder that `bimodal evaluate` wrote")],
    out: Annotated[Path | None, option("FILE", "file to write, .zip", default="RUN_FOLDER.zip")] = None,
    no_videos: Annotated[bool, flag("--no-videos", "leave the videos out")] = False,
) -> int:
    """Put a run into one file that others can check and replay.

    The artifact holds the records, the traces, the report and the videos, with the sum of every file, and is
    the same to the last byte each time. A run that is not finished or was changed is refused.
    """
    from ..benchmark.artifact.pack import pack
    from ..benchmark.artifact.read import read_header
    from .console import console

    path = pack(run_folder, out, not no_videos)
    header = read_header(path)
    size = path.stat().st_size / 1e6
    text = f"{header.policy} on {header.suite.name}, {header.episodes} episodes, {size:.3g} MB"
    console.print(f"artifact {path}: {text}", markup=False)
    return 0
