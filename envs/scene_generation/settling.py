"""What moves by itself once a generated scene is let go; called by `validity.py`."""

import functools
from dataclasses import dataclass, field
from operator import attrgetter

import mujoco
import numpy as np

from ..base_scene import clean_model
from ..simulation_data import place
from ..specs import PREFIXES
from ..task_protocol import TaskProtocol
from .expert_reference import Reference, reference

SETTLING = 20
"""Physics steps in which a scene must stay as it is: 0.1 s."""
MOVED = 0.005
"""How far an object may have moved then [m]."""
SPEED = 0.05
"""How fast it may be then [m/s]."""

_sizes = attrgetter(
    *(n for n in dir(mujoco.MjModel) if n.startswith("n") and not n.startswith(("name", "numeric")))
)


@dataclass(frozen=True)
class _Layout:
    """A model by its sizes: data of one model fit every other model of the same sizes."""

    sizes: tuple[int, ...]
    model: mujoco.MjModel = field(compare=False)


@functools.lru_cache(maxsize=1)
def _data_of(layout: _Layout) -> mujoco.MjData:
    return mujoco.MjData(layout.model)


def _data(model: mujoco.MjModel) -> mujoco.MjData:
    """Return fresh data of a model: those of the last one if all its sizes are the same, which is quicker."""
    data = _data_of(_Layout(_sizes(model), model))
    mujoco.mj_resetData(model, data)
    return data


def moving(model: mujoco.MjModel, data: mujoco.MjData, seen: Reference) -> set[str]:
    """Let go and return the bodies that move."""
    places = data.xpos.copy()
    data.ctrl[:] = data.qpos[seen.joints]
    for _ in range(SETTLING):
        mujoco.mj_step(model, data)
    found = np.abs(data.xpos - places).max(1) > MOVED
    fast = np.abs(data.qvel) > 10 * SPEED
    found[model.dof_bodyid[len(seen.joints) :][fast[len(seen.joints) :]]] = True
    found[model.body_rootid == model.body(PREFIXES[0] + "base").id] = False
    return {model.body(index).name for index in np.flatnonzero(found)}


@functools.lru_cache(maxsize=64)
def restless(task: TaskProtocol) -> set[str]:
    """Return the bodies that move by themselves in the clean scene already, such as a pointer."""
    seen = reference(task)
    model = clean_model(task)
    return moving(model, begun(model, seen, seen.start.poses), seen)


def begun(model: mujoco.MjModel, seen: Reference, poses: dict[str, np.ndarray]) -> mujoco.MjData:
    """Return a scene at the average start."""
    data = _data(model)
    data.qpos[seen.joints] = seen.keyframes[0].qpos
    place(model, data, poses)
    mujoco.mj_fwdPosition(model, data)
    return data
