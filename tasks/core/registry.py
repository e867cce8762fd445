"""Finding a task: by id among those that come with the package, are installed, or lie in a file.

A listing imports no task, and `load_task` takes ids only (see `envs/plugins/registry.py`). A file becomes
known by `add_task_file`, which whoever sits at the keyboard asks for.
"""

import copy
import copyreg
import hashlib
import inspect
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import gymnasium
import numpy as np

from ...envs.errors import WrongUse
from ...envs.plugins.registry import PluginRegistry
from ...envs.plugins.source import Source
from .stated_attributes import TASK_ID
from .task import Task
from .validation import require_sound

TASKS = PluginRegistry(
    kind="task",
    attribute="id",
    pattern=TASK_ID,
    example="PandaLiftStool-v1",
    package="bimodal.tasks",
    folder=Path(__file__).parents[1],
    variable="BIMODAL_TASKS",
    group="bimodal.tasks",
)
"""Every known task."""


def task_names() -> tuple[str, ...]:
    """Return the ids of all tasks, in alphabetical order.

    Raises:
        WrongUse: BIMODAL_TASKS names a file that is not a task's.
    """
    return TASKS.names()


def own_names() -> tuple[str, ...]:
    """Return the ids of Bimodal's own tasks, in alphabetical order."""
    return tuple(sorted(TASKS.own()))


def place(name: str) -> str:
    """Return the file or the package of a known task, for people to read."""
    return TASKS.place(name)


def load_task(name: str, check: bool = True) -> Task:
    """Return the task with this id.

    Args:
        name: the id.
        check: whether a task from outside the package must be sound (see `validation.py`).

    Raises:
        WrongUse: no such task (the message says the near names), or one that does not load or is not sound.
    """
    source = TASKS.source(name)
    task = _load(name, source)
    if check and not TASKS.is_own(source):
        _check(name, source)
    return task


def task_id(text: str) -> str:
    """Return the id of what a person names: an id, `file.py`, or `file.py:Class` in a file of several.

    Raises:
        WrongUse: no such task, or a file that is not a task's.
    """
    file, _, chosen = text.rpartition(":") if ".py:" in text else (text, "", "")
    if file.endswith(".py"):
        return add_task_file(file, chosen)
    TASKS.source(text)
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
    names = TASKS.add_file(path, chosen)
    for name in names:
        register(name)
    return names[0]


def register(name: str) -> None:
    """Make a task known to Gymnasium as `bimodal/<id>`; a later version is another task, and not advised."""
    warnings.filterwarnings("ignore", r".*The environment bimodal/\S+ is out of date")
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
        names = (*TASKS.own(), *TASKS.installed())
    for name in names:
        register(name)


def private_copy(task: Task) -> Task:
    """Return a task that its holder may change without changing anybody else's; made for every policy.

    Arrays of the class, such as `grasps`, become the copy's own.
    """
    if not isinstance(task, Task):  # a stand-in
        return task
    kind = type(task)
    found = object.__new__(kind)
    shared = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    arrays = {name: value.copy() for name, value in shared.items() if isinstance(value, np.ndarray)}
    vars(found).update(arrays, **copy.deepcopy(vars(task)))
    return found


@cache
def _check(name: str, source: Source) -> None:
    require_sound(_load(name, source), TASKS.place(name))


@cache
def _load(name: str, source: Source) -> Task:
    task = TASKS.load(name, source, Task, _own if TASKS.is_own(source) else _signed)
    copyreg.pickle(type(task), _by_id)
    return task


def _by_id(task: Task) -> tuple[Callable[[str], Task], tuple[str]]:
    """Let a task travel to another process by its id, which must lead to a task of this very class."""
    if type(load_task(task.id)) is not type(task):
        raise TypeError(f"{type(task).__qualname__} cannot leave this process: {task.id} is another task")
    return load_task, (task.id,)


def _own(kind: type[Task]) -> Task:
    return kind()


def _signed(kind: type[Task]) -> Task:
    """Return a task from outside with the digest of its source, which so becomes part of its fingerprint.

    Demonstrations and scores of another source are then refused; Bimodal's own is part of a run's versions.
    """
    task = kind()
    task.source = hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()  # type: ignore[attr-defined]
    return task
