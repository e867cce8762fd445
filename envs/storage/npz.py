"""Arrays of a npz file, which may come from anybody: never unpickled, never larger than is sensible."""

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ..errors import BimodalError

LARGEST = 2**31
"""Bytes that a file may unpack to; a few kilobytes of zip can claim to hold terabytes."""


def read_arrays(path: Path, left_out: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name.

    Args:
        path: the npz file.
        left_out: names of arrays that are not read.

    Raises:
        BimodalError: it would unpack to more than `LARGEST`, or holds what is no array.
        Exception: whatever NumPy and zipfile raise for a file that is missing or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if (size := sum(member.file_size for member in archive.infolist())) > LARGEST:
            raise BimodalError(f"{path} would unpack to {size} bytes; at most {LARGEST} are read")
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files if name not in left_out}
    if strange := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
        raise BimodalError(f"{path} holds {strange[0]}, which is no array")
    return found
