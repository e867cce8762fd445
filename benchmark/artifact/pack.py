"""Packs a finished run into one file, the same bytes each time; called by `bimodal pack`."""

import hashlib
import zipfile
from pathlib import Path

from ...envs.errors import BimodalError, WrongUse
from ...envs.storage.atomic_write import atomic_write
from ..records.checksums import read_sums
from ..records.shard_file import shard_file
from ..scoring.run_episodes import Run, read_run
from ..suites import suite_from_record
from .members import ADDED, HEADER, NEEDED, SUMS, ArtifactHeader, is_member, packed_files
from .read import read_header

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive, so that the time of packing changes no byte."""
_MODE = 0o100644 << 16
_UNIX = 3


def pack(run_dir: Path | str, out: Path | str | None = None, videos: bool = True) -> Path:
    """Write a finished run's artifact and return its path; nothing of the run is changed.

    Args:
        run_dir: the run's folder.
        out: the file; None for `<run folder>.zip` beside it.
        videos: whether its videos are packed, too.

    Raises:
        BimodalError: the run is not finished, one of its files was changed, or the disk refuses.
    """
    run = read_run(run_dir)
    path = Path(out) if out else _beside(run.folder)
    _check_place(path)
    names = packed_files(run.folder, videos)
    _require_finished(run, names)
    sums = _checked_sums(run.folder, names)
    text = "".join(f"{sums[name]}  {name}\n" for name in names).encode()
    episodes = sum(len(cell.seeds) for cell in run.cells.values())
    header = ArtifactHeader.of_run(run.record, episodes, hashlib.sha256(text).hexdigest())
    try:
        with atomic_write(path) as draft, zipfile.ZipFile(draft, "w", allowZip64=False) as archive:
            _add(archive, HEADER, (header.model_dump_json(indent=1) + "\n").encode())
            _add(archive, SUMS, text)
            for name in names:
                content = (run.folder / name).read_bytes()
                if hashlib.sha256(content).hexdigest() != sums[name]:
                    raise BimodalError(f"{run.folder / name} changed while it was packed; pack it again")
                _add(archive, name, content)
    except zipfile.LargeZipFile:
        raise BimodalError(f"{run.folder} is larger than an artifact can be; leave out the videos") from None
    return path


def _beside(folder: Path) -> Path:
    """Return where a run's artifact goes by itself: beside its folder."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}.zip")


def _check_place(path: Path) -> None:
    """Refuse a name that is no artifact's, and a file that is there and none.

    Raises:
        WrongUse: another ending, or somebody's file.
    """
    if path.suffix != ".zip":
        raise WrongUse(f"cannot write {path}: an artifact is a file that ends with .zip")
    if path.exists():
        try:
            read_header(path)
        except BimodalError as error:
            raise WrongUse(f"{path} is there and no artifact; it is left as it is ({error})") from error


def _require_finished(run: Run, names: list[str]) -> None:
    """Refuse a run of which a file is missing.

    Raises:
        BimodalError: it is not finished, or the harness failed.
    """
    if invalid := run.record.invalid_shards:
        raise BimodalError(f"{run.folder} is not finished: the harness failed in {invalid[0]}")
    shards = suite_from_record(run.record.suite).shards()
    files = (shard_file(run.folder, shard.task, shard.variant, shard.index) for shard in shards)
    needed = (*NEEDED, *(file.relative_to(run.folder).as_posix() for file in files))
    for name in needed:
        if name not in names:
            raise BimodalError(f"{run.folder} is not finished: {name} is missing; run the same command again")
    if not (run.folder / SUMS).is_file():
        raise BimodalError(f"{run.folder} is not finished: {SUMS} is missing; run the same command again")


def _checked_sums(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the sha256 of every file by name, those that the run was sealed with.

    Raises:
        BimodalError: a file is not the one that was sealed.
    """
    sealed = read_sums(folder / SUMS)
    lost = [name for name in sealed if name not in names and is_member(name) and name[:7] != "videos/"]
    if lost:
        raise BimodalError(f"{folder / lost[0]} is missing; run the same evaluation again to mend it")
    sums = {}
    for name in names:
        sums[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        unknown = name in ADDED and name not in sealed
        if not unknown and sealed.get(name) != sums[name]:
            raise BimodalError(
                f"{folder / name} was changed after the run was finished: {SUMS} says another sum; "
                "run the same evaluation again to mend it"
            )
    return sums


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file as it is: uncompressed, with a fixed date, so that any machine writes the same bytes."""
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = _UNIX
    info.external_attr = _MODE
    archive.writestr(info, content, zipfile.ZIP_STORED)
