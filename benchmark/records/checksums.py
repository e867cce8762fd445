"""SHA256SUMS of a run's folder: written when it is finished, compared when it is read."""

from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from ...envs.storage.atomic_write import write_text
from ...envs.storage.bounded_read import read_bounded
from .shard_file import sha256

_LARGEST = 4_000_000
"""Bytes of a SHA256SUMS that are read."""
_ONE_AT_A_TIME = Lock()
"""Held while sums are added: in a review a video may be drawn just when a remark is saved."""


def seal(path: Path) -> None:
    """Write SHA256SUMS over every file of a run."""
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith((".", "SHA256SUMS")))
    lines = [f"{sha256(f)}  {f.relative_to(path)}\n" for f in files]
    write_text(path / "SHA256SUMS", "".join(lines))


def add_to_seal(path: Path, names: Iterable[str]) -> None:
    """Bring the sums of some files up to date, which were added to a finished run; the others' stay."""
    file = path / "SHA256SUMS"
    with _ONE_AT_A_TIME:
        if not file.is_file():  # the run is not finished
            return
        sums = read_sums(file) | {name: sha256(path / name) for name in names}
        write_text(file, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))


def read_sums(file: Path) -> dict[str, str]:
    """Return the sha256 of every file that a SHA256SUMS names; of one that is not text, none.

    Raises:
        WrongUse: it cannot be read, or is too large.
    """
    return parse_sums(read_bounded(file, _LARGEST))


def parse_sums(content: bytes) -> dict[str, str]:
    """Return the sha256 of every file that the content of a SHA256SUMS names."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def changed_files(path: Path, names: tuple[str, ...]) -> list[str]:
    """Return which of a run's files are not those that it was sealed with; none where it is not sealed."""
    if not (path / "SHA256SUMS").is_file():
        return []
    sums = read_sums(path / "SHA256SUMS")
    return [name for name in names if sums.get(name) != sha256(path / name)]
