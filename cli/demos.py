"""`bimodal demos`: records demonstrations of a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from .arguments import REGIMES, RUNS, Task, choice, number, option

if TYPE_CHECKING:
    from ..tasks.demonstrations.record import Demonstrations

EXAMPLE = "bimodal demos PandaLiftPot-v1 --episodes 20 --regime bi70"

Episodes = Annotated[int | None, number("demonstrations in all", "300, or 296 to show 8 modes equally often")]
Regime = Annotated[
    str,
    choice(
        "regime",
        "which modes are shown: bi50 both equally, bi70 and bi90 the first more often, uni only the first, "
        "ctx by the part of the table, graded both, some badly, human by a coin, as people do, "
        "rare one mode seldom, unpaired both equally and no scene twice",
        REGIMES,
    ),
]
Seed = Annotated[int, number("number of the demonstration set")]
Noise = Annotated[float, option("MM", "process noise [mm]")]
Threads = Annotated[int | None, number("simulation threads", "one a core")]
Out = Annotated[Path | None, option("FILE", "where to", default="runs/demos/TASK/REGIME-EPISODES-sSEED.npz")]


def run(
    task: Task,
    episodes: Episodes = None,
    regime: Regime = "bi50",
    seed: Seed = 0,
    noise: Noise = 1.0,
    threads: Threads = None,
    out: Out = None,
) -> int:
    """Record demonstrations of a task by its scripted experts."""
    from ..benchmark.provenance import cores
    from ..envs.errors import WrongUse
    from ..policies.core.dataset import EPISODES
    from ..tasks import load_task
    from ..tasks.demonstrations.collect import collect, save
    from ..tasks.demonstrations.grades import KINDS
    from ..tasks.demonstrations.regimes import whole_scenes
    from .console import console, progress_bar

    shown = load_task(task)
    if out and out.suffix != ".npz":
        raise WrongUse(f"--out names a file of demonstrations, such as {out}.npz")
    episodes = whole_scenes(shown, EPISODES) if episodes is None else episodes
    path = out or demonstrations_file(task, regime, episodes, seed)
    with progress_bar(f"{task} {regime}", "episodes") as update:
        found = collect(shown, regime, episodes, seed, noise / 1000, threads or cores(), update)
    save(found, path)
    console.print(summary(found, path), markup=False)
    for index, kind in enumerate(() if found.kinds is None else KINDS):
        meant = found.kinds == index
        console.print(f"{kind}: {meant.sum()} episodes, {found.success[meant].sum()} succeed", markup=False)
    return 0


def summary(found: "Demonstrations", path: Path) -> str:
    """Return what a file of demonstrations holds, in a line."""
    from ..tasks import load_task

    modes = load_task(found.meta["task"]).modes
    shares = ", ".join(f"{(found.modes == mode).mean():.0%} {name}" for mode, name in enumerate(modes))
    return f"{path}: {len(found.seeds)} episodes ({shares}), {found.success.mean():.1%} succeed"


def demonstrations_file(
    task: str, regime: str, episodes: int, seed: int, folder: Path = RUNS / "demos"
) -> Path:
    """Return where a demonstration set lies by default."""
    return folder / task / f"{regime}-{episodes}-s{seed}.npz"
