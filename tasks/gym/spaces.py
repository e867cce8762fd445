"""Observation and action spaces of the tasks as Gymnasium has them; docs/spaces.md explains every number."""

import numpy as np
from gymnasium import spaces

from ...envs.errors import unknown_name
from ...envs.specs import ACTIONS, bounds, of_arms
from ..core.task import Task
from .extras import Extras


def observation_space(task: Task, extras: Extras | None = None) -> spaces.Dict:
    """Return the space of a task's observation, in the order of `task.observation`, then `extras`."""
    return spaces.Dict(
        [(spec.name, spaces.Box(spec.low, spec.high, spec.shape, np.float64)) for spec in task.observation]
        + [*(extras.spaces() if extras else {}).items()]
    )


def action_space(name: str, arms: int = 1) -> spaces.Box:
    """Return an action space, `ee_absolute`, `ee_delta` or `joint_absolute`, for one arm or two side by side.

    Raises:
        WrongUse: no such action space.
    """
    if name not in ACTIONS:
        raise unknown_name("action space", name, ACTIONS)
    low, high = bounds(of_arms(ACTIONS[name], arms))
    return spaces.Box(low, high, dtype=np.float64)
