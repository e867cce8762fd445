"""The leaderboard as one static folder that opens from disk: no server, no network, no fonts from afar.

index.html    the page
board.json    the same rows for programs, board.csv for spreadsheets
entries/      every entry, as it was checked
runs/         report and videos of the runs that were given
pictures/     the pictures of tasks
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from shutil import copyfile, rmtree
from typing import NamedTuple

from ..benchmark.report.html_page import render
from ..benchmark.report.run_origin import facts, reproduce
from ..benchmark.report.run_report import Plot, meaning, plots, write_pages
from ..benchmark.report.video_gallery import Clip, clips
from ..benchmark.scoring.perturbation_effects import MeanEffect, mean_effects
from ..benchmark.scoring.run_episodes import Run, read_run
from ..envs.errors import BimodalError, WrongUse
from ..envs.perturbations.core.variant import CLEAN
from ..envs.storage.atomic_write import write_text
from .board import Board, PolicyRow, board_rows
from .board_files import board_csv, board_json
from .entry import file_name
from .entry_model import Entry
from .files import pretty


class Profile(NamedTuple):
    """What the page says of one row besides its numbers."""

    row: PolicyRow
    overall: dict[tuple[str, str], MeanEffect]
    """What every variant costs it over the tasks, by variant and scenes."""
    file: str
    """Name of its entry file."""
    command: str
    """What runs the policy again."""
    facts: dict[str, str]
    report: str | None
    """Where its report lies in the site, None when its run was not given."""


class Picture(NamedTuple):
    """A picture in the section about the tasks."""

    file: str
    caption: str


class Shown(NamedTuple):
    """A run as the page shows it."""

    name: str
    """The policy's name."""
    suite: str
    """Hash of its suite."""
    folder: str
    """Its folder in the site."""
    plots: list[Plot]
    clips: dict[str, list[Clip]]


