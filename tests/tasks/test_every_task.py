"""What every task must keep, here what it says of itself and its golden digests; a new task joins by itself.

The matrix of all tasks is this file and its neighbours `test_every_task_*.py`.

The golden digests are renewed, after a deliberate change of the physics, by
`BIMODAL_WRITE_GOLDEN=1 python -m pytest tests/tasks/test_every_task.py -k golden`.
"""

import hashlib
import json
import os
import warnings
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from bimodal.envs.robot import panda as robot
from bimodal.envs.simulation import Simulation
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.core.validation import problems
from gymnasium.utils.env_checker import check_env
from task_worlds import names

GOLDEN = Path(__file__).parents[1] / "golden" / f"{mujoco.__version__}.json"
ROBOT_BODIES = (
    *("base", *(f"link{i}" for i in range(8)), "right_hand", "right_gripper", "leftfinger", "rightfinger"),
    "table",
)


def test_gymnasiums_checker_accepts_every_action_space(world):
    for space in ("ee_absolute", "ee_delta", "joint_absolute"):
        env = gymnasium.make(f"bimodal/{world.task.id}", action_space=space)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)  # of what other tests left to be collected
            check_env(env.unwrapped, skip_render_check=True)
        complaints = [str(warning.message) for warning in caught]
        if space != "ee_delta":  # metres and radians are not normalised, and are meant not to be
            complaints = [text for text in complaints if "symmetric and normalized" not in text]
        assert complaints == []


def test_the_task_is_sound(world):
    assert problems(world.task) == []


def test_the_docstring_tells_goal_randomisation_and_success(world):
    text = type(world.task).__doc__ or ""
    assert all(f"**{part}**:" in text for part in ("Goal", "Randomised", "Success"))
    assert world.task.goal.endswith(".") and len(set(world.task.modes)) == world.modes >= 2


def test_everything_has_a_name_and_what_others_rely_on_is_there(world):
    model = world.model
    for kind in ("body", "geom", "joint", "sensor"):
        found = names(model, kind)
        assert all(found) and len(set(found)) == len(found)
    assert set(ROBOT_BODIES) | set(world.task.objects) <= set(names(model, "body"))
    sensors = names(model, "sensor")
    sides = [name for name in sensors if name.endswith("_left")]
    assert "table" in sensors and sides
    assert {name.replace("_left", "_right") for name in sides} <= set(sensors)
    assert model.site(robot.TCP_SITE).id >= 0


# ------------------------------------------------------------------------------------------ golden


def rounded_digest(values, unit):
    """Hash of values on a grid, so that the last bits of another CPU do not count."""
    return hashlib.sha256(np.rint(np.asarray(values) / unit).astype("<i8").tobytes()).hexdigest()


def fingerprints(task):
    """Digests of two starts and of the states 20 expert steps later; without the solver's warm start, whose
    last bits are the least alike between CPUs."""
    simulation = Simulation(task, 2)
    simulation.reset([0, 1])
    start = simulation.state()
    plan = task.plan(simulation, np.array([0, 1]))
    for step in range(20):
        simulation.step(plan[:, step])
    moved = [simulation.qpos, simulation.qvel, simulation.ctrl, simulation.mocap_pos.reshape(2, -1)]
    return {
        "start": rounded_digest(start, 1e-9),
        "after 20 steps": rounded_digest(np.concatenate(moved, 1), 1e-6),
    }


def test_the_physics_is_the_golden_one(world):
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    found = fingerprints(world.task)
    if os.environ.get("BIMODAL_WRITE_GOLDEN") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(golden | {world.task.id: found}, indent=2, sort_keys=True) + "\n")
    elif world.task.id not in own_names():
        pytest.skip("a task from outside the package has no golden digests")
    elif not GOLDEN.exists():
        pytest.skip(f"no golden digests for MuJoCo {mujoco.__version__}; the suite is pinned to 4.0.0")
    else:
        assert golden.get(world.task.id) == found
