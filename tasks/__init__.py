"""The tasks: one file each. `task_names()` lists them, `load_task(name)` builds one."""

from .core.registry import add_task_file, load_task, register_all, task_id, task_names
from .core.task import Measurement, Task

register_all()

__all__ = ["Measurement", "Task", "add_task_file", "load_task", "task_id", "task_names"]
