"""What a person says to have a task done, in any mode or in one; read from `instructions.toml`.

The file lies beside that of the task, so a task from outside the package can have one, too. Sentences decide
no episode of the other tracks, so they are no part of a task's fingerprint, but of the hash of a suite that
asks for modes.
"""

import inspect
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ...envs.errors import WrongUse, unknown_name
from ...envs.images import ANY, Wording
from ...envs.random_streams import stream
from ...envs.seed_ranges import scene_seed
from ...envs.storage.bounded_read import read_bounded
from ...envs.task_protocol import TaskProtocol

NAME = "instructions.toml"
"""The file's name."""
LEAST = 5
"""Sentences of each kind, seen and unseen, that every mode must have at least."""
LONGEST = 200
"""Characters of a sentence."""
SAY = "say"
"""Key of the sentences in which `{}` stands for what is asked."""
_LARGEST = 500_000
"""Bytes of a file that are read."""
_KINDS = Wording._fields


def wording(task: TaskProtocol, mode: str = ANY) -> Wording:
    """Return the sentences that ask for a mode of a task; called by `Task.wording`.

    For any mode the first is the task's `goal`, the only one of a task without an entry in a file.

    Raises:
        WrongUse: no such mode, no sentences for it, or a file that is wrong.
    """
    if mode != ANY and mode not in task.modes:
        raise unknown_name(f"mode of {task.id}", mode, (ANY, *task.modes))
    found = _of_task(task)
    if mode == ANY:
        said = found.get(ANY, Wording((), ()))
        return said._replace(seen=(task.goal, *said.seen))
    if not found:
        raise WrongUse(
            f"{task.id} has no instructions, so no mode of it can be asked for; write them into "
            f"{_file(task)}, see docs/language.md"
        )
    return found[mode]


def asked_modes(task: TaskProtocol, seeds: Iterable[int] | np.ndarray) -> np.ndarray:
    """Return the mode that each episode of a suite that asks for modes is asked for, (N,) int8.

    Of k seeds in a row from a multiple of k on, each asks for another mode, in an order that is drawn.

    Args:
        task: of k modes.
        seeds: of the episodes, (N,) int; those that share a scene are asked for the same.
    """
    k = len(task.modes)
    scenes = [scene_seed(int(seed)) for seed in seeds]
    return np.array([_asked_order(task.id, scene // k, k)[scene % k] for scene in scenes], np.int8)


@lru_cache(10_000)
def _asked_order(task: str, block: int, k: int) -> np.ndarray:
    """Return the order in which the k seeds of one block ask for the modes, (k,) int."""
    return stream("asked mode", task, block).permutation(k)


def digest(task: TaskProtocol) -> str:
    """Return the sha256 of everything that can be said for a task; part of the hash of a suite that asks.

    Raises:
        WrongUse: it has no instructions.
    """
    said = [wording(task, mode) for mode in (ANY, *task.modes)]
    return sha256(repr([tuple(one) for one in said]).encode()).hexdigest()


# ------------------------------------------------------------------------------------------- the file


def _file(task: TaskProtocol) -> Path:
    """Return the file that holds a task's instructions if it has any."""
    return Path(inspect.getfile(type(task))).with_name(NAME)


def _of_task(task: TaskProtocol) -> dict[str, Wording]:
    """Return what can be said for a task, by mode; nothing for a task without instructions.

    A version without sentences of its own is asked for in those of the version that it supersedes.
    """
    file = _file(task)
    if not file.is_file():
        return {}
    return _entry(file, task.id, task.modes) or _entry(file, task.supersedes, task.modes)


@cache
def _entry(file: Path, name: str, modes: tuple[str, ...]) -> dict[str, Wording]:
    """Return what a file says for a task of some id and modes, by mode; nothing if it has no such task."""
    said = _read(file).get(name)
    if said is None:
        return {}
    try:
        return {mode: _wording(said, mode) for mode in _checked_modes(said, modes)}
    except WrongUse as error:
        raise WrongUse(f"{file}: {name}: {error}") from None


@cache
def _read(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(read_bounded(file, _LARGEST).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{file} is not TOML: {error}") from None


def _checked_modes(said: Any, modes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modes of an entry, and `any`; refuse one that has others."""
    for kind in _KINDS:
        part = said.get(kind) if isinstance(said, dict) else None
        if not isinstance(part, dict):
            raise WrongUse(f"there is no part [{kind}]; write both: {', '.join(_KINDS)}")
        if missing := [name for name in (SAY, ANY, *modes) if name not in part]:
            raise WrongUse(f"[{kind}] has no {missing[0]!r}")
        if foreign := [name for name in part if name not in (SAY, ANY, *modes)]:
            raise unknown_name(f"mode in [{kind}]", foreign[0], (ANY, *modes))
    return (ANY, *modes)


def _wording(said: Mapping[str, Any], mode: str) -> Wording:
    """Return the sentences for a mode: each of `say`, with each of its words."""
    seen, unseen = (_sentences(said[kind], f"[{kind}] {mode!r}", mode) for kind in _KINDS)
    if both := set(seen) & set(unseen):
        raise WrongUse(f"{mode!r}: {both.pop()!r} is seen and unseen")
    return Wording(seen, unseen)


def _sentences(part: Mapping[str, Any], where: str, mode: str) -> tuple[str, ...]:
    for name in (SAY, mode):
        words = part[name]
        if not isinstance(words, list) or not all(isinstance(one, str) and one.strip() for one in words):
            raise WrongUse(f"{where}: {name!r} must be a list of words, none of them empty")
    if wrong := [one for one in part[SAY] if one.count("{}") != 1]:
        raise WrongUse(f"{where}: {wrong[0]!r} must have one {{}}, for the words of a mode")
    pairs = itertools.product(part[mode], part[SAY])
    found = tuple(dict.fromkeys(_capital(say.replace("{}", words)) for words, say in pairs))
    if len(found) < LEAST:
        raise WrongUse(f"{where}: there are {len(found)} different sentences; {LEAST} or more are needed")
    if long := [one for one in found if len(one) > LONGEST or not one.isprintable()]:
        raise WrongUse(f"{where}: {long[0]!r:.60} must be one line of at most {LONGEST} characters")
    return found


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
