"""Two arms on one table: mirror images that share nothing but the scene."""

from typing import ClassVar

import mujoco
import numpy as np
import pytest
from bimodal.envs.scene import BASES, Scene, table_extents
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS, ROBOT_OBSERVATION, bounds, of_arms, size
from bimodal.envs.task_protocol import Start

MIDDLE = BASES[:, :2].mean(0)


class Block:
    """A fixed block in the middle, a hand on either side of it."""

    id: ClassVar[str] = "Block-v1"
    arms: ClassVar[int] = 2
    observation = of_arms(ROBOT_OBSERVATION, 2)

    def spec(self):
        scene = Scene(self.arms)
        block = scene.fixed("block")
        scene.box(block, "block", (0.02, 0.02, 0.08), (0, 0, 0.04), (0.5, 0.5, 0.5))
        scene.watch("block", "block")
        for arm in range(self.arms):
            scene.watch_fingers("block", f"grip_{arm}", arm)
        return scene.spec

    def start(self, rng):
        """Turned by half a turn about the middle, the scene is itself again."""
        aside = np.array([0.12, 0.0, 0.0])
        tcp = np.array([*MIDDLE, 0.06]) + np.stack([-aside, aside])
        block = np.array([*MIDDLE, 0.0, 1.0, 0.0, 0.0, 0.0])
        return Start({"block": block}, tcp, np.array([np.pi / 2, -np.pi / 2]), np.array([*MIDDLE, 0.0]))

    def observe(self, simulation):
        return {}


@pytest.fixture
def simulation():
    simulation = Simulation(Block(), 2)
    simulation.reset([0, 1])
    return simulation


def go(simulation, arm, place):
    """Let one arm go to `place` (3,) [m] while the other stays."""
    action = simulation.stay("ee_absolute").reshape(simulation.n, -1, 10)
    action[:, arm, :3] = place
    for _ in range(30):
        simulation.step(action.reshape(simulation.n, -1))


def test_an_action_or_observation_names_the_first_arm_and_then_the_second():
    for specs in (ROBOT_OBSERVATION, *ACTIONS.values()):
        both = of_arms(specs, 2)
        assert of_arms(specs, 1) == both[: len(specs)] == specs
        assert [spec.name for spec in both[len(specs) :]] == [f"second_{spec.name}" for spec in specs]
        assert size(both) == 2 * size(specs)
        assert (bounds(both)[0].reshape(2, -1) == bounds(specs)[0]).all()


def test_the_second_arm_is_the_first_turned_by_half_a_turn(simulation):
    turns = [[1, 1, 1], [-1, -1, 1]]
    for shift in (np.zeros(3), np.array([0.05, -0.04, 0.1])):
        starts = [arm.tcp_position[0] for arm in simulation.arms]
        places = [start + shift * turn for start, turn in zip(starts, turns, strict=True)]
        action = simulation.stay("ee_absolute").reshape(2, 2, 10)
        action[:, :, :3] = places
        for _ in range(30):
            simulation.step(action.reshape(2, -1))
        angles = [simulation.qpos[:, arm.joints] for arm in simulation.arms]
        np.testing.assert_allclose(angles[0], angles[1], atol=1e-6)
        offsets = [arm.tcp_position[:, :2] - MIDDLE for arm in simulation.arms]
        np.testing.assert_allclose(offsets[0], -offsets[1], atol=1e-6)


def test_one_arm_does_not_move_the_other(simulation):
    alone = Simulation(Block(), 2)
    alone.reset([0, 1])
    start = simulation.tcp_position[0].copy()
    go(alone, 0, start)
    go(simulation, 0, start + [0.05, 0.05, 0.05])
    assert np.abs(simulation.tcp_position - alone.tcp_position).min() > 0.04
    np.testing.assert_allclose(simulation.arms[1].tcp_position, alone.arms[1].tcp_position, atol=1e-9)


@pytest.mark.parametrize("arm", [0, 1])
def test_a_sensor_of_the_robot_feels_either_arm_and_one_of_fingers_its_own(simulation, arm):
    go(simulation, arm, [*MIDDLE, 0.06])
    action = simulation.stay("ee_absolute").reshape(2, 2, 10)
    action[:, arm, 9] = 0.0
    for _ in range(10):
        simulation.step(action.reshape(2, -1))
    for side in ("left", "right"):
        assert (simulation.force(f"grip_{arm}_{side}") > 30).all()
        assert (simulation.force(f"grip_{1 - arm}_{side}") == 0).all()
    action[:, arm, 1] += 0.03
    for _ in range(5):
        simulation.step(action.reshape(2, -1))
    assert (simulation.force("block") > 1).all()


def test_arms_never_touch_each_other():
    model = Block().spec().compile()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    robot = model.geom_contype == 0
    for _ in range(200):
        data.qpos[:] = rng.uniform(-1.5, 1.5, model.nq)
        mujoco.mj_forward(model, data)
        assert not robot[data.contact.geom].all(axis=1).any()


def test_both_bases_stand_on_the_table_equally_far_from_its_ends():
    (x, y), half = table_extents(2)
    ends = np.array([x - half[0], x + half[0]])
    np.testing.assert_allclose(BASES[:, 0] - ends, [0.25, -0.25])
    assert (BASES[:, 1] == y).all() and half[1:] == table_extents(1)[1][1:]
