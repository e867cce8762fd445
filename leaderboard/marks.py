"""What maintainers have found out about entries: kept beside the entries, never said by an entry itself.

`marks.json` names entries by their id. A mark is added with the command that earned it; the file's history
is the record of who wrote what.
"""

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from ..benchmark.records.field_types import Record, Sha256, Share, TaskId, Text, problems
from ..envs.errors import BimodalError
from ..envs.storage.atomic_write import write_json
from ..envs.storage.bounded_read import read_bounded

MARKS = Path(__file__).parent / "marks.json"
"""The marks of the entries that come with the package."""
_LARGEST = 5_000_000
Level = Literal["reported", "replayed", "reproduced"]
"""Complete and consistent; recorded actions simulated again; policy run again: each proves more."""
_LEVELS = get_args(Level)


class Mark(Record):
    """How far others have checked an entry."""

    level: Level
    """What was done."""
    by: Annotated[Text, Field(min_length=1, max_length=100)]
    """Who did it."""
    date: Annotated[str, Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")]
    """When, as YYYY-MM-DD."""
    found: Text
    """What came out, in one sentence."""
    withdrawn: Text | None = None
    """Why the entry no longer stands on the board; null for one that does."""
    progress: Annotated[
        dict[TaskId, Share] | None, Field(max_length=100, exclude_if=lambda value: value is None)
    ] = None
    """Mean progress of the clean episodes by task, as the replay measured it; absent where none did."""


_FILE = TypeAdapter(dict[Sha256, Mark])


def read_marks(path: Path = MARKS) -> dict[str, Mark]:
    """Return the marks of a file by entry id; none if there is no such file.

    Raises:
        BimodalError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        return _FILE.validate_python(json.loads(read_bounded(path, _LARGEST, BimodalError)))
    except ValidationError as error:
        raise BimodalError(f"{path} is damaged: {problems(error)[0]}") from None
    except ValueError as error:
        raise BimodalError(f"{path} is not JSON: {error}") from None


@cache
def known_marks() -> dict[str, Mark]:
    """Return the marks that come with the package; called for every row of a board."""
    return read_marks()


def add_mark(entry_id: str, mark: Mark, path: Path = MARKS) -> None:
    """Write a mark beside those that are there; a weaker one does not replace a stronger one.

    What was withdrawn stays so, whatever is found out about it afterwards, and its progress stays known.
    """
    marks = read_marks(path)
    old = marks.get(entry_id)
    if old:
        kept = {"withdrawn": old.withdrawn or mark.withdrawn, "progress": mark.progress or old.progress}
        mark = mark.model_copy(update=kept)
    if old is None or _LEVELS.index(mark.level) >= _LEVELS.index(old.level):
        write_json(path, {name: one.plain() for name, one in sorted((marks | {entry_id: mark}).items())})
    known_marks.cache_clear()
