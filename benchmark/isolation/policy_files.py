"""Builds a policy and says which files it is made of, so that no score outlives a change of one of them.

A policy from outside is made of its own file, of what that imports from its folder, and of every file below
that folder, or below the folder of checkpoints, that is opened for reading while it is imported and built.
What native code opens by itself (safetensors, HDF5) is not seen; a policy names such files in `artifacts()`.
"""

import ast
import hashlib
import importlib.util
import inspect
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ...policies import Policy, load_policy
from ...policies.core.registry import import_folder, policy_class
from ...policies.core.wrapping import unwrapped
from ...tasks import Task

MOST_FILES = 400
"""Files that are named one by one; the rest is one sum."""
_ROOMS = ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli")
"""Bimodal's own folders; their code is part of a run's `versions`."""
_watched: list[set[str]] = []
"""What the audit hook adds the names of opened files to; it cannot be taken away again."""
_imported: dict[Path, set[Path]] = {}
"""What was opened while a policy's file was imported, which happens once in a process."""


class BuiltPolicy(NamedTuple):
    """A policy, ready for its task."""

    policy: Policy
    kind: type[Policy]
    """Class that its name stands for; of `safe(...)` the filter's."""
    artifacts: dict[str, str]
    """sha256 of every file that it is made of, by name."""


def build_policy(policy: str | type[Policy], task: Task, checkpoints: Path | None) -> BuiltPolicy:
    """Import and build a policy; raises as `load_policy` does, and whatever its `artifacts()` raises."""
    with _opened() as while_imported:
        kind = policy_class(policy) if isinstance(policy, str) else policy
        inside = policy_class(unwrapped(policy)) if isinstance(policy, str) else policy
    with _opened() as while_built:
        built = load_policy(policy, task, checkpoints)
    told = dict(built.artifacts())
    found = {}
    uri = unwrapped(policy) if isinstance(policy, str) else ""
    if ".py:" in uri or inside.__module__.split(".")[0] != "bimodal":
        found = _files(inside, uri, (while_imported, while_built), checkpoints)
    unnamed = {name: digest for name, digest in found.items() if digest not in told.values()}
    return BuiltPolicy(built, kind, unnamed | told)


def _files(
    kind: type[Policy], uri: str, opened: tuple[set[Path], set[Path]], checkpoints: Path | None
) -> dict[str, str]:
    """Return the sha256 of the files of a policy from outside, by their names below its package or folder.

    Args:
        kind: its class.
        uri: what names it, "" for a class that has no name.
        opened: what was opened while it was imported, and while it was built.
        checkpoints: folder of trained weights.
    """
    named_file, _, _ = uri.rpartition(":")
    try:  # the file that is named may hold a class of another one
        own = Path(named_file if named_file.endswith(".py") else inspect.getfile(kind)).resolve(strict=True)
    except (TypeError, OSError):  # defined in a terminal or notebook
        return {kind.__qualname__: _token(kind)}
    seen = _imported.setdefault(own, set())
    seen |= opened[0]
    package = _package(kind, uri) if uri and not named_file.endswith(".py") else None
    home = package if package and own.is_relative_to(package) else own.parent
    roots = [home, *([checkpoints.resolve()] if checkpoints else [])]
    named: dict[str, str] = {}
    for file in sorted({own, *_imports(own, home), *seen, *opened[1]}):
        root = next((root for root in roots if file.is_relative_to(root)), None)
        if root and file.is_file() and _counts(file, root):
            named.setdefault(file.relative_to(root).as_posix(), sum_of(file))
    own_name = own.relative_to(home).as_posix()
    named.pop(own_name, None)
    own_sum = {own_name: sum_of(own)}
    first = dict(list(named.items())[: MOST_FILES - 1])
    rest = sorted(set(named.items()) - set(first.items()))
    if rest:
        first[f"{len(rest)} more files"] = hashlib.sha256(repr(rest).encode()).hexdigest()
    return own_sum | first


