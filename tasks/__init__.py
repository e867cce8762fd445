"""The tasks: one file each. `task_names()` lists them, `load_task(name)` builds one."""

import gymnasium

from .registry import load_task, task_names
from .task import Measurement, Task

for _name in task_names():
    gymnasium.register(
        id=f"bimodal/{_name}",
        entry_point="bimodal.tasks.gymnasium_env:TaskEnv",
        vector_entry_point="bimodal.tasks.gymnasium_env:TaskVectorEnv",
        kwargs={"task": _name},
        disable_env_checker=True,
    )

__all__ = ["Measurement", "Task", "load_task", "task_names"]
