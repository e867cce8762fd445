"""What `bimodal leaderboard` printed, kept in the user's cache, so that the same files are checked once.

It counts only for the same files, the same code and libraries, and the same terminal. Nothing heavy is
imported here, since a board that is kept should come at once.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..envs.errors import BimodalError
from ..envs.rendering.gl import ASKED
from ..envs.storage.bounded_read import json_files, read_bounded
from ..envs.storage.user_cache import MOST_BYTES, keep, kept

MOST_KEPT = 32
"""Boards that are kept."""
HARMLESS = ("BIMODAL_QUIET", "BIMODAL_DEBUG", ASKED)
"""Variables of ours that change no board; the others name files that it may depend on."""
_FOLDER = "boards"
_ROOMS = ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli")


class Printed(NamedTuple):
    """What the command said."""

    out: str
    """Its output."""
    left_out: tuple[str, ...]
    """A line for every file that cannot stand on the board."""
    code: int
    """Its exit code."""


def board_key(folders: Sequence[Path], *terminal: object) -> str:
    """Return the sha256 of all that a board depends on; "" where nothing can be kept.

    Args:
        folders: of entries; their files count by name and content.
        terminal: what else the output depends on, such as its width.

    Raises:
        WrongUse: one is no folder.
    """
    files = list(json_files(folders))
    if any(name.startswith("BIMODAL_") and os.environ[name] for name in os.environ.keys() - {*HARMLESS}):
        return ""
    try:
        entries = [(str(path), _sha256(read_bounded(path, MOST_BYTES))) for path in files]
    except BimodalError:
        return ""
    # A library that comes, goes or changes its version changes the folder in which it lies.
    libraries = [(str(path), path.stat().st_mtime_ns) for path in map(Path, sys.path) if path.is_dir()]
    parts = [_own_code(), sys.version, libraries, [str(folder) for folder in folders], entries, terminal]
    return _sha256(json.dumps(parts).encode())


def kept_board(key: str) -> Printed | None:
    """Return what was printed for a key, None where nothing sound is kept."""
    content = kept(_FOLDER, key) if key else None
    if content is None:
        return None
    out, left_out, code = json.loads(content)
    return Printed(out, tuple(left_out), code)


def keep_board(key: str, printed: Printed) -> None:
    """Keep what was printed."""
    if key:
        keep(_FOLDER, key, json.dumps(printed).encode(), MOST_KEPT)


def _own_code() -> str:
    """Return the sha256 of everything in this package that decides what a board says."""
    root = Path(__file__).parents[1]
    files = (file for room in _ROOMS for file in _source(root / room))
    parts = (str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() for file in files)
    return _sha256(b"".join(parts))


def _source(folder: Path) -> Iterator[Path]:
    """Yield the code and the data below a folder, but not the entries, always in the same order."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - {"entries", "__pycache__"})
        yield from (Path(place, name) for name in sorted(names) if name.endswith((".py", ".json")))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
