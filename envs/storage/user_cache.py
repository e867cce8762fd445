"""Small results in the user's cache folder: they only save time, so a doubtful one is ignored."""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

from ..errors import BimodalError

MOST_BYTES = 5_000_000
"""Largest content that is kept, and that is read [bytes]."""


def kept(folder: str, name: str) -> bytes | None:
    """Return what is kept under a name, and count it as used; called by the command line for printed boards.

    None where it is absent or damaged, or where another user can have written it.
    """
    place = _place(folder)
    if not _ours_alone(place):
        return None
    try:
        descriptor = os.open(place / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return None
            digest, _, content = file.read(MOST_BYTES + 66).partition(b"\n")
        os.utime(place / name)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def keep(folder: str, name: str, content: bytes, most: int) -> None:
    """Keep at most `most` contents in a folder, the one that was used longest ago goes first.

    A disk or a folder that refuses costs nothing but the time to compute it again.
    """
    from .atomic_write import write_bytes  # imports NumPy, which who only reads need not wait for

    place = _place(folder)
    with suppress(OSError, BimodalError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _ours_alone(place) and len(content) <= MOST_BYTES:
            write_bytes(place / name, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            for path in sorted(place.iterdir(), key=lambda path: path.stat().st_mtime)[:-most]:
                path.unlink()


def _place(folder: str) -> Path:
    return platformdirs.user_cache_path("bimodal-bench") / folder


def _ours_alone(folder: Path) -> bool:
    """Whether it is a folder, and no link, into which this user alone can write; never on Windows."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    ours = hasattr(os, "geteuid") and found.st_uid == os.geteuid()
    return ours and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022
