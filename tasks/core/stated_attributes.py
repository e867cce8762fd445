"""Rules for what the class of a task states, attributes and docstring; `validation.py` asks them first."""

import re
from collections.abc import Iterator

import numpy as np

from .task import Task

TASK_ID = r"[A-Z][A-Za-z0-9]*-v[0-9]+"
"""What an id looks like, as a regular expression."""
LEAST_DEAD_ZONE = (0.35, 0.65)
"""Mixtures that every task must call dead."""
RENAMED = {"horizon": "max_episode_steps", "trunk_steps": "shared_steps"}
"""Attributes of a task that had another name, and their present ones."""
_SECTIONS = ("Goal", "Randomised", "Success")


def stated(task: Task) -> Iterator[str]:
    """Rules for the attributes and the docstring."""
    for old, new in RENAMED.items():
        if hasattr(task, old):
            yield f"the class states `{old}`, which is called `{new}` now; rename it"
            return
    for name in ("id", "goal", "modes", "max_episode_steps", "objects", "grasps", "hand_start"):
        if not hasattr(task, name):
            yield f"the class states no `{name}`; {_MEANING[name]}"
            return
    for name in ("modes", "objects", "parts", "forbidden"):
        if isinstance(value := getattr(task, name, ()), str):
            yield f"{name} is {value!r}, one string; write a tuple, with a comma: {name} = ({value!r},)"
            return
    if not (isinstance(task.id, str) and re.fullmatch(TASK_ID, task.id)):
        yield f"the id is {task.id!r}; write robot, verb, object, version, e.g. PandaLiftStool-v1"
    yield from _stated_version(task)
    if not (isinstance(task.goal, str) and task.goal.endswith(".")):
        yield "the goal is a sentence that ends with a full stop"
    text = type(task).__dict__.get("__doc__") or ""
    if missing := [name for name in _SECTIONS if f"**{name}**:" not in text]:
        yield f"the docstring of the class lacks {', '.join(f'**{name}**:' for name in missing)}"
    yield from _stated_modes(task)
    for name in ("max_episode_steps", "hold_steps", "commit_steps", "shared_steps"):
        value = getattr(task, name)
        if not (isinstance(value, int) and value >= 1):
            yield f"{name} is {value!r}; it is a whole number of control steps, 1 or more"
    steps = task.informed_steps
    if not (isinstance(steps, tuple) and steps and all(isinstance(n, int) and n >= 1 for n in steps)):
        yield f"informed_steps is {steps!r}; it is a tuple of numbers of actions, as (4,)"
    low, high = task.dead_zone
    if not (low <= LEAST_DEAD_ZONE[0] and (high >= LEAST_DEAD_ZONE[1])):
        yield f"dead_zone is {low:g} .. {high:g}; it must cover {LEAST_DEAD_ZONE[0]} .. {LEAST_DEAD_ZONE[1]}"
    for name in ("spread", "hand_spread"):
        if np.shape(getattr(task, name)) != (3,) or not np.all(np.array(getattr(task, name)) > 0):
            yield f"{name} is {getattr(task, name)!r}; it is three half-widths, each more than 0"


def _stated_version(task: Task) -> Iterator[str]:
    """Rule for the id of the version before: the same name, and a lower number."""
    if not task.supersedes:
        return
    before, this = (re.fullmatch(r"(.+)-v([0-9]+)", str(name)) for name in (task.supersedes, task.id))
    if not (before and this and before[1] == this[1] and int(before[2]) < int(this[2])):
        yield (
            f"supersedes is {task.supersedes!r}; it is the id of an earlier version of {task.id!r}, the same "
            "name with a lower number"
        )


def _stated_modes(task: Task) -> Iterator[str]:
    modes = task.modes
    k = len(task.modes)
    if k < 2 or len(set(modes)) < k or not all(isinstance(name, str) and name for name in modes):
        yield f"modes is {modes!r}; it holds two or more different names"
    grasps = np.asarray(task.grasps, float)
    if grasps.shape != (k, 4) or not np.isfinite(grasps).all():
        yield f"grasps has the shape {grasps.shape}; it holds x, y, z, yaw of every mode: ({k}, 4), finite"
    elif sequences := getattr(task, "sequences", ()):
        yield from _stated_sequences(sequences, grasps)
    elif len(np.unique(grasps, axis=0)) < k:
        yield "two modes have the same row in grasps; each mode has a pose of its own"
    more = np.asarray(task.more_grasps, float)
    if more.ndim != 2 or more.shape[1] != 4 or len(more) % k or not np.isfinite(more).all():
        yield f"more_grasps has the shape {more.shape}; it holds rows as grasps does, {k} an object, finite"


def _stated_sequences(sequences: tuple[tuple[int, ...], ...], grasps: np.ndarray) -> Iterator[str]:
    """Rules for the sequences of a task of several choices: a path of its own for each mode."""
    lengths = {len(sequence) for sequence in sequences}
    if len(set(sequences)) != len(grasps) or lengths == {0} or len(lengths) > 1:
        yield f"sequences is {sequences!r}; it holds a different one of each mode, all equally long"
        return
    if any(len(set(sequence)) < len(sequence) for sequence in sequences):
        yield "a sequence names a part twice; a choice that comes again has an index of its own"
    first = np.array([sequence[0] for sequence in sequences])
    same_grasp = (grasps[:, None] == grasps).all(-1)
    if (same_grasp != (first[:, None] == first)).any():
        yield "two modes have the same row in grasps exactly if their sequences begin with the same part"


_MEANING = {
    "id": 'e.g. id = "PandaLiftStool-v1"',
    "goal": "a sentence that says what is to be done",
    "modes": 'the names of the right ways, e.g. ("left grip", "right grip")',
    "max_episode_steps": "the length of an episode in control steps",
    "objects": "the names of the observed bodies",
    "grasps": "the hand's x, y, z [m] and yaw [rad] in every mode, (k, 4)",
    "hand_start": "where the hand starts, x, y, z [m]",
}
