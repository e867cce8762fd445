"""A server's words are compared with the task's typed specs, and all that does not fit is told at once."""

import numpy as np
import pytest
from bimodal.envs.robot.inverse_kinematics import columns_from_rotation
from bimodal.envs.specs import OPENING_HIGH, OPENING_LOW
from bimodal.policies import Needs
from bimodal.policies.remote.contract import agree, announcement, offer
from bimodal.policies.remote.conventions import GRIPPERS, hand_state, to_ours
from bimodal.tasks import load_task
from scipy.spatial.transform import Rotation

TASK = load_task("PandaLiftDumbbell-v1")


def said(**changes):
    one = offer(TASK, Needs(("tcp_position", "tcp_rotation")), 16) | changes
    return announcement("toy", {TASK.id: one}, 100, True)


@pytest.mark.parametrize("space", ["ee_absolute", "ee_delta", "joint_absolute"])
def test_what_bimodal_announces_bimodal_agrees_to(space):
    for task in (TASK, load_task("TwoPandaHandover-v1")):
        needs = Needs(("gripper_opening", "tcp_position"), space, 4)
        found = agree(announcement("toy", {"*": offer(task, needs, 16)}, 100, False), task)
        assert (found.problems, found.assumed) == ((), ())
        assert found.observations == ("tcp_position", "gripper_opening")
        assert (found.action, found.n_action_steps, found.chunk_size) == (space, 4, 16)
        assert (found.max_batch_size, found.remembers) == (100, False)


def test_all_mismatches_are_told_at_once():
    observations = [
        {"name": "tcp_position", "shape": [3], "unit": "mm", "frame": "tcp"},
        {"name": "tcp_velocity", "shape": [3], "unit": "m", "frame": "world"},
    ]
    changes = {"rotation": "quaternion_wxyz", "gripper": "yes", "n_action_steps": 20, "control_hz": 10}
    problems = agree(said(observations=observations, **changes), TASK).problems
    for words in (
        "tcp_position: unit 'mm' there, 'm' here, frame 'tcp' there, 'world' here",
        "unknown observation of PandaLiftDumbbell-v1 'tcp_velocity'",
        "rotation is 'quaternion_wxyz'; it can be columns, interleaved",
        "gripper is 'yes'",
        "n_action_steps is 20, more than the 16 actions",
        "control_hz is 10; episodes run at 20",
    ):
        assert sum(words in problem for problem in problems) == 1, words
    assert len(problems) == 6
    assert not any("\n" in problem for problem in problems)


def test_what_is_not_said_is_assumed_and_told():
    one = offer(TASK, Needs(("tcp_position",)), 16)
    del one["rotation"], one["gripper"], one["observations"][0]["frame"]
    found = agree(announcement("toy", {TASK.id: one}, 0, True), TASK)
    assert found.problems == ()
    assert found.assumed == (
        "rotation = columns",
        "gripper = opening",
        "observation tcp_position: frame world",
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (None, "no map with `tasks`"),
        ({"tasks": []}, "no map with `tasks`"),
        ({"version": 2, "tasks": {}}, "version 2; 1 is read"),
        (announcement("toy", {"PandaLiftPot-v1": {}}, 0, True), "offers nothing for PandaLiftDumbbell-v1"),
        (said(action="jump"), "action is 'jump'; it can be ee_absolute, ee_delta, joint_absolute"),
        (said(observations="all"), "observations is no list of maps"),
        (said(chunk_size="16"), "chunk_size is '16'; it must be a whole number"),
        (said(n_action_steps=0), "n_action_steps is 0"),
        (said(actions=[]), "actions are ; ee_absolute has position, rotation, opening"),
        (said(rotation="axis_angle"), r"action rotation: shape \[6\] there, \[3\] here"),
    ],
)
def test_nonsense_is_refused(words, why):
    problems = agree(words, TASK).problems
    assert len(problems) == 1
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(problems[0])


def test_rotations_are_the_same_rotation_in_every_convention():
    turn = Rotation.from_rotvec([0.3, -2.0, 0.7])
    ours = np.concatenate([[0.1, 0.2, 0.3], columns_from_rotation(turn.as_matrix()), [0.04]])
    written = {
        "interleaved": turn.as_matrix()[:, :2].ravel(),  # row by row
        "axis_angle": turn.as_rotvec(),
        "quaternion_xyzw": turn.as_quat(),
        "euler_xyz": turn.as_euler("xyz"),
    }
    for convention, numbers in written.items():
        theirs = np.tile(np.concatenate([ours[:3], numbers, ours[9:]]), (2, 5, 2))  # of two arms
        np.testing.assert_allclose(
            to_ours(theirs, "ee_absolute", convention, "opening"), np.tile(ours, (2, 5, 2)), atol=1e-12
        )
    assert to_ours(ours, "ee_absolute", "columns", "opening") is ours
    seen = {"tcp_position": ours[:3], "tcp_rotation": ours[3:9], "gripper_opening": np.array([0.02])}
    state = hand_state(seen, "eef_pos3_quat4_gripper1")["observation/state"]
    assert state.dtype == np.float32
    np.testing.assert_allclose([*state[:3], abs(state[3:7] @ turn.as_quat()), state[7]], [*ours[:3], 1, 0.02])
    droid = hand_state(seen, "droid")
    np.testing.assert_allclose(droid["observation/cartesian_position"][3:], turn.as_euler("xyz"), atol=1e-6)
    assert droid["observation/gripper_position"] == pytest.approx(0.75)  # 1 is closed


@pytest.mark.parametrize("numbers", [[0, 0, 0, 0], [np.nan, 0, 0, 1]])
def test_a_rotation_that_is_none_is_not_finite_in_its_own_step_alone(numbers):
    theirs = np.array([[0, 0, 0, *numbers, 0], [0, 0, 0, 0, 0, 0, 1, 0]], float)
    found = to_ours(theirs, "ee_absolute", "quaternion_xyzw", "opening")
    assert np.isnan(found[0, 3:9]).all()
    np.testing.assert_array_equal(found[1, 3:9], [1, 0, 0, 0, 1, 0])


@pytest.mark.parametrize(
    ("name", "closed", "open_"), list(zip(GRIPPERS[1:], (1, -1, 1, 0), (-1, 1, 0, 1), strict=True))
)
def test_every_gripper_convention_opens_and_closes(name, closed, open_):
    theirs = np.zeros((2, 7))
    theirs[:, -1] = closed, open_
    assert to_ours(theirs, "ee_delta", "axis_angle", name)[:, -1].tolist() == [1, -1]
    theirs = np.zeros((2, 8))
    theirs[:, -1] = closed, open_
    found = to_ours(theirs, "joint_absolute", "", name)[:, -1]
    np.testing.assert_allclose(found, [OPENING_LOW, OPENING_HIGH], atol=1e-12)
