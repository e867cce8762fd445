"""What makes a task the task it is, in one hash: records of another fingerprint are of another task."""

import hashlib
import json

import numpy as np

from .task import Task


def fingerprint(task: Task) -> str:
    """Return the sha256 of everything that decides a task's episodes: scene and numbers."""
    spec = task.spec()
    spec.compile()
    numbers = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name in dir(task)
        if not name.startswith("_")
        and not callable(value := getattr(task, name))
        and name not in ("goal", "observation")
    }
    numbers["observation"] = [str(part) for part in task.observation]
    text = spec.to_xml() + json.dumps(numbers, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
