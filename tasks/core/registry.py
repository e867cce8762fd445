"""Finding a task: by id among those that come with the package, are installed, or lie in a file.

Ids are read from the files without running them, so a listing imports no task. `load_task` takes ids only:
ids also come from records, and a record must not name code that is then run. A file becomes known by
`add_task_file`, which whoever sits at the keyboard asks for.
"""

import hashlib
import importlib
import importlib.util
import os
import re
import warnings
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

from ...envs.errors import WrongUse, unknown_name
from ...envs.plugins import import_file
from .task import Task
from .task_file import ID, ids_in
from .validation import require_sound

FILES = "BIMODAL_TASKS"
"""Environment variable with further task files, separated as in PATH; `add_task_file` adds to it."""
GROUP = "bimodal.tasks"
"""Entry points of installed packages: a task's id = `module:Class`."""
_HERE = Path(__file__).parents[1]
_TEMPLATE = _HERE / "template.py"
_ID_LINE = re.compile(r"""^    id = "([^"]+)"$""", re.MULTILINE)

_Source = Path | tuple[EntryPoint, ...]


def task_names() -> tuple[str, ...]:
    """Return the ids of all tasks, in alphabetical order.

    Raises:
        WrongUse: BIMODAL_TASKS names a file that is not a task's.
    """
    return tuple(sorted(_sources()))


def load_task(name: str, check: bool = True) -> Task:
    """Return the task with this id.

    Args:
        name: the id.
        check: whether a task from outside the package must be sound (see `sound.py`).

    Raises:
        WrongUse: no such task (the message says the near names), or one that does not load or is not sound.
    """
    sources = _sources()
    if name not in sources:
        raise _unknown(name, sources)
    task = _load(name, sources[name])
    if check and not _is_ours(sources[name]):
        _check(name, sources[name])
    return task


def task_id(text: str) -> str:
    """Return the id of what a person names: an id, `file.py`, or `file.py:Class` in a file of several.

    Raises:
        WrongUse: no such task, or a file that is not a task's.
    """
    file, _, chosen = text.rpartition(":") if ".py:" in text else (text, "", "")
    if file.endswith(".py"):
        return add_task_file(file, chosen)
    if text not in (sources := _sources()):
        raise _unknown(text, sources)
    return text


def add_task_file(path: str | Path, chosen: str = "") -> str:
    """Make the tasks of a file known by their ids: here, to Gymnasium, and in processes started from here.

    Args:
        path: the file.
        chosen: name of the class, where the file has several tasks.

    Returns:
        The id.

    Raises:
        WrongUse: no file, no id in it, or an id that another task has.
    """
    file = Path(path).resolve()
    found, sources = ids_in(file), _sources()
    if len(found) > 1 and not chosen:
        raise WrongUse(f"{path} holds {len(found)} tasks; choose one: {path}:{next(iter(found.values()))}")
    if chosen and chosen not in found.values():
        raise WrongUse(f"{path} holds no task {chosen!r}; it holds: {', '.join(found.values())}")
    if os.pathsep in str(file):
        raise WrongUse(f"{file}: its path holds {os.pathsep!r}, which parts the files in {FILES}; move it")
    for name in found:
        _refuse_duplicate(name, file, sources.get(name, file))
    if not found.keys() <= sources.keys():
        os.environ[FILES] = os.pathsep.join([*_listed(), str(file)])
    for name in found:
        register(name)
    return next(name for name, kind in found.items() if chosen in ("", kind))


def own_names() -> tuple[str, ...]:
    """Return the ids of Bimodal's own tasks, in alphabetical order."""
    return tuple(sorted(_built_in()))


def comes_with_package(name: str) -> bool:
    """Return whether a task is one of Bimodal's own."""
    return name in _built_in()


def place(name: str) -> str:
    """Return the file or the package of a known task, for people to read."""
    return _place(_sources()[name])


def register(name: str) -> None:
    """Make a task known to Gymnasium as `bimodal/<id>`."""
    if f"bimodal/{name}" not in gymnasium.registry:
        gymnasium.register(
            id=f"bimodal/{name}",
            entry_point="bimodal.tasks.gym.env:TaskEnv",
            vector_entry_point="bimodal.tasks.gym.vector_env:TaskVectorEnv",
            kwargs={"task": name},
            disable_env_checker=True,
        )


def register_all() -> None:
    """Make all tasks known to Gymnasium; nothing is said here of files that are wrong."""
    try:
        names = task_names()
    except WrongUse:
        names = (*_built_in(), *_installed())
    for name in names:
        register(name)


