"""What actions do in every task: replays to the bit, targets reached, axes and signs as documented."""

import numpy as np
import pytest
from bimodal.envs.random_streams import stream
from bimodal.envs.robot import inverse_kinematics as control
from bimodal.envs.specs import CONTROL_HZ, OPENING_HIGH
from task_worlds import SEEDS


@pytest.fixture(scope="module")
def world(played_world):
    return played_world


def move(simulation, action, steps):
    """Let every arm go where one `ee_delta` action (N, 7) sends it, and stay there."""
    targets = simulation.targets(np.tile(action, len(simulation.arms)), "ee_delta").reshape(
        len(action), -1, 9
    )
    opening = targets[..., 7:8] - targets[..., 8:]
    held = np.concatenate([targets[..., :7], opening], 2).reshape(len(action), -1)
    for _ in range(steps):
        simulation.step(held, "joint_absolute")


def test_a_restored_state_replays_bit_for_bit(world):
    rollout, grasp = world.expert, int(np.argmax(world.expert.seen.in_hand[:, 0]))
    simulation = world.begin(np.tile(SEEDS, world.modes))
    plan = world.task.plan(simulation, world.expert_modes)
    for begin in (grasp - 2, 3):  # in first contact, and in the air
        simulation.restore(rollout.states[begin])
        for step in range(begin + 1, begin + 16):
            simulation.step(plan[:, step])
            assert (simulation.state() == rollout.states[step]).all()


def test_ee_delta_moves_every_hand_by_five_centimetres_a_unit(world):
    simulation = world.begin([0, 1, 2, 3])
    starts = [arm.tcp_position.copy() for arm in simulation.arms]
    action = np.zeros((4, 7))
    action[:, 6] = -1.0
    action[[0, 1, 2, 3], [0, 1, 2, 2]] = [0.4, -0.4, 0.4, -0.2]
    move(simulation, action, 30)
    for arm, start in zip(simulation.arms, starts, strict=True):
        np.testing.assert_allclose(arm.tcp_position - start, 0.05 * action[:, :3], atol=0.001)
        np.testing.assert_allclose(arm.opening, OPENING_HIGH, atol=1e-3)


def test_ee_delta_turns_about_world_axes_and_closes_with_plus_one(world):
    simulation = world.begin([0, 1])
    before = [arm.tcp_rotation.copy() for arm in simulation.arms]
    action = np.zeros((2, 7))
    action[:, 5], action[:, 6] = [0.5, -0.5], [1.0, 0.0]
    move(simulation, action, 30)
    for arm, rotation in zip(simulation.arms, before, strict=True):
        turned = control.rotation_error(arm.tcp_rotation, rotation)
        np.testing.assert_allclose(turned, [[0, 0, 0.25], [0, 0, -0.25]], atol=0.02)
        assert arm.opening[0] < 0.002 and arm.opening[1] > 0.079


def test_joint_targets_are_reached_within_a_second(world):
    simulation = world.begin([0, 1])
    target = simulation.stay("joint_absolute").reshape(2, -1, 8)
    target[..., :7] += np.array(
        [[[0.1, -0.1, 0.1, 0.1, -0.1, 0.1, 0.2]], [[-0.1, -0.2, -0.1, 0.1, 0.1, 0.0, -0.2]]]
    )
    target[..., 7] = 0.04
    for _ in range(CONTROL_HZ):
        simulation.step(target.reshape(2, -1), "joint_absolute")
    for index, arm in enumerate(simulation.arms):
        assert np.abs(simulation.qpos[:, arm.joints] - target[:, index, :7]).max() < 0.01
        np.testing.assert_allclose(arm.opening, 0.04, atol=1e-3)


def test_inverse_kinematics_settles_within_six_tenths_of_a_millimetre(world):
    """What stays is the pull towards the home posture: 0.57 mm where two arms reach far to the side."""
    simulation = world.begin(SEEDS)
    away = stream("targets", world.task.id).uniform([-0.06, -0.1, 0.02], [0.06, 0.1, 0.1], (len(SEEDS), 3))
    target = simulation.stay("ee_absolute").reshape(len(SEEDS), -1, 10)
    target[..., :3] += away[:, None]
    for _ in range(CONTROL_HZ * 3 // 2):
        simulation.step(target.reshape(len(SEEDS), -1))
    for arm, wanted in zip(simulation.arms, target.swapaxes(0, 1), strict=True):
        missed = np.linalg.norm(arm.tcp_position - wanted[:, :3], axis=1)
        assert missed.max() <= 0.6e-3, f"{1e3 * missed.max():.2f} mm"
        error = control.rotation_error(control.rotation_from_columns(wanted[:, 3:9]), arm.tcp_rotation)
        assert np.linalg.norm(error, axis=1).max() < 0.01
