"""Chooses which episodes of a run get a video."""

from pathlib import Path
from typing import NamedTuple

from ...envs.perturbations.core.variant import CLEAN
from ...tasks.core.outcomes import OUTCOMES
from ..records.shard_file import slug
from ..scoring.run_episodes import mode_names, read_run

BESIDE_CLEAN = "beside_clean"
"""Ends the name of a video that shows a shifted episode beside its clean twin."""


class FilmedEpisode(NamedTuple):
    """An episode that gets a video."""

    task: str
    variant: str
    seed: int
    shard: int
    """Number of the shard that holds it."""
    label: str
    mode: str
    """Name of the realised mode, "" for none."""
    steps: int
    """Its length [control steps]."""
    twin: "FilmedEpisode | None" = None
    """The same seed in the clean world, shown to its left; None where it is shown alone."""

    @property
    def file(self) -> str:
        """Name of its video, as `video_gallery.py` reads it."""
        variant = [] if self.variant == CLEAN else [slug(self.variant)]
        mode = [self.mode.replace(" ", "_")] if self.mode else []
        twin = [BESIDE_CLEAN] if self.twin else []
        return "-".join([self.task, *variant, str(self.seed), self.label, *mode, *twin]) + ".mp4"


def episodes_to_film(run_dir: Path | str, brief: bool = False) -> list[FilmedEpisode]:
    """Return what is worth seeing of a finished run; `render_videos` calls it.

    Task by task of the clean episodes one success in each mode and one failure of each kind; of every variant
    one episode that it broke, or any if it broke none, beside its clean twin. It is always the one with the
    lowest seed.

    Args:
        run_dir: the run's folder.
        brief: of those only one of each outcome, of as many tasks as there are.

    Raises:
        BimodalError: not a finished run.
    """
    chosen: dict[tuple[str, ...], FilmedEpisode] = {}
    unbroken: dict[tuple[str, ...], FilmedEpisode] = {}
    clean: dict[tuple[str, int], FilmedEpisode] = {}
    for (task, variant), cell in read_run(run_dir).cells.items():
        modes = [mode or "" for mode in mode_names(task, cell.modes)]
        columns = (cell.seeds.tolist(), cell.shards.tolist(), cell.labels, modes, cell.steps.tolist())
        for values in zip(*columns, strict=True):
            episode = FilmedEpisode(task, variant, *values)
            if episode.steps < 1:
                continue
            success = OUTCOMES[episode.label].success
            if variant == CLEAN:
                clean[task, episode.seed] = episode
                kind = episode.mode if success else ""
                chosen.setdefault((task, variant, episode.label, kind), episode)
            else:
                twin = clean.get((task, episode.seed))
                broken = not success and twin is not None and OUTCOMES[twin.label].success
                (chosen if broken else unbroken).setdefault((variant,), episode._replace(twin=twin))
    found = list((chosen | {key: one for key, one in unbroken.items() if key not in chosen}).values())
    return _brief(found) if brief else found


def _brief(episodes: list[FilmedEpisode]) -> list[FilmedEpisode]:
    """Return one episode of each outcome: a clean one, of a task that is not shown yet, if there is one."""
    chosen: list[FilmedEpisode] = []
    for label in dict.fromkeys(episode.label for episode in episodes):
        shown = {other.task for other in chosen}
        alike = [episode for episode in episodes if episode.label == label]
        chosen.append(min(alike, key=lambda episode: (episode.variant != CLEAN, episode.task in shown)))
    return chosen
