"""`bimodal diagnose`: finds which interface broke in a run's failed episodes (docs/diagnosis.md)."""

from pathlib import Path
from typing import Annotated

from .arguments import Json, Workers, argument, flag, number, task_option

EXAMPLE = "bimodal diagnose runs/smoke-mse --failures 20"


def run(
    run_folder: Annotated[Path, argument("RUN_FOLDER", "folder that `bimodal evaluate` wrote")],
    failures: Annotated[int, number("failed episodes at most, evenly from every task and variant")] = 100,
    task: Annotated[str | None, task_option("this task alone")] = None,
    reruns: Annotated[int, number("re-runs with new noise of each repair")] = 8,
    episodes: Annotated[bool, flag("--episodes", "also list the re-runs of the first episodes")] = False,
    json: Json = False,
    workers: Workers = None,
) -> int:
    """Find why episodes failed, by repairing one thing at a time.

    The policy is run again, so what it is made of must be there. The causes are kept in causes.json.
    """
    from ..benchmark.diagnosis.causes_table import cause_table, episode_table
    from ..benchmark.diagnosis.diagnose import diagnose
    from ..benchmark.provenance import cores
    from ..benchmark.report.run_report import renew_report
    from ..benchmark.scoring.run_episodes import read_run
    from .console import console, print_json, progress_bar

    found = read_run(run_folder)
    count = cores() if workers is None else workers
    with progress_bar("diagnosis", "episodes") as update:
        causes = diagnose(found, failures, task, reruns, count, update)
    renew_report(run_folder)
    if json:
        print_json(causes.plain())
    elif not causes.episodes:
        console.print("no episode failed", markup=False)
    else:
        console.print(cause_table(causes))
        if episodes:
            console.print(episode_table(causes))
        seconds = f"{len(causes.episodes)} episodes in {causes.wall_s:.0f} s"
        console.print(f"causes   {run_folder / 'causes.json'} ({seconds})", markup=False)
    return 0
