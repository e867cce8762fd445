"""The videos of a run, with what happens in each."""

import re
from pathlib import Path
from typing import NamedTuple

from ...envs.perturbations.core.variant import CLEAN
from ...tasks.core.outcomes import GROUPS, OUTCOMES
from ..records.shard_file import slug
from ..scoring.review_record import EpisodeKey
from ..scoring.run_episodes import Run, mode_names

_NAME = re.compile(r"(?P<task>.+-v\d+)-(?:(?P<variant>[a-z][a-z0-9_.-]*?)-)?(?P<seed>\d+)(?:-[A-Za-z].*)?")


class Clip(NamedTuple):
    """One video."""

    file: Path
    """Where it lies."""
    task: str
    """Task id; "" when the name says nothing."""
    variant: str
    """Variant, `clean` for none."""
    seed: int
    label: str
    """Verdict of the episode; "" when the name says nothing."""
    mode: str | None
    caption: str
    """What a reader sees in it."""

    @property
    def wide(self) -> bool:
        """Whether the clean twin stands beside it, as `filmed_episodes.py` then ends its name."""
        return self.file.stem.endswith("-beside_clean")

    @property
    def key(self) -> EpisodeKey:
        """Which episode it shows."""
        return self.task, self.variant, self.seed

    @property
    def group(self) -> str:
        """Group of the outcome; "" when the name says nothing."""
        return OUTCOMES[self.label].group if self.label else ""

    @property
    def poster(self) -> Path | None:
        """A still beside the video, shown before it plays."""
        still = self.file.with_suffix(".jpg")
        return still if still.is_file() and not still.is_symlink() else None


def clips(run: Run) -> dict[str, list[Clip]]:
    """Return the run's videos by task, in the suite's order, the clean ones first and of these the successes.

    Last come those of no task ("").

    A video is named `<task>-<seed>-<anything>.mp4`, with `<variant>-` before the seed if it is not `clean`;
    its verdict is looked up in the records, never read from the name.
    """
    found = [
        _clip(run, file) for file in sorted((run.folder / "videos").glob("*.mp4")) if not file.is_symlink()
    ]
    groups = ["", *GROUPS]
    found.sort(key=lambda c: (c.variant != CLEAN, c.variant, groups.index(c.group), c.seed))
    tasks = [*run.record.suite.tasks, ""]
    return {task: shown for task in tasks if (shown := [clip for clip in found if clip.task == task])}


def _clip(run: Run, file: Path) -> Clip:
    name = _NAME.fullmatch(file.stem)
    variants = {(task, slug(variant)): variant for task, variant in run.cells}
    variant = variants.get((name["task"], name["variant"] or CLEAN)) if name else None
    cell = run.cells[name["task"], variant] if name and variant else None
    if not name or not variant or not cell or int(name["seed"]) not in cell.seeds:
        return Clip(file, "", CLEAN, -1, "", None, file.stem.replace("-", " ").replace("_", " "))
    seed = int(name["seed"])
    row = cell.seeds.tolist().index(seed)
    label = str(cell.labels[row])
    mode = mode_names(name["task"], cell.modes)[row]
    words = f"{label}, {mode}" if mode else label
    shifted = "" if variant == CLEAN else f" · {variant}"
    return Clip(file, name["task"], variant, seed, label, mode, f"{words} · seed {seed}{shifted}")
