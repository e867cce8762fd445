"""Streams, specs, control and frames, each against an independent calculation."""

from hashlib import blake2b

import numpy as np
import pytest
from bimodal.envs.frames import from_frame, to_frame
from bimodal.envs.random_streams import noise_key, stream
from bimodal.envs.robot import inverse_kinematics as control
from bimodal.envs.robot import panda as robot
from bimodal.envs.specs import ACTIONS, CONTROL_HZ, ROBOT_OBSERVATION, bounds, size
from bimodal.tasks import load_task, task_names
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

RNG = np.random.default_rng(5)
_BEGIN = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    RNG.bit_generator.state = _BEGIN


# ------------------------------------------------------------------------------------------------ streams


def philox(key, block):
    """Philox4x64-10 of Salmon, Moraes, Dror and Shaw (2011): four 64-bit words of a counter block."""
    word = (1 << 64) - 1
    counter, keys = [block, 0, 0, 0], [key & word, key >> 64]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
        counter = [
            (second >> 64) ^ counter[1] ^ keys[0],
            second & word,
            (first >> 64) ^ counter[3] ^ keys[1],
            first & word,
        ]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) & word, (keys[1] + 0xBB67AE8584CAA73B) & word]
    return counter


def words(*key):
    """The first eight words of a stream, from its documentation: Philox keyed by BLAKE2b of the key."""
    text = "\x1f".join(f"{'int' if isinstance(part, int) else 'str'}:{part}" for part in key)
    number = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")
    return philox(number, 1) + philox(number, 2)


@pytest.mark.parametrize("key", [("start", "PandaLiftPot-v1", 7), ("coin", 2**64 - 1), ("",), (0,)])
def test_a_stream_is_philox_keyed_by_a_hash(key):
    expected = words(*key)
    assert stream(*key).bit_generator.random_raw(8).tolist() == expected
    assert stream(*key).random(4).tolist() == [(word >> 11) * 2.0**-53 for word in expected[:4]]


def test_a_stream_depends_on_its_key_alone():
    first = stream("start", 1).random(3)
    np.random.seed(0), stream("start", 2).random(99)  # noqa: NPY002
    assert stream("start", 1).random(3).tolist() == first.tolist()


def test_strings_integers_and_groupings_never_share_a_stream():
    keys = [
        ("1",),
        (1,),
        ("a", "b"),
        ("ab",),
        ("a", "b", ""),
        ("a", 1),
        ("a", "1"),
        ("a1",),
        (1, 2),
        (12,),
        (-1,),
    ]
    assert len({stream(*key).bit_generator.random_raw() for key in keys}) == len(keys)


def test_streams_of_neighbouring_seeds_are_independent():
    values = np.array([stream("start", "PandaLiftPot-v1", seed).random(4) for seed in range(2000)])
    correlations = np.corrcoef(np.concatenate([values[:-1].T, values[1:].T]))
    assert np.abs(correlations - np.eye(8)).max() < 5 / np.sqrt(2000)
    assert np.abs(values.mean(0) - 0.5).max() < 5 / np.sqrt(12 * 2000)


def test_noise_keys_are_words_of_their_own():
    keys = [noise_key("1", task, seed) for task in task_names() for seed in range(1000)]
    assert len(set(keys)) == len(keys)
    assert noise_key("1", "a", 3).dtype == np.uint64
    assert noise_key("1", "a", 3) != noise_key("2", "a", 3)


# -------------------------------------------------------------------------------------------------- specs


@pytest.mark.parametrize(("space", "count"), [("ee_absolute", 10), ("ee_delta", 7), ("joint_absolute", 8)])
def test_action_spaces_have_their_documented_sizes(space, count):
    low, high = bounds(ACTIONS[space])
    assert size(ACTIONS[space]) == len(low) == len(high) == count
    assert (low < high).all()


def test_bounds_follow_the_components():
    low, high = bounds(ACTIONS["ee_absolute"])
    assert low.tolist() == [-2.0] * 3 + [-1.5] * 6 + [-0.008]
    assert high.tolist() == [2.0] * 3 + [1.5] * 6 + [0.08]
    assert CONTROL_HZ == 20


@pytest.mark.parametrize("name", task_names())
def test_observations_are_named_once_and_start_with_the_robot(name):
    specs = load_task(name).observation
    assert specs[: len(ROBOT_OBSERVATION)] == ROBOT_OBSERVATION
    assert len({spec.name for spec in specs}) == len(specs)
    assert all(
        spec.size == np.prod(spec.shape) and spec.unit and spec.frame and spec.description for spec in specs
    )


# ------------------------------------------------------------------------------------------------ control


