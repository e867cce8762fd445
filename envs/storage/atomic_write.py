"""Writes files whole or not at all; everything that is kept on disk goes through here."""

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BimodalError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path`: it becomes `path` when the block ends well, and vanishes when not.

    Raises:
        BimodalError: the disk refuses; what was finished before is kept.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield draft
        with draft.open("r+b") as written:  # Windows synchronises only what may be written
            os.fsync(written.fileno())  # else a power cut may leave the new name on an empty file
        draft.replace(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_write(path) as draft:
        draft.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], level: int = 1) -> None:
    """Write a npz file, packed, whole or not at all; `level` 1 is fast, 9 is small."""
    with (
        atomic_write(path) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def disk_error(path: Path, error: OSError) -> BimodalError:
    """Say that a write failed, and that finished shards are kept."""
    return BimodalError(
        f"cannot write {path}: {error.strerror or error}; finished shards are kept, "
        "run the same command again to go on"
    )
