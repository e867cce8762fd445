"""`bimodal export`: writes episodes of a run for other programs."""

from pathlib import Path
from typing import Annotated

from .arguments import argument, flag, option, task_option

EXAMPLE = "bimodal export runs/smoke-flow --mcap three.mcap --task PandaLiftDumbbell-v1 --episode 3"


def run(
    what: Annotated[Path, argument("RUN", "run folder, or artifact of `bimodal pack`")],
    mcap: Annotated[Path, option("FILE", "file to write, .mcap")],
    episode: Annotated[list[int], option("SEED", "seed of an episode (may be repeated)")],
    task: Annotated[str | None, task_option("its task  [default: the run's only one]")] = None,
    variant: Annotated[str, option("VARIANT", "its variant")] = "clean",
    pictures: Annotated[
        bool, flag("--pictures", "also what the camera in front sees, 5 times a second")
    ] = False,
) -> int:
    """Write episodes as MCAP, for Foxglove and other viewers.

    The file holds the poses of all bodies, actions, mixture coordinate, mode and contact forces of every
    control step, and the plans of policies that record them.
    """
    from ..benchmark.artifact.mcap_export import Exported, export_mcap
    from ..benchmark.artifact.read import open_run
    from ..benchmark.artifact.replay_episode import find_episode, plans_of
    from .console import console

    with open_run(what) as folder:
        found = [find_episode(folder, seed, task or "", variant) for seed in episode]
        count = export_mcap(mcap, [Exported(one, plans_of(folder, one)) for one in found], pictures)
    console.print(f"mcap     {mcap}: {len(found)} episodes, {count} messages", markup=False)
    return 0
