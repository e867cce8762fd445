"""Which joints, servos and shapes of a compiled scene belong to robots, and which shapes to nobody."""

from collections.abc import Sequence

import mujoco
import numpy as np

from ..specs import PREFIXES
from .panda import FINGER_JOINTS


def finger_joints(model: mujoco.MjModel) -> np.ndarray:
    """Return the joints of all fingers, (2 arms,)."""
    names = (mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) or "" for i in range(model.njnt))
    return np.array([i for i, name in enumerate(names) if name.endswith(FINGER_JOINTS)])


def finger_servos(model: mujoco.MjModel) -> np.ndarray:
    """Return the servos of all fingers, (2 arms,)."""
    return np.flatnonzero(np.isin(model.actuator_trnid[:, 0], finger_joints(model)))


def fingers(model: mujoco.MjModel) -> np.ndarray:
    """Return which shapes belong to fingers, (ngeom,) bool."""
    return _among(model.body_weldid, model.jnt_bodyid[finger_joints(model)], model)


def pads(model: mujoco.MjModel) -> np.ndarray:
    """Return which shapes are finger pads, (ngeom,) bool."""
    return np.array([model.geom(i).name.endswith("_pad_collision") for i in range(model.ngeom)])


def robots(model: mujoco.MjModel) -> np.ndarray:
    """Return which shapes belong to a robot, (ngeom,) bool."""
    return _among(model.body_rootid, [model.body(PREFIXES[0] + "base").id], model)


def things(model: mujoco.MjModel) -> np.ndarray:
    """Return which shapes belong neither to a robot nor to table or floor, (ngeom,) bool."""
    return ~_among(model.body_rootid, [0, model.body("table").id], model) & ~robots(model)


def _among(owner: np.ndarray, some: Sequence[int] | np.ndarray, model: mujoco.MjModel) -> np.ndarray:
    """Return which shapes' bodies have their `owner` (nbody,) among some; a quicker `numpy.isin`."""
    chosen = np.zeros(model.nbody, bool)
    chosen[some] = True
    return chosen[owner[model.geom_bodyid]]
