"""`bimodal import`: takes a data set of LeRobot as demonstrations of a task."""

from pathlib import Path
from typing import Annotated

from .arguments import RUNS, argument, option, task_option
from .demos import summary

EXAMPLE = "bimodal import data/dumbbell --task PandaLiftDumbbell-v1"


def run(
    folder: Annotated[Path, argument("FOLDER", "LeRobotDataset v3.0, with meta/info.json")],
    task: Annotated[
        str | None, task_option("the task that it shows  [default: what `bimodal export` wrote]")
    ] = None,
    out: Annotated[Path | None, option("FILE", "where to", default="runs/demos/TASK/NAME.npz")] = None,
) -> int:
    """Take a data set of LeRobot as demonstrations.

    Its columns must be those that `bimodal export --format lerobot` writes, with absolute poses, and each of
    its episodes must state seed, mode and success; an error names everything that is missing.
    """
    from ..benchmark.datasets.lerobot_reader import read_lerobot
    from ..envs.errors import WrongUse
    from ..tasks.demonstrations.collect import save
    from .console import console

    found = read_lerobot(folder, task or "")
    path = out or RUNS / "demos" / found.meta["task"] / f"{folder.resolve().name}.npz"
    if path.exists():
        raise WrongUse(f"{path} is there already; name another file by --out, or remove it")
    save(found, path)
    console.print(summary(found, path), markup=False)
    return 0