def _package(kind: type[Policy], uri: str) -> Path | None:
    """Return the folder that a policy named by its module is made of; None for one named by its file."""
    if folder := import_folder(uri):
        return folder
    top = sys.modules.get(kind.__module__.partition(".")[0])
    file = getattr(top, "__file__", None) if hasattr(top, "__path__") else None
    return Path(file).resolve().parent if file else None


@cache
def _token(kind: type[Policy]) -> str:
    """Return what stands for a class without a file: never the same in another process."""
    return secrets.token_hex(32)


def _counts(file: Path, root: Path) -> bool:
    """Whether a file below a policy's folder may be its: no cache, no installed library, not our code."""
    inside = file.relative_to(root).parts
    if any(part.startswith(".") or part in ("__pycache__", "site-packages") for part in inside):
        return False
    ours = Path(__file__).parents[2]
    rooms = [ours / room for room in _ROOMS]
    python = [Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)]
    return not any(
        file.is_relative_to(other) and not root.is_relative_to(other)
        for other in (*rooms, *python)
        if not file.is_relative_to(ours / "policies" / "checkpoints")
    )


def sum_of(file: Path) -> str:
    """Return the sha256 of a file, computed once for each state of it."""
    state = file.stat()
    return _sum(file, state.st_size, state.st_mtime_ns, state.st_ino)


@cache
def _sum(file: Path, *state: int) -> str:
    """Return the sha256 of a file in a known state."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# ------------------------------------------------------------------------------------- what it imports


def _imports(own: Path, home: Path) -> set[Path]:
    """Return the Python files below a folder that a policy's file imports, at any depth, loaded or not."""
    found: set[Path] = set()
    waiting = [own]
    while waiting:
        file = waiting.pop()
        new = {one for name in _imported_names(file) for one in _places(name, file, home)} - found
        found |= new
        waiting += new
    return found - {own}


def _imported_names(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file imports: name, and number of dots before it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for line in ast.walk(tree):
        if isinstance(line, ast.Import):
            yield from ((one.name, 0) for one in line.names)
        elif isinstance(line, ast.ImportFrom):
            start = f"{line.module}." if line.module else ""
            yield from ((start + one.name, line.level) for one in line.names)


def _places(name: tuple[str, int], file: Path, root: Path) -> Iterator[Path]:
    """Yield the files below `root` that an import in `file` runs: packages, modules."""
    words, dots = name
    if not dots and words.split(".")[0] == __name__.split(".")[0]:
        return  # Bimodal itself, whose version and sources a record names
    above = [file.parent, *file.parent.parents]
    for base in above[dots - 1 : dots] if dots else {file.parent, root, *list(root.parents)[:3]}:
        place = base
        for word in filter(None, words.split(".")):
            place = place / word
            for one in (place.with_name(f"{word}.py"), place / "__init__.py"):
                if one.is_relative_to(root) and one.is_file():
                    yield one


# --------------------------------------------------------------------------------------- what it opens


@contextmanager
def _opened() -> Iterator[set[Path]]:
    """Yield a set that at the end of the block holds the files that were opened for reading in it."""
    _listen()
    names: set[str] = set()
    files: set[Path] = set()
    _watched.append(names)
    try:
        yield files
    finally:
        _watched.pop()
        for name in list(names):
            place = Path(name)
            files.add(place.parent.resolve() / place.name)


@cache
def _listen() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear what Python opens; the policy waits meanwhile, so nothing here may raise."""
    if event != "open" or not _watched:
        return
    with suppress(Exception):
        path, _, flags = arguments
        if isinstance(path, str | bytes | os.PathLike) and flags & os.O_ACCMODE == os.O_RDONLY:
            name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (Path.resolve may open files itself)
            name = importlib.util.source_from_cache(name) if name.endswith(".pyc") else name
            for names in _watched:
                names.add(name)
