"""`bimodal export`: writes demonstrations, or episodes of a run, for other programs."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from ..envs.errors import WrongUse
from .arguments import ACTIONS, FORMATS, argument, choice, flag, option, task_option, variant_option

EXAMPLE = (
    "bimodal export runs/demos/PandaLiftDumbbell-v1/bi50-300-s0.npz --format lerobot --out data/dumbbell"
)

Format = Annotated[
    str | None,
    choice("format", "format of a data set for other libraries", FORMATS, "none"),
]
Actions = Annotated[
    str | None,
    choice("action space", "how actions are written", ACTIONS, "as recorded; for robomimic ee_delta"),
]


def run(
    what: Annotated[
        Path, argument("WHAT", "demonstrations (.npz), run folder, or artifact of `bimodal pack`")
    ],
    format: Format = None,
    out: Annotated[
        Path | None,
        option("PATH", "new folder; for robomimic a file (.hdf5), for minari the root of its data sets"),
    ] = None,
    actions: Actions = None,
    mcap: Annotated[Path | None, option("FILE", "write a log of episodes of a run, .mcap")] = None,
    episode: Annotated[
        list[int] | None,
        option("SEED", "seed of an episode (may be repeated)", default="all; --mcap must name some"),
    ] = None,
    task: Annotated[str | None, task_option("its task  [default: the run's only one]")] = None,
    variant: Annotated[str, variant_option("its variant")] = "clean",
    pictures: Annotated[
        bool, flag("--pictures", "also what cameras see: for lerobot videos, for --mcap 5 pictures a second")
    ] = False,
) -> int:
    """Write data for LeRobot, robomimic, Minari or MCAP viewers.

    A data set has every episode with what was observed, actions, rewards, seed, mode and label. An MCAP
    log, for Foxglove and Rerun, has the poses of all bodies, actions, mixture coordinate, mode and contact
    forces of every control step, and the plans of policies that record them.
    """
    if (mcap is None) == (format is None):
        raise WrongUse("say what to write: either --format lerobot|robomimic|minari, or --mcap FILE")
    if mcap is not None:
        if out is not None or actions is not None:
            raise WrongUse("--out and --actions belong to --format; --mcap names its own file")
        return _log(what, mcap, episode or [], task or "", variant, pictures)
    if out is None:
        raise WrongUse("say where to write the data set: --out PATH")
    which = (task or "", variant, tuple(episode or ()))
    return _data_set(what, str(format), out, actions or "", which, pictures)


def _log(what: Path, mcap: Path, seeds: list[int], task: str, variant: str, pictures: bool) -> int:
    from ..benchmark.artifact.mcap_export import Exported, export_mcap
    from ..benchmark.artifact.read import open_run
    from ..benchmark.artifact.replay_episode import find_episode, plans_of
    from .console import console

    if not seeds:
        raise WrongUse("missing argument episode: --mcap writes the episodes that --episode SEED names")
    with open_run(what) as folder:
        found = [find_episode(folder, seed, task, variant) for seed in seeds]
        count = export_mcap(mcap, [Exported(one, plans_of(folder, one)) for one in found], pictures)
    console.print(f"mcap     {mcap}: {len(found)} episodes, {count} messages", markup=False)
    return 0


def _data_set(
    what: Path, format: str, out: Path, actions: str, which: tuple[str, str, tuple[int, ...]], pictures: bool
) -> int:
    from ..benchmark.artifact.read import open_run
    from ..benchmark.datasets.export import Selection, export_data
    from .console import console, progress_bar

    opened = nullcontext(what) if what.suffix == ".npz" else open_run(what)
    with opened as found, progress_bar(f"{format} {out}", "episodes") as update:
        written = export_data(found, format, out, actions, Selection(*which), pictures, update)
    text = f"{written.path}: {written.episodes} episodes, {written.steps} steps, actions {written.action}"
    console.print(text, markup=False)
    if written.minari_id:
        console.print(f"MINARI_DATASETS_PATH={out}, minari.load_dataset({written.minari_id!r})", markup=False)
    return 0