def rotations(n, largest=np.pi):
    axis = RNG.normal(size=(n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    return axis * RNG.uniform(0, largest, (n, 1))


def test_rotation_vectors_agree_with_scipy():
    vectors = np.concatenate([rotations(100), rotations(20, 1e-7), np.zeros((1, 3))])
    np.testing.assert_allclose(
        control.rotation_from_vector(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12
    )


def test_rotation_error_agrees_with_scipy():
    current = Rotation.from_rotvec(rotations(100))
    for largest in (np.pi - 1e-3, 1e-3):
        turn = Rotation.from_rotvec(rotations(100, largest))
        found = control.rotation_error((turn * current).as_matrix(), current.as_matrix())
        np.testing.assert_allclose(found, turn.as_rotvec(), atol=1e-9)
    same = current.as_matrix()
    assert np.abs(control.rotation_error(same, same)).max() < 1e-12


def test_columns_are_the_first_two_of_a_rotation_and_come_back():
    turn = Rotation.from_rotvec(rotations(50)).as_matrix()
    columns = control.columns_from_rotation(turn)
    np.testing.assert_array_equal(columns, np.concatenate([turn[:, :, 0], turn[:, :, 1]], axis=1))
    np.testing.assert_allclose(control.rotation_from_columns(columns), turn, atol=1e-12)


def test_unclean_columns_become_a_rotation_that_keeps_the_first_direction():
    columns = RNG.normal(size=(200, 6))
    found = control.rotation_from_columns(columns)
    np.testing.assert_allclose(
        np.swapaxes(found, 1, 2) @ found, np.broadcast_to(np.eye(3), (200, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-12)
    first = columns[:, :3] / np.linalg.norm(columns[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, :, 0], first, atol=1e-12)
    assert (np.sum(found[:, :, 1] * columns[:, 3:], axis=1) > 0).all(), "the second keeps its side"


@pytest.mark.parametrize("columns", [np.zeros(6), np.array([1.0, 0, 0, 1.0, 0, 0])])
def test_columns_that_say_nothing_give_finite_numbers(columns):
    assert np.isfinite(control.rotation_from_columns(columns[None])).all()


def clipped(vector, limit):
    return vector * min(1.0, limit / max(np.linalg.norm(vector), 1e-12))


def test_the_joint_step_is_the_damped_least_squares_solution():
    n = 20
    jacobian, posture = RNG.normal(size=(n, 6, 7)), RNG.normal(size=(n, 7))
    position, turn = RNG.normal(size=(n, 3)) * 0.05, rotations(n, 0.6)
    found = control.joint_step(jacobian, position, turn, posture)
    for row in range(n):
        error = np.concatenate([clipped(position[row], 0.05), clipped(turn[row], 0.4)])
        pull = 0.1 * posture[row]
        # argmin over dq of |J dq - e|^2 + 1e-3 |dq - pull|^2, as one tall system.
        tall = np.concatenate([jacobian[row], np.sqrt(1e-3) * np.eye(7)])
        right = np.concatenate([error, np.sqrt(1e-3) * pull])
        np.testing.assert_allclose(found[row], np.linalg.lstsq(tall, right, rcond=None)[0], atol=1e-9)
    numeric = minimize(lambda dq: np.sum((tall @ dq - right) ** 2), np.zeros(7), tol=1e-14)
    np.testing.assert_allclose(found[-1], numeric.x, atol=1e-4)


def test_a_row_of_the_joint_step_does_not_depend_on_the_others():
    jacobian, posture = RNG.normal(size=(9, 6, 7)), RNG.normal(size=(9, 7))
    position, turn = RNG.normal(size=(9, 3)), rotations(9)
    whole = control.joint_step(jacobian, position, turn, posture)
    for row in range(9):
        part = slice(row, row + 1)
        alone = control.joint_step(jacobian[part], position[part], turn[part], posture[part])
        np.testing.assert_array_equal(alone[0], whole[row])


def test_fingers_share_the_opening_and_stop_at_their_ends():
    found = control.finger_targets(np.array([0.05, 0.08, 1.0, 0.0, -0.008, -1.0]))
    np.testing.assert_allclose(found[:, 0], [0.025, 0.04, 0.04, 0.0, -0.004, -0.004])
    np.testing.assert_array_equal(found[:, 1], -found[:, 0])


@pytest.mark.parametrize("yaw", [0.0, 0.3, np.pi, -2.0])
def test_a_hand_that_points_down_opens_along_its_yaw(yaw):
    (found,) = robot.down(np.array([yaw]))
    expected = Rotation.from_euler("z", yaw).as_matrix() @ np.diag([1.0, -1.0, -1.0])
    np.testing.assert_allclose(found, expected, atol=1e-12)


# ------------------------------------------------------------------------------------------------- frames


def test_a_scene_frame_turns_and_moves_points():
    frame = np.array([[1.0, 2.0, np.pi / 2]])
    np.testing.assert_allclose(from_frame(np.array([[1.0, 0.0, 0.3]]), frame), [[1.0, 3.0, 0.3]], atol=1e-12)
    np.testing.assert_allclose(to_frame(np.array([[1.0, 3.0, 0.3]]), frame), [[1.0, 0.0, 0.3]], atol=1e-12)


def test_into_and_out_of_a_frame_are_inverse():
    points, frames = RNG.normal(size=(100, 3)), RNG.uniform(-3, 3, (100, 3))
    np.testing.assert_allclose(to_frame(from_frame(points, frames), frames), points, atol=1e-12)
    np.testing.assert_allclose(from_frame(to_frame(points, frames), frames), points, atol=1e-12)
    turn = Rotation.from_euler("z", frames[:, 2:])
    offset = np.concatenate([frames[:, :2], np.zeros((100, 1))], axis=1)
    np.testing.assert_allclose(from_frame(points, frames), turn.apply(points) + offset, atol=1e-12)


def test_frames_broadcast_over_time():
    points, frames = RNG.normal(size=(4, 6, 3)), RNG.uniform(-3, 3, (4, 3))
    whole = from_frame(points, frames[:, None])
    for step in range(6):
        np.testing.assert_array_equal(whole[:, step], from_frame(points[:, step], frames))
