"""Reads artifacts, which may come from anybody: the header alone, or all files into a private folder.

An artifact's files are stored as they are, uncompressed, so nothing in it can be larger than itself. What is
not exactly as `bimodal pack` writes it is refused before anything is written.
"""

import hashlib
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from ...envs.errors import BimodalError, WrongUse
from ..records.checksums import parse_sums
from ..records.field_types import problems
from ..records.run_folder import read_run_record
from .members import HEADER, NEEDED, SUMS, VERSION, ArtifactHeader, is_member

MOST_BYTES = 4 * 2**30
"""Size of an artifact that is read."""
MOST_FILES = 60_000
"""Files of an artifact that are read."""
_MOST_LISTED = 400 * MOST_FILES
"""Bytes of the list of files at the end of an artifact."""
_MOST_TEXT = 8_000_000
"""Bytes of the header and of SHA256SUMS, which are read as a whole."""
_END = struct.Struct("<4s4H2LH")
"""What a zip ends with: mark, disks, files, size and place of the list of files, length of a comment."""
_ZIP = b"PK\x03\x04"


def is_artifact(path: Path | str) -> bool:
    """Whether a path leads to a zip file, which is read as an artifact."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_ZIP)) == _ZIP
    except OSError:
        return False


@contextmanager
def open_run(path: Path | str) -> Iterator[Path]:
    """Yield the folder of a run, given as a folder or as an artifact; for commands that only read.

    An artifact is checked, and unpacked into a private folder that is deleted at the end.

    Raises:
        BimodalError: the artifact is damaged, hostile or of a newer version.
    """
    if not is_artifact(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="bimodal-") as folder:
        yield unpack(path, Path(folder) / (Path(path).stem.strip(".") or "run"))


def read_header(path: Path | str) -> ArtifactHeader:
    """Return what an artifact is of, without reading anything else of it.

    Raises:
        BimodalError: it is no artifact, or one of a newer version.
    """
    with _opened(Path(path)) as archive:
        return _header(archive)


def unpack(path: Path | str, folder: Path) -> Path:
    """Check an artifact and write its files into a new folder; return the folder.

    Raises:
        BimodalError: a file is missing, too much, changed, or of another run.
    """
    with _opened(Path(path)) as archive:
        header = _header(archive)
        sums = _sums(archive, header)
        (folder / "traces").mkdir(parents=True)
        (folder / "videos").mkdir()
        (folder / SUMS).write_bytes(_read(archive, SUMS))
        for name, digest in sums.items():
            with archive.open(name) as member, (folder / name).open("xb") as file:
                if _copied(member, file) != digest:
                    raise BimodalError(f"{path}: {name} is not the file that was packed; its sum differs")
    record = read_run_record(folder)
    if (record.run_id, record.suite, record.policy.name) != (header.run_id, header.suite, header.policy):
        raise BimodalError(f"{path} is damaged: {HEADER} is of another run than run.json")
    return folder


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an artifact whose list of files is sound; say in one line what is wrong with another."""
    try:
        with path.open("rb") as file:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                _check_members(archive)
                yield archive
    except _Unsound as error:
        raise BimodalError(f"{path} is no sound artifact: {error}") from None
    except (zipfile.BadZipFile, struct.error, RuntimeError, EOFError, ValueError) as error:
        raise BimodalError(f"{path} is no sound artifact: {error}") from error


class _Unsound(Exception):
    """Why an artifact is refused."""


def _check_end(file: IO[bytes]) -> None:
    """Refuse a file that is too large, cut off, or lists too many files; before the list is read."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        raise _Unsound(f"it is larger than {MOST_BYTES} bytes, the most that is read")
    file.seek(max(0, size - _END.size))
    tail = file.read()
    file.seek(0)
    if len(tail) < _END.size or not tail.startswith(b"PK\x05\x06"):
        raise _Unsound("it is cut off, or something follows its end; copy it again")
    _, _, _, _, count, listed, place, _ = _END.unpack(tail)
    if count > MOST_FILES or listed > _MOST_LISTED:
        raise _Unsound(f"it lists {count} files; at most {MOST_FILES} are read")
    if place + listed + _END.size != size:
        raise _Unsound("it is cut off, or something follows its end; copy it again")


def _check_members(archive: zipfile.ZipFile) -> None:
    """Refuse files that `bimodal pack` does not write, by what the list says of them."""
    members = archive.infolist()
    if not members or members[0].filename != HEADER or members[0].header_offset:
        raise _Unsound(f"its first file is not {HEADER}; make one with: bimodal pack RUN_FOLDER")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        kind = stat.S_IFMT(member.external_attr >> 16)
        if not is_member(name):
            raise _Unsound(f"it holds {name!r:.80}, which is no file of a run")
        if name.casefold() in seen:
            raise _Unsound(f"it holds {name!r:.80} twice")
        if kind not in (0, stat.S_IFREG):
            raise _Unsound(f"{name!r:.80} is a link or no plain file")
        if member.flag_bits & 1:
            raise _Unsound(f"{name!r:.80} is encrypted")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise _Unsound(f"{name!r:.80} is compressed, and an artifact's files are stored as they are")
        seen.add(name.casefold())
    if sum(member.file_size for member in members) > archive.start_dir:
        raise _Unsound("its files would be larger than itself")
    if missing := [name for name in (SUMS, *NEEDED) if name.casefold() not in seen]:
        raise _Unsound(f"{missing[0]} is missing")


def _header(archive: zipfile.ZipFile) -> ArtifactHeader:
    """Read the header, of this version or an earlier one."""
    try:
        header = ArtifactHeader.model_validate_json(_read(archive, HEADER))
    except ValidationError as error:
        raise _Unsound(f"{HEADER}: {problems(error)[0]}") from None
    if header.schema_version > VERSION:
        raise WrongUse(
            f"{archive.fp and archive.fp.name} is an artifact of version {header.schema_version}, "
            f"written by a newer bimodal; this one reads up to {VERSION}"
        )
    return header


def _sums(archive: zipfile.ZipFile, header: ArtifactHeader) -> dict[str, str]:
    """Return the sha256 of every file, exactly those that the artifact holds."""
    content = _read(archive, SUMS)
    if hashlib.sha256(content).hexdigest() != header.sums:
        raise _Unsound(f"{SUMS} is not the one that was packed")
    sums = parse_sums(content)
    held = {*archive.namelist()} - {HEADER, SUMS}
    if differing := sorted(held ^ sums.keys()):
        where = "is not listed" if differing[0] in held else "is listed, but missing"
        raise _Unsound(f"{differing[0]!r:.80} {where} in {SUMS}")
    return sums


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a small file as a whole."""
    if (size := archive.getinfo(name).file_size) > _MOST_TEXT:
        raise _Unsound(f"{name} has {size} bytes; at most {_MOST_TEXT} are read")
    return archive.read(name)


def _copied(member: IO[bytes], file: IO[bytes]) -> str:
    """Copy a file out of an artifact and return its sha256."""
    digest = hashlib.sha256()
    while part := member.read(2**20):
        digest.update(part)
        file.write(part)
    return digest.hexdigest()
