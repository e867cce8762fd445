"""One row of numbers holds the whole state of a physics scene; every recorded state is such a row."""

import mujoco
import numpy as np

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""The parts of a scene's state that a row holds: all that its future depends on."""


def state_size(model: mujoco.MjModel) -> int:
    """Return how many numbers a row has."""
    return mujoco.mj_stateSize(model, STATE)


def set_state(model: mujoco.MjModel, data: mujoco.MjData, state: np.ndarray) -> None:
    """Put a row (nstate,) into `data`; what follows from it, e.g. places of bodies, is not yet computed."""
    mujoco.mj_setState(model, data, np.asarray(state, np.float64), STATE)
