"""Reads which names the classes of a file state, e.g. `id = "PandaLiftStool-v1"`, without running it."""

import ast
from collections.abc import Iterator
from os.path import isfile
from pathlib import Path

from ..errors import WrongUse
from ..storage.bounded_read import read_bounded

_LARGEST = 1_000_000  # bytes


def stated_names(file: Path, kind: str, attribute: str) -> dict[str, str]:
    """Return name -> class name of the classes that state one, in the file's order; called by the registries.

    Args:
        file: a Python file.
        kind: what a message calls it, e.g. "task".
        attribute: the class attribute that states the name; a string, written out.

    Raises:
        WrongUse: no file, one larger than 1 MB, or one that does not compile.
    """
    if not isfile(file):  # noqa: PTH113 (Path.is_file raises for a name that is too long)
        raise WrongUse(f"no {kind} file at {file}")
    lines = _compiled(file, read_bounded(file, _LARGEST))
    classes = [line for line in lines if isinstance(line, ast.ClassDef)]
    return {name: found.name for found in classes for line in found.body for name in _stated(line, attribute)}


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
