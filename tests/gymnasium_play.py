"""How the tests of the Gymnasium environments play and compare."""

import numpy as np

TASK = "PandaLiftTBar-v1"
ID = f"bimodal/{TASK}"
STAY = np.array([0, 0, 0, 0, 0, 0, -1.0])
"""`ee_delta`: keep still, gripper open."""
PLUNGE = np.array([0, 0, -1.0, 0, 0, 0, -1.0])
"""`ee_delta`: straight down, onto what must not be touched."""


def same(one, other):
    """Whether two observations, infos or values are equal to the bit; NaN equals NaN."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one.shape == other.shape and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, (np.ndarray, float)):
        return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind == "f")
    return type(one) is type(other) and one == other


def row_of(observation, row):
    return {name: component[row] for name, component in observation.items()}


def expert_plan(env, mode):
    """The expert's actions (T, A) for a single environment that has just been reset."""
    return env.unwrapped.task.plan(env.unwrapped.simulation, np.array([mode]))[0]


def play(env, actions):
    """Execute actions until the episode ends; return what every step returned."""
    steps = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            break
    return steps
