"""Reads which names the classes of a file state, e.g. `id = "PandaLiftStool-v1"`, without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from ..errors import WrongUse

_LARGEST = 1_000_000  # bytes


def stated_names(file: Path, kind: str, attribute: str) -> dict[str, str]:
    """Return name -> class name of the classes that state one, in the file's order; called by the registries.

    Args:
        file: a Python file.
        kind: what a message calls it, e.g. "task".
        attribute: the class attribute that states the name; a string, written out.

    Raises:
        WrongUse: no file, or one that does not compile.
    """
    lines = _compiled(file, _content(file, kind))
    classes = [line for line in lines if isinstance(line, ast.ClassDef)]
    return {name: found.name for found in classes for line in found.body for name in _stated(line, attribute)}


def _content(file: Path, kind: str) -> bytes:
    try:
        if not file.is_file():
            raise WrongUse(f"no {kind} file at {file}")
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise WrongUse(f"{file} is larger than {_LARGEST / 1e6:.0f} MB and so no {kind}; put data beside it")
    return content


def _compiled(file: Path, content: bytes) -> list[ast.stmt]:
    try:
        return ast.parse(content).body
    except SyntaxError as error:
        line = f" line {error.lineno}" if error.lineno else ""
        raise WrongUse(f"{file}{line} does not compile: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise WrongUse(f"{file} does not compile: {error}") from error


def _stated(line: ast.stmt, attribute: str) -> Iterator[str]:
    """Yield x of a line `attribute = "x"`, with or without a type."""
    if isinstance(line, ast.Assign):
        targets = line.targets
    elif isinstance(line, ast.AnnAssign):
        targets = [line.target]
    else:
        return
    named = any(isinstance(target, ast.Name) and target.id == attribute for target in targets)
    if named and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
        yield line.value.value
