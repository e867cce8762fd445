"""Actions of other suites move our hand as they would move theirs: measured in the simulation."""

import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.gym import foreign_actions as foreign
from gymnasium_play import TASK
from scipy.spatial.transform import Rotation

SIDEWAYS = 0.01
"""Step of every wish along an axis [m]."""
TURN = 0.04
"""The same about an axis [rad]."""
STEPS = 6
WISHES = [
    *((axis * SIDEWAYS, np.zeros(3), False) for axis in np.concatenate([np.eye(3), -np.eye(3)])),
    *((np.zeros(3), axis * TURN, False) for axis in np.concatenate([np.eye(3), -np.eye(3)])),
    (np.zeros(3), np.zeros(3), True),
    (np.zeros(3), np.zeros(3), False),
]
"""What the hand should do in a step: translation [m], rotation vector [rad], world, and whether it closes."""


def euler(turn, order):
    return Rotation.from_rotvec(turn).as_euler(order)


# How each source writes a wish, from its own code, not from ours.
WRITES = {
    # robosuite 1.5 osc_pose.json: output_max 0.05, 0.5; panda_gripper.py: 1 => closed, -1 => open
    foreign.from_robosuite: lambda move, turn, close: [*move / 0.05, *turn / 0.5, 1 if close else -1],
    # robocasa gym_wrapper: gripper_close < 0.5 opens; then base_motion (4), control_mode
    foreign.from_robocasa: lambda move, turn, close: [*move / 0.05, *turn / 0.5, float(close), *[9] * 5],
    # RoboCasa365 on the Hub: base_motion, control_mode, position, rotation, gripper_close
    foreign.from_robocasa_dataset: lambda move, turn, close: [
        *[9] * 5,
        *move / 0.05,
        *turn / 0.5,
        float(close),
    ],
    # ManiSkill 3 pd_ee_pose.py: rot_action * rot_lower (-0.1), euler_angles_to_matrix "XYZ"; panda.py: the
    # fingers go from -0.01 to 0.04
    foreign.from_maniskill: lambda move, turn, close: [
        *(move / 0.1),
        *(euler(turn, "XYZ") / -0.1),
        -1 if close else 1,
    ],
    # openvla run_libero_eval.py: normalize_gripper_action, then invert_gripper_action: 0 = close, 1 = open
    foreign.from_openvla: lambda move, turn, close: [*move / 0.05, *turn / 0.5, 0.02 if close else 0.98],
    # BridgeData V2: metres, roll pitch yaw, 1 = open
    foreign.from_bridge: lambda move, turn, close: [*move, *euler(turn, "xyz"), float(not close)],
}


def poses(simulation):
    arm = simulation.arms[0]
    return arm.tcp_position.copy(), arm.tcp_rotation.copy(), arm.opening.copy()


@pytest.mark.parametrize("convert", WRITES, ids=lambda convert: convert.__name__)
def test_the_hand_does_what_was_asked_for_there(convert):
    actions = convert(np.array([WRITES[convert](*wish) for wish in WISHES]))
    assert actions.shape == (len(WISHES), 7) and np.abs(actions).max() <= 1
    simulation = Simulation(load_task(TASK), len(WISHES))
    simulation.reset([0] * len(WISHES))
    position, rotation, opening = poses(simulation)
    for _ in range(STEPS):
        simulation.step(actions, "ee_delta")
    after, turned, opened = poses(simulation)
    moved = after - position
    turns = Rotation.from_matrix(turned @ rotation.transpose(0, 2, 1)).as_rotvec()
    for row, (move, turn, close) in enumerate(WISHES):
        # the servos lag: at least 55 % of the way, and little across it
        assert moved[row] == pytest.approx(0.8 * STEPS * move, abs=0.25 * STEPS * SIDEWAYS), row
        assert turns[row] == pytest.approx(0.8 * STEPS * turn, abs=0.25 * STEPS * TURN), row
        assert (opened[row] < 0.01) if close else (opened[row] > 0.9 * opening[row]), row


def test_absolute_actions_ask_for_the_same_as_steps():
    rng = np.random.default_rng(0)
    steps = np.concatenate([rng.uniform(-0.3, 0.3, (5, 6)), [[1], [-1], [1], [-1], [1]]], axis=1)
    ends = []
    for absolute in (False, True):
        simulation = Simulation(load_task(TASK), 5)
        simulation.reset(range(5))
        seen = simulation.observe()
        asked = foreign.to_absolute(steps, seen["tcp_position"], seen["tcp_rotation"]) if absolute else steps
        simulation.step(asked, "ee_absolute" if absolute else "ee_delta")
        ends.append(simulation.qpos.copy())
    assert np.allclose(*ends, atol=1e-9)


def test_a_full_step_of_maniskill_is_two_of_ours():
    step = foreign.from_maniskill(np.array([1.0, -2.0, 0, 0, 0, 0, 1]))
    assert step[:3].tolist() == [2.0, -2.0, 0.0]  # it clips, too


def test_an_action_of_another_width_is_refused():
    with pytest.raises(WrongUse, match="12 numbers, got 7"):
        foreign.from_robocasa(np.zeros(7))
