"""Task files from outside the package: which ids they state, read without running them, and their import."""

import ast
import re
from functools import cache
from pathlib import Path

from ...envs.errors import WrongUse

ID = re.compile(r"[A-Z][A-Za-z0-9]*-v[0-9]+")
"""What an id looks like."""
_LARGEST = 1_000_000  # bytes


@cache
def ids_in(file: Path) -> dict[str, str]:
    """Return id and class name of each task in a file, without running it.

    Raises:
        WrongUse: no file, or one that is not a task's.
    """
    found = _classes(file, _content(file))
    if not found:
        raise WrongUse(f'{file} states no id: its class needs a line such as id = "PandaLiftStool-v1"')
    for name in found:
        if not ID.fullmatch(name):
            raise WrongUse(
                f"{file}: {name!r} is no id; it is robot, verb, object, version: PandaLiftStool-v1"
            )
    return found


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise WrongUse(f"no task file at {file}; write one with: bimodal new-task NAME")
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise WrongUse(f"{file} is larger than {_LARGEST / 1e6:.0f} MB and so no task; put data beside it")
    return content


def _classes(file: Path, content: bytes) -> dict[str, str]:
    """Return id -> name of the classes that state an id, in the file's order."""
    try:
        lines = ast.parse(content).body
    except SyntaxError as error:
        line = f" line {error.lineno}" if error.lineno else ""
        raise WrongUse(f"{file}{line} does not compile: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise WrongUse(f"{file} does not compile: {error}") from error
    classes = [line for line in lines if isinstance(line, ast.ClassDef)]
    return {name: kind.name for kind in classes for line in kind.body if (name := _stated_id(line))}


def _stated_id(line: ast.stmt) -> str | None:
    """Return x of a line `id = "x"`, with or without a type."""
    if isinstance(line, ast.Assign):
        targets, value = line.targets, line.value
    elif isinstance(line, ast.AnnAssign):
        targets, value = [line.target], line.value
    else:
        return None
    is_id = any(isinstance(target, ast.Name) and target.id == "id" for target in targets)
    text = value.value if isinstance(value, ast.Constant) else None
    return text if is_id and isinstance(text, str) else None
