"""What a run may touch in a folder: never a stranger's files, and nothing that a link leads to.

Called by `RunFolder` before it writes or deletes anything, and whenever a run folder is read.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from ...envs.errors import WrongUse

LOCK = ".lock"
_FOLDERS = ("traces", "videos")
_FILES = (
    *("run.json", "episodes.parquet", "decisions.parquet", "faults.txt", "report.html", "SHA256SUMS"),
    *("card.json", "measures.parquet", "causes.json", "review.json"),
)
"""What a run writes, and what is measured and said of it."""


def refuse_links(path: Path) -> None:
    """Refuse a run folder of which a part is a link: what is written there would go elsewhere.

    Raises:
        WrongUse: a part is a link.
    """
    parts = [path / name for name in (LOCK, *_FOLDERS, *_FILES)]
    inside = [file for name in _FOLDERS if (path / name).is_dir() for file in (path / name).iterdir()]
    for file in (*parts, *inside, *drafts_in(path)):
        if file.is_symlink():
            raise WrongUse(f"{file} is a link, and a run folder has none; nothing was written")


def refuse_strangers(path: Path) -> None:
    """Refuse a folder that is not a run's and not empty.

    Raises:
        WrongUse: it holds other files.
    """
    if (path / "run.json").exists() or not path.is_dir():
        return
    drafts = set(drafts_in(path))
    for child in path.iterdir():
        ours = child.name == LOCK or child in drafts
        if not ours and not (child.name == "traces" and child.is_dir() and _only_drafts(child)):
            raise WrongUse(f"{path} is not a run folder; it is left as it is, choose another --out")


def drafts_in(path: Path) -> Iterator[Path]:
    """Yield the half-written files that a killed run left in its folder."""
    for name in _FILES:
        yield from path.glob(f".{name}.[0-9]*")
    yield from path.glob("traces/.*.npz.[0-9]*")


def _only_drafts(traces: Path) -> bool:
    return set(traces.iterdir()) <= set(traces.glob(".*.npz.[0-9]*"))


def empty(path: Path) -> None:
    """Delete what a run writes into its folder, and nothing else.

    Raises:
        WrongUse: the folder's run.json is not that of a run.
    """
    if _is_foreign(path / "run.json"):
        raise WrongUse(f"{path} is not a run folder; it is left as it is")
    for name in _FOLDERS:
        shutil.rmtree(path / name, ignore_errors=True)
    for name in _FILES:
        (path / name).unlink(missing_ok=True)
    (path / "traces").mkdir()


def _is_foreign(file: Path) -> bool:
    """Whether a run.json is somebody else's: sound JSON that no run of ours wrote."""
    try:
        raw = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and bool(raw) and not {"suite", "schema_version"} & set(raw)
