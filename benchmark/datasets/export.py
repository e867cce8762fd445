"""Writes demonstrations or runs in the format of another library; called by `bimodal export --format`."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ...envs.errors import WrongUse
from ...envs.storage.atomic_write import disk_error
from .episodes import DataSource, Episode
from .from_demonstrations import RECORDED, demonstration_source
from .from_run import run_source
from .hdf5 import require_hdf5
from .lerobot_writer import write_lerobot
from .minari_writer import minari_id, write_minari
from .robomimic_writer import ACTION as ROBOMIMIC_ACTION
from .robomimic_writer import write_robomimic

WRITERS = {"lerobot": write_lerobot, "robomimic": write_robomimic, "minari": write_minari}
"""Writers by the name of their format: (folder or file, source) -> steps."""


CAMERAS = ("front", "wrist")
"""Cameras whose pictures are written."""


class Selection(NamedTuple):
    """Which episodes of a run are meant; demonstrations are written as a whole."""

    task: str = ""
    variant: str = "clean"
    seeds: Sequence[int] = ()


class Written(NamedTuple):
    """What was written."""

    path: Path
    episodes: int
    steps: int
    action: str
    minari_id: str = ""
    """By which name Minari finds it; "" in other formats."""


def export_data(
    what: Path,
    format: str,
    out: Path,
    action: str = "",
    selection: Selection = Selection(),  # noqa: B008 (immutable)
    pictures: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a data set.

    Args:
        what: an npz file of demonstrations, or the folder of a run.
        format: one of `WRITERS`.
        out: a new folder; for robomimic a file, .hdf5; for Minari the root of its data sets.
        action: the action space; "" for the recorded one, for robomimic `ee_delta`.
        selection: of a run.
        pictures: whether to write what the cameras of `CAMERAS` see; for LeRobot alone.
        progress: called with (episodes done, episodes).

    Raises:
        BimodalError: nothing of the kind is there, `out` is there already, or the disk refuses.
    """
    if format != "lerobot":
        require_hdf5()
        if pictures:
            raise WrongUse(f"pictures are written for lerobot alone, not for {format}; leave out --pictures")
    if format == "robomimic":
        action = _robomimic_action(action, out)
    source = _source(what, action, selection, CAMERAS if pictures else ())
    path = out / minari_id(source) if format == "minari" else out
    counted = _Counted(source, progress)
    with _whole_or_nothing(path, folder=format != "robomimic") as draft:
        steps = WRITERS[format](draft, source._replace(episodes=counted))
        if not counted.done:
            raise WrongUse(f"{what} has no episode with an action; there is nothing to write")
    known = minari_id(source) if format == "minari" else ""
    return Written(path, counted.done, steps, source.action, known)


def _robomimic_action(action: str, out: Path) -> str:
    """Return the action space of a file for robomimic; refuse what it does not read."""
    if action not in ("", ROBOMIMIC_ACTION):
        raise WrongUse(f"robomimic wants numbers from -1 to 1, so {ROBOMIMIC_ACTION}, not {action}")
    if out.suffix != ".hdf5":
        raise WrongUse(f"cannot write {out}: the name must end in .hdf5")
    return ROBOMIMIC_ACTION


def _source(what: Path, action: str, selection: Selection, cameras: tuple[str, ...]) -> DataSource:
    if what.suffix != ".npz":
        return run_source(what, selection.task, selection.variant, selection.seeds, action, cameras)
    if selection != Selection():
        raise WrongUse(f"{what} is written as a whole; leave out --task, --variant and --episode")
    return demonstration_source(what, action or RECORDED, cameras)


class _Counted:
    """The episodes of a source, counted as they pass."""

    def __init__(self, source: DataSource, progress: Callable[[int, int], None] | None) -> None:
        self.done = 0
        self._source = source
        self._progress = progress

    def __iter__(self) -> Iterator[Episode]:
        for episode in self._source.episodes:
            self.done += 1
            yield episode
            if self._progress:
                self._progress(self.done, self._source.size)


@contextmanager
def _whole_or_nothing(path: Path, folder: bool) -> Iterator[Path]:
    """Yield where to write: it becomes `path` when the block ends well, and vanishes when not.

    Raises:
        BimodalError: `path` is there already, or the disk refuses.
    """
    if path.exists() or path.is_symlink():
        raise WrongUse(f"{path} is there already; name another place by --out, or remove it")
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        if folder:
            draft.mkdir()
        yield draft
        draft.rename(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        _remove(draft)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
