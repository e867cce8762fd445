"""The tasks: one file each. `task_names()` lists them, `load_task(name)` builds one."""

import importlib
from functools import cache

import gymnasium

from ..envs.errors import unknown_name
from .task import Measurement, Task

BUILT_IN = {
    "PandaLiftDumbbell-v1": "lift_dumbbell:LiftDumbbell",
    "PandaPickAroundPost-v1": "pick_around_post:PickAroundPost",
    "PandaLiftPot-v1": "lift_pot:LiftPot",
    "PandaPickEitherCube-v1": "pick_either_cube:PickEitherCube",
}
"""Task ids and where they live."""


def task_names() -> tuple[str, ...]:
    """Return the ids of all tasks."""
    return tuple(BUILT_IN)


@cache
def load_task(name: str) -> Task:
    """Return the task with this id.

    Raises:
        WrongUse: no such task; the message says the near names.
    """
    if name not in BUILT_IN:
        raise unknown_name("task", name, BUILT_IN)
    module, attribute = BUILT_IN[name].split(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)()


for _name in BUILT_IN:
    gymnasium.register(
        id=f"bimodal/{_name}",
        entry_point="bimodal.tasks.gymnasium_env:TaskEnv",
        vector_entry_point="bimodal.tasks.gymnasium_env:TaskVectorEnv",
        kwargs={"task": _name},
        disable_env_checker=True,
    )

__all__ = ["Measurement", "Task", "load_task", "task_names"]
