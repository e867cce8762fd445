"""The clean scene of a task, built once in a process: building and compiling take far longer than a copy."""

import functools
from typing import Any

import mujoco


@functools.lru_cache(maxsize=64)
def clean_spec(task: Any) -> mujoco.MjSpec:
    """Return the task's own scene; copy it before you change it."""
    return task.spec()


@functools.lru_cache(maxsize=64)
def clean_model(task: Any) -> mujoco.MjModel:
    """Return it compiled; copy it before you change it."""
    return task.spec().compile()
