"""The site's folder: emptied of an earlier site, and what is copied into it."""

from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path
from shutil import copyfile, rmtree
from typing import NamedTuple

from ...benchmark.diagnosis.known_causes import known_causes
from ...benchmark.report.run_report import Plot, plots, write_pages
from ...benchmark.report.run_tables import CauseRow, cause_rows
from ...benchmark.report.video_gallery import Clip, clips
from ...benchmark.scoring.run_episodes import Run
from ...envs.errors import BimodalError, WrongUse

FOLDERS = ("entries", "runs", "pictures", "policies", "tasks")
FILES = ("index.html", "compare.html", "about.html", "board.json", "board.csv", "pairs.json", "pairs.csv")
"""What a site is made of, beside its marker."""
_MARKER = ".bimodal-site"


class Picture(NamedTuple):
    """A picture that was given."""

    name: str
    """Its file's name without ending, the id of a task where it shows one."""
    file: str
    """Where it lies in the site."""


class Shown(NamedTuple):
    """A run as the pages show it."""

    policy: str
    """The policy's name."""
    suite: str
    """Hash of its suite."""
    folder: str
    """Its folder in the site."""
    plots: dict[str, Plot]
    """Where the hand acted, by task."""
    clips: dict[str, list[Clip]]
    """Its videos by task."""
    causes: list[CauseRow]
    """Why it failed, as far as it was diagnosed."""

    @property
    def videos(self) -> str:
        """Where its videos lie in the site."""
        return f"{self.folder}/videos/"


def fresh(out: Path) -> Path:
    """Return a folder for the site, emptied of an earlier one; what is not a site's is never deleted.

    Raises:
        WrongUse: it holds something else.
    """
    marker = out / _MARKER
    if out.exists() and (not out.is_dir() or (not marker.is_file() and any(out.iterdir()))):
        raise WrongUse(f"{out} is neither empty nor an earlier site; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for name in FOLDERS:
        rmtree(out / name, ignore_errors=True)
        (out / name).mkdir()
    for name in FILES:
        (out / name).unlink(missing_ok=True)
    return out


def unlike(names: Iterable[str]) -> list[str]:
    """Return file names, numbered where they differ by case alone or not at all: `a.json`, `a-2.json`."""
    taken: dict[str, str] = {}
    for name in names:
        path = Path(name)
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        new = next(one for one in chain([name], numbered) if one.casefold() not in taken)
        taken[new.casefold()] = new
    return list(taken.values())


def copy_run(run: Run, out: Path, name: str) -> Shown:
    """Write a run's report into `runs/<name>` of the site, copy its videos, and return what pages show."""
    target = out / "runs" / name
    (target / "videos").mkdir(parents=True, exist_ok=True)
    write_pages(run, target)
    videos = clips(run)
    for clip in (clip for shown in videos.values() for clip in shown):
        for file in filter(None, (clip.file, clip.poster)):
            copyfile(file, target / "videos" / file.name)
    return Shown(
        policy=run.record.policy.name,
        suite=run.record.suite.hash,
        folder=f"runs/{name}",
        plots={plot.task: plot for plot in plots(run)},
        clips=videos,
        causes=cause_rows(known_causes(run.folder, run.record.run_id)),
    )


def copy_pictures(pictures: Sequence[Path], folder: Path) -> list[Picture]:
    """Copy pictures into the site.

    Raises:
        BimodalError: one is no file.
    """
    shown = []
    for picture, name in zip(pictures, unlike(picture.name for picture in pictures), strict=True):
        if not picture.is_file():
            raise BimodalError(f"{picture} is not a picture")
        copyfile(picture, folder / name)
        shown.append(Picture(picture.stem, f"pictures/{name}"))
    return shown
