"""Raises here what a policy raised in its box, and says what the box itself has to do with it."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ...envs.errors import BimodalError, WrongUse
from ...policies.core.answers import InvalidAnswer
from . import channel
from .shapes import Isolation, View, own_view

_MOST = 2000
"""Files beside a policy that are looked at."""


def raise_again(answer: channel.Message, hint: Callable[[str], str]) -> None:
    """Raise what the policy raised; called by `Box.ask` with every answer.

    Args:
        answer: from the box.
        hint: says what the box has to do with a reason why the policy cannot be built, "" for nothing.
    """
    said = answer.say
    if "invalid" in said:
        error = InvalidAnswer(str(said["invalid"])[:300])
        error.mended = answer.arrays.get("mended")
        raise error
    if "refused" in said:
        kind = WrongUse if said.get("code") == WrongUse.exit_code else BimodalError
        why = str(said["refused"])[:1000]
        raise kind(why + hint(why))
    if "raised" in said:
        name = "".join(letter for letter in str(said["raised"]) if letter.isalnum() or letter == "_")[:60]
        error = type(name or "Exception", (Exception,), {})(str(said.get("text", ""))[:300])
        error.add_note(str(said.get("traceback", ""))[:20_000])
        raise error


def unreadable(view: View, isolation: Isolation, why: str) -> str:
    """Return a hint at a file that an error is about and that a box cannot read, "" if there is none.

    As root a box has a user of its own, so it reads what everybody may read. Some libraries write files for
    their owner alone (safetensors' `save_file`).
    """
    if isolation != "bwrap" or os.getuid():
        return ""
    own = own_view().readable
    for file in _files(path for path in view.readable if path not in own):
        if file.name in why and not file.is_symlink() and not file.stat().st_mode & stat.S_IROTH:
            return f" (shut in, it cannot read {file}, which only its owner may: chmod a+r {file.name})"
    return ""


def _files(paths: Iterator[Path]) -> Iterator[Path]:
    """Yield the files below some paths, no more than `_MOST`."""
    left = _MOST
    for path in paths:
        for file in [path] if path.is_file() else path.rglob("*"):
            left -= 1
            if left < 0:
                return
            if file.is_file():
                yield file