def _sources() -> dict[str, _Source]:
    """Return where every task lives."""
    found: dict[str, _Source] = {**_built_in(), **_installed()}
    for path in _listed():
        file = Path(path).resolve()
        try:
            for name in ids_in(file):
                _refuse_duplicate(name, file, found.setdefault(name, file))
        except WrongUse as error:
            raise WrongUse(f"{error} (the environment variable {FILES} names this file)") from error
    return found


def _listed() -> list[str]:
    return [path for path in os.environ.get(FILES, "").split(os.pathsep) if path]


@cache
def _built_in() -> dict[str, Path]:
    files = sorted(set(_HERE.glob("*.py")) - {_TEMPLATE})
    return {found[1]: file for file in files if (found := _ID_LINE.search(file.read_text()))}


@cache
def _installed() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of each id; several different ones are refused when the task is asked for."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=GROUP), key=_package):
        if not ID.fullmatch(point.name):
            _leave_out(point, "is not an id such as PandaLiftStool-v1: rename the entry point")
        elif point.name in _built_in():
            _leave_out(point, "comes with bimodal: raise its version or take another name")
        else:
            found[point.name] = (*found.get(point.name, ()), point)
    return found


def _leave_out(point: EntryPoint, why: str) -> None:
    warnings.warn(f"{_package(point)}: its task {point.name!r} is left out, the name {why}", stacklevel=2)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _is_ours(source: _Source) -> bool:
    return isinstance(source, Path) and source.parent == _HERE


def _place(source: _Source) -> str:
    if isinstance(source, Path):
        return str(source)
    return " and ".join(f"{_package(point)} ({point.value})" for point in source)


def _unknown(name: str, known: dict[str, _Source]) -> WrongUse:
    if name.endswith(".py"):
        return WrongUse(f"{name!r} is a file, not an id; make it known first: add_task_file({name!r})")
    near = unknown_name("task", name, known)
    return WrongUse(f"{near}; for one from elsewhere name its file in {FILES} or install its package")


def _refuse_duplicate(name: str, file: Path, known: _Source) -> None:
    """Refuse a file whose id another one has; the same file may be known in two ways."""
    if known != file and (isinstance(known, Path) or file not in _files(known)):
        raise WrongUse(
            f"{file}: the id {name!r} exists already, in {_place(known)}; raise its version or rename it"
        )


def _files(points: tuple[EntryPoint, ...]) -> set[Path]:
    """Return the files of entry points' modules."""
    found = set()
    for point in points:
        try:
            spec = importlib.util.find_spec(point.module)
        except Exception:
            spec = None
        found |= {Path(spec.origin).resolve()} if spec and spec.origin else set()
    return found


@cache
def _check(name: str, source: _Source) -> None:
    require_sound(_load(name, source), _place(source))


@cache
def _load(name: str, source: _Source) -> Task:
    where = _place(source)
    if not isinstance(source, Path) and len({point.value for point in source}) > 1:
        raise WrongUse(f"the task {name!r} is in several packages: {where}; uninstall all but one")
    try:
        module = _import(source)
        attribute = "" if isinstance(source, Path) else source[0].attr
        kinds = [getattr(module, attribute)] if attribute else vars(module).values()
        found = next((kind for kind in kinds if _is_task(kind, name)), None)
        task = found and found()
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise WrongUse(f"{where}{_line(error, source)} does not load: {text}") from error
    if task is None:
        raise WrongUse(f"{where} holds no subclass of Task with the id {name!r}")
    if not _is_ours(source):
        _sign(task, module)
    return task


def _import(source: _Source) -> ModuleType:
    if not isinstance(source, Path):
        return importlib.import_module(source[0].module)
    if _is_ours(source):
        return importlib.import_module(f"bimodal.tasks.{source.stem}")
    return import_file(source, "task")


def _is_task(kind: Any, name: str) -> bool:
    return isinstance(kind, type) and issubclass(kind, Task) and getattr(kind, "id", None) == name


def _sign(task: Any, module: ModuleType) -> None:
    """Give a task from outside the digest of its source, which so becomes part of its fingerprint.

    Demonstrations and scores of another source are then refused; Bimodal's own is part of a run's versions.
    """
    task.source = hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()


def _line(error: BaseException, source: _Source) -> str:
    """Return ` line N` for the last line of the file that an error went through."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(source):
            line = f" line {trace.tb_lineno}"
        trace = trace.tb_next
    return line
