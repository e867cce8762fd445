"""`bimodal measures`: what a finished run's episodes did, from their traces."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..envs.errors import WrongUse
from .arguments import Json, Workers, argument, flag, option

if TYPE_CHECKING:
    from ..benchmark.measures.measures_file import Measured
    from ..benchmark.scoring.run_episodes import Run

EXAMPLE = "bimodal measures runs/smoke-flow --csv episodes.csv"


def run(
    what: Annotated[Path, argument("RUN", "run folder, or artifact of `bimodal pack`")],
    json: Json = False,
    csv: Annotated[Path | None, option("FILE", "also write every episode's measures as CSV")] = None,
    fresh: Annotated[bool, flag("--fresh", "measure again what is kept already")] = False,
    workers: Workers = None,
) -> int:
    """Measure a run's episodes: unsafe events, times, smoothness.

    The recorded actions are stepped again without the policy. What was measured is kept in the run folder as
    measures.parquet, and in its report.
    """
    from ..benchmark.artifact.read import open_run
    from ..benchmark.measures.cell_summary import summarise
    from ..benchmark.measures.measures_file import write_csv
    from ..benchmark.report.measures_table import measures_table
    from ..benchmark.report.terminal_tables import scene_table
    from ..benchmark.scoring.run_episodes import read_run
    from .console import console, print_json

    if csv is not None and csv.is_dir():
        raise WrongUse(f"--csv {csv} is a folder; name a file, e.g. {csv / 'episodes.csv'}")
    with open_run(what) as folder:
        found = read_run(folder)
        cells = measured(found, fresh, workers)
    if csv is not None:
        write_csv(csv, cells)
    summaries = summarise(found, cells)
    if json:
        print_json([summary.plain() for summary in summaries])
        return 0
    console.print(measures_table(summaries))
    if (choices := scene_table(found)) is not None:
        console.print(choices)
    return 0


def measured(found: "Run", fresh: bool = False, workers: int | None = None) -> "Measured":
    """Return what is kept of a run; else measure it, tell what that cost, and renew its report."""
    from ..benchmark.measures.measure_run import read_measures
    from ..benchmark.measures.measures_file import stored_measures
    from ..benchmark.records.checksums import seal
    from ..benchmark.report.run_report import write_report
    from .console import notices, progress_bar

    kept = None if fresh else stored_measures(found)
    if kept is not None:
        return kept
    begin = time.monotonic()
    with progress_bar("measuring", "episodes") as update:
        cells = read_measures(found, workers, update, fresh=True)
    took = time.monotonic() - begin
    ran = found.record.wall_s
    share = f", {took / ran:.0%} of the {ran:.0f} s of the run itself" if ran else ""
    notices.print(f"measured in {took:.1f} s{share}", markup=False)
    if (found.folder / "report.html").is_file():
        write_report(found.folder)
    seal(found.folder)
    return cells