def build_site(
    entries: Sequence[Entry],
    out_dir: Path | str,
    runs: Sequence[Path | str] = (),
    pictures: Sequence[Path | str] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Path:
    """Build the site and return its index.html; called by `bimodal site` and `bimodal bench`.

    Args:
        entries: sound entries, as `folders.read_folders` returns them.
        out_dir: where the site goes; an earlier site there is replaced.
        runs: run folders whose reports, videos and mixture plots are shown.
        pictures: image files for the section about the tasks, captioned by their names.
        progress: called with finished parts, all parts and the part that comes next.

    Raises:
        BimodalError: a run is unfinished, or `out_dir` holds something else.
    """
    parts = len(runs) + 2
    progress(0, parts, "board")
    boards = board_rows(entries)
    found = _by_rank([read_run(run) for run in runs], boards)
    out = _fresh(Path(out_dir))
    files = dict(zip((entry.entry_id for entry in entries), _unlike(map(file_name, entries)), strict=True))
    for entry in entries:
        write_text(out / "entries" / files[entry.entry_id], pretty(entry.plain()))
    shown = []
    for run, file in zip(found, _unlike(file_name(run.record) for run in found), strict=True):
        progress(1 + len(shown), parts, run.record.policy.name)
        shown.append(_copy_run(run, out, file.removesuffix(".json")))
    progress(parts - 1, parts, "page")
    write_text(out / "board.json", board_json(boards))
    write_text(out / "board.csv", board_csv(boards))
    kept = _copy_pictures([Path(picture) for picture in pictures], out / "pictures")
    write_text(out / "index.html", _page(boards, files, shown, kept))
    progress(parts, parts, "")
    return out / "index.html"


def _page(
    boards: Sequence[Board], files: Mapping[str, str], shown: Sequence[Shown], pictures: Sequence[Picture]
) -> str:
    """Return index.html; `files` are the names of entry files by the entries' ids."""
    return render(
        Path(__file__).parent / "site.html",
        boards=boards,
        profiles={
            board.suite.hash: [_profile(row, files[row.entry.entry_id], shown) for row in board.rows]
            for board in boards
        },
        meaning_of=meaning,
        pictures=pictures,
        plots=_side_by_side(shown),
        clips=_examples(shown),
    )


# ----------------------------------------------------------------------------------- what is copied


def _fresh(out: Path) -> Path:
    """Return a folder for the site, emptied of an earlier one; what is not a site's is never deleted."""
    marker = out / ".bimodal-site"
    if out.exists() and (not out.is_dir() or (not marker.is_file() and any(out.iterdir()))):
        raise WrongUse(f"{out} is neither empty nor an earlier site; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for name in ("entries", "runs", "pictures"):
        rmtree(out / name, ignore_errors=True)
        (out / name).mkdir()
    for name in ("index.html", "board.json", "board.csv"):
        (out / name).unlink(missing_ok=True)
    return out


def _unlike(names: Iterable[str]) -> list[str]:
    """Return file names, numbered where they differ by case alone or not at all: `a.json`, `a-2.json`."""
    taken: dict[str, str] = {}
    for name in names:
        path = Path(name)
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        new = next(one for one in chain([name], numbered) if one.casefold() not in taken)
        taken[new.casefold()] = new
    return list(taken.values())


def _copy_run(run: Run, out: Path, name: str) -> Shown:
    target = out / "runs" / name
    (target / "videos").mkdir(parents=True, exist_ok=True)
    write_pages(run, target)
    videos = clips(run)
    for clip in (clip for shown in videos.values() for clip in shown):
        for file in filter(None, (clip.file, clip.poster)):
            copyfile(file, target / "videos" / file.name)
    return Shown(run.record.policy.name, run.record.suite.hash, f"runs/{name}", plots(run), videos)


def _copy_pictures(pictures: Sequence[Path], folder: Path) -> list[Picture]:
    shown = []
    for picture, name in zip(pictures, _unlike(picture.name for picture in pictures), strict=True):
        if not picture.is_file():
            raise BimodalError(f"{picture} is not a picture")
        copyfile(picture, folder / name)
        shown.append(Picture(f"pictures/{name}", picture.stem.replace("_", " ")))
    return shown


# ------------------------------------------------------------------------------------ what is shown


def _by_rank(runs: Iterable[Run], boards: Sequence[Board]) -> list[Run]:
    """Sort runs as their policies stand on the boards; those that are on none come last."""
    order = [row.policy for board in boards for row in board.rows]
    return sorted(runs, key=lambda r: (order + [r.record.policy.name]).index(r.record.policy.name))


def _profile(row: PolicyRow, file: str, shown: Sequence[Shown]) -> Profile:
    record = row.entry.run_record()
    own = [run.folder for run in shown if (run.name, run.suite) == (row.policy, record.suite.hash)]
    report = f"{own[0]}/report.html" if own else None
    overall = {(one.variant, one.scenes): one for one in mean_effects(row.shifts)}
    return Profile(row, overall, file, reproduce(record), facts(record), report)


def _side_by_side(shown: Sequence[Shown]) -> dict[str, list[tuple[str, Plot]]]:
    """Return the mixture plots of every task, one a policy."""
    tasks = dict.fromkeys(plot.task for run in shown for plot in run.plots)
    return {
        task: [(run.name, plot) for run in shown for plot in run.plots if plot.task == task] for task in tasks
    }


def _examples(shown: Sequence[Shown]) -> dict[str, list[tuple[str, str, Clip]]]:
    """Return for every task one video of each mode's success and of each kind of failure, clean ones first.

    Of every variant it is one more; a perturbed episode never stands for a clean one. Each is (policy,
    folder of the file in the site, clip).
    """
    tasks = dict.fromkeys(task for run in shown for task in run.clips)
    examples = {}
    for task in tasks:
        kinds: dict[tuple[str | None, ...], tuple[str, str, Clip]] = {}
        for run in shown:
            for clip in run.clips.get(task, []):
                ending = (clip.label, clip.mode if clip.group == "success" else None)
                kind = (CLEAN, *ending) if clip.variant == CLEAN else (clip.variant,)
                kinds.setdefault(kind, (run.name, f"{run.folder}/videos/", clip))
        examples[task] = sorted(kinds.values(), key=lambda example: example[2].variant != CLEAN)
    return examples
