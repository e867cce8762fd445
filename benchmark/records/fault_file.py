"""Keeps the first traceback of every kind of a policy's fault in the run's folder, `faults.txt`."""

import os
from collections.abc import Mapping
from pathlib import Path

from ...envs.storage.file_lock import NO_LINKS
from ..rollout.shard import Shard

NAME = "faults.txt"
"""Name of the file; a run without faults has none."""
_LARGEST = 64_000  # characters of the file
_LONGEST = 8_000  # characters of a traceback, its end


def keep_tracebacks(folder: Path, shard: Shard, tracebacks: Mapping[str, str]) -> None:
    """Add the tracebacks of a shard's faults, by the names of their exceptions, to what the file lacks.

    Called by whoever ran the shard. What cannot be written is left out: the record says what was wrong.
    """
    if not tracebacks:
        return
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | NO_LINKS
        with open(os.open(folder / NAME, flags, 0o644), "a+", encoding="utf-8") as file:  # noqa: PTH123
            file.seek(0)
            known = file.read(_LARGEST)
            for kind, text in tracebacks.items():
                if f"== {kind}: " not in known and len(known) < _LARGEST:
                    file.write(
                        f"== {kind}: first in {shard.task}, {shard.variant}, shard {shard.index}\n"
                        f"{printable(text)[-_LONGEST:]}\n"
                    )
    except OSError:
        return


def printable(text: str) -> str:
    """Return text without what a terminal would obey; lines are kept."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
