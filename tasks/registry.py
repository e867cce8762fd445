"""Finding a task: by id among those that come with the package or are installed, or by `path/to/file.py`.

Ids are read from the files without running them, so a listing imports no task.
"""

import hashlib
import importlib.util
import os
import re
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from ..envs.errors import WrongUse, unknown_name
from .task import Task

FILES = "BIMODAL_TASKS"
"""Environment variable with further task files, separated as in PATH; `add_task_file` adds to it."""
GROUP = "bimodal.tasks"
"""Entry points of installed packages: a task's id = `module:Class`."""
_HERE = Path(__file__).parent
_ID = re.compile(r"""^    id = ["']([^"']+)["']""", re.MULTILINE)


def task_names() -> tuple[str, ...]:
    """Return the ids of all tasks, in alphabetical order."""
    return tuple(sorted(_sources()))


def load_task(name: str) -> Task:
    """Return the task with this id, or the one in the file at this path.

    Raises:
        WrongUse: no such task (the message says the near names), or a file that is not a task's.
    """
    if name.endswith(".py"):
        name = add_task_file(name)
    sources = _sources()
    if name not in sources:
        raise unknown_name("task", name, sources)
    return _load(name, sources[name])


def add_task_file(path: str | Path) -> str:
    """Make the task in a file known by its id, here and in the processes that this one starts.

    Returns:
        The id.

    Raises:
        WrongUse: no file, no id in it, or an id that another task has.
    """
    file = Path(path).resolve()
    name = _id_in(file)
    known = _sources().get(name)
    if known is not None and known != file:
        raise WrongUse(
            f"{path} defines the id {name!r}, which {_place(known)} has already; raise its version"
        )
    if known is None:
        os.environ[FILES] = os.pathsep.join([*_listed(), str(file)])
    return name


def _sources() -> dict[str, Path | EntryPoint]:
    """Return where every task lives."""
    return {**_built_in(), **_installed(), **{_id_in(Path(path)): Path(path) for path in _listed()}}


def _listed() -> list[str]:
    return [path for path in os.environ.get(FILES, "").split(os.pathsep) if path]


@cache
def _built_in() -> dict[str, Path]:
    return {found[1]: path for path in sorted(_HERE.glob("*.py")) if (found := _ID.search(path.read_text()))}


@cache
def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _place(source: Path | EntryPoint) -> str:
    return str(source) if isinstance(source, Path) else source.value


def _id_in(file: Path) -> str:
    """Return the id that a task file states, without running it."""
    if not file.is_file():
        raise WrongUse(f"no task file at {file}; write one with: bimodal new-task NAME")
    found = _ID.search(file.read_text())
    if found is None:
        raise WrongUse(f'{file} states no id: its class needs a line like `id = "PandaLiftStool-v1"`')
    return found[1]


@cache
def _load(name: str, source: Path | EntryPoint) -> Task:
    if isinstance(source, Path) and source.parent == _HERE:
        module = importlib.import_module(f".{source.stem}", __package__)
    elif isinstance(source, Path):
        module = _from_file(source)
    else:
        try:
            module = importlib.import_module(source.module)
        except Exception as error:
            raise WrongUse(f"task {name!r} ({source.value}) does not import: {error}") from error
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, Task) and getattr(found, "id", None) == name:
            return found()
    raise WrongUse(f"{_place(source)} holds no subclass of Task with the id {name!r}")


def _from_file(file: Path) -> ModuleType:
    """Import a file that belongs to no package."""
    name = f"bimodal_task_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise WrongUse(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise WrongUse(f"{file}{line} does not import: {type(error).__name__}: {error}") from error
    return module
