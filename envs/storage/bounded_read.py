"""Reads files that may come from anybody: never more than is sensible."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import BimodalError, WrongUse


def read_bounded(path: Path, most: int, refusal: type[BimodalError] = WrongUse) -> bytes:
    """Return the content of a file of at most `most` bytes; called for entries and for plug-in files.

    Raises:
        WrongUse: it cannot be read.
        BimodalError: it is larger; `refusal` is the kind that is raised then.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise WrongUse(f"cannot read {path}: not a file")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise WrongUse(f"cannot read {path}: {error.strerror}") from error
    if len(content) > most:
        raise refusal(f"{path} is larger than {most / 1e6:g} MB, the most that is read of such a file")
    return content


def json_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the JSON files of folders of entries; hidden ones are an editor's or a system's.

    Raises:
        WrongUse: one is no folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise WrongUse(f"{folder} is not a folder of entries")
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() == ".json" and not path.name.startswith(".") and path.is_file():
                yield path
