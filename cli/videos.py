"""`bimodal videos`: shows a run again, from its records."""

from pathlib import Path
from typing import Annotated

from .arguments import argument, choice

EXAMPLE = "bimodal videos runs/smoke-flow --size 720p"
SIZES = {"480p": (640, 480), "720p": (960, 720)}
"""Width and height of a video by name [pixels]."""


def run(
    run_folder: Annotated[Path, argument("RUN_FOLDER", "folder that `bimodal evaluate` wrote")],
    size: Annotated[
        str | None,
        choice("size", "480p or 720p; draws existing videos anew", tuple(SIZES), "480p, existing ones kept"),
    ] = None,
) -> int:
    """Print a run's table, render its videos, write its report."""
    from ..benchmark.records.run_folder import read_run_record

    read_run_record(run_folder)
    present(run_folder, size=size)
    return 0


def present(path: Path, with_videos: bool = True, size: str | None = None, brief: bool = False) -> None:
    """Print a run's table, render its videos from its traces, few if `brief`, write its report."""
    from ..benchmark.media.videos import render_videos
    from ..benchmark.records.checksums import seal
    from ..benchmark.records.fault_file import NAME as FAULTS
    from ..benchmark.report.run_report import write_report
    from ..benchmark.report.terminal_tables import request_table, run_table, scene_table, shift_table
    from ..benchmark.scoring.panel_limits import unseen
    from ..benchmark.scoring.run_episodes import clipping, faults, read_run
    from .console import console, progress_bar

    found = read_run(path)
    console.print(run_table(found))
    console.print(unseen(found), markup=False)
    if (choices := scene_table(found)) is not None:
        console.print(choices)
    if (asked := request_table(found)) is not None:
        console.print(asked)
    if (shifts := shift_table(found)) is not None:
        console.print(shifts)
    if text := clipping(found):
        console.print(text, markup=False)
    for text in faults(found)[:3]:
        console.print(f"the policy's fault in {text}", markup=False)
    if (path / FAULTS).is_file():
        console.print(f"where    {path / FAULTS} has the first traceback of each kind", markup=False)
    try:
        if with_videos:
            with progress_bar("videos", "clips") as update:
                anew = size is not None
                render_videos(path, size=SIZES[size or "480p"], progress=update, anew=anew, brief=brief)
    finally:  # without a way to draw there is still a report
        console.print(f"report   {write_report(path)}", markup=False)
        seal(path)
