"""What makes a task the task it is, in one hash: records of another fingerprint are of another task."""

import hashlib
import json

import numpy as np

from .hand_path import plan_from_paths
from .task import Task

HASHED_AS = {"max_episode_steps": "horizon", "shared_steps": "trunk_steps"}
"""Names under which attributes enter the hash that have another name now; a new name is no new task."""

UNHASHED = (
    "goal",
    "observation",
    "slow_because",
    "informed_control",
    "informed_steps",
    "supersedes",
    "arms",
    "more_grasps",
)
"""Attributes that decide no episode, or that show otherwise, as the arms do in the scene."""


def fingerprint(task: Task) -> str:
    """Return the sha256 of everything that decides a task's episodes: scene and numbers."""
    spec = task.spec()
    spec.compile()
    numbers = {
        HASHED_AS.get(name, name): value.tolist() if isinstance(value, np.ndarray) else value
        for name in dir(task)
        if not name.startswith("_") and not callable(value := getattr(task, name)) and name not in UNHASHED
    }
    numbers["observation"] = [str(part) for part in task.observation]
    numbers["experts"] = _experts(task)
    text = spec.to_xml() + json.dumps(numbers, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _experts(task: Task) -> str:
    """Return the sha256 of every mode's plan from the middle of the starts, on a grid that all CPUs share."""
    k = len(task.modes)
    paths = task.paths(np.tile(task.hands()[:, None, :3], (1, k, 1)), np.arange(k))
    plan = plan_from_paths(paths, np.tile([*task.centre, 0.0], (k, 1)))
    return hashlib.sha256(np.rint(plan / 1e-6).astype("<i8").tobytes()).hexdigest()
