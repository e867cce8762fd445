"""What does not fit is refused before the first episode: all at once, a line each."""

import socket
import threading
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies import Episodes, Needs, load_policy
from bimodal.policies.remote import connection, openpi, remote_policy
from bimodal.tasks import load_task
from scipy.spatial.transform import Rotation
from toy_server import Toy, announced, reserved_port, wander

TASK = load_task("PandaLiftDumbbell-v1")
HANDOVER = load_task("TwoPandaHandover-v1")
KEYS = Episodes(np.array([7], np.uint64))
TURN = Rotation.from_euler("xyz", [3.0, 0.1, 0.2])
SEEN = {spec.name: np.zeros((1, spec.size)) for spec in TASK.observation} | {
    "tcp_position": np.array([[0.5, 0.1, 0.2]]),
    "tcp_rotation": TURN.as_matrix()[:, :2].T.reshape(1, 6),
    "gripper_opening": np.array([[0.02]]),
}


def refused(toy, task=TASK):
    """Return the lines with which a server is refused, without its address."""
    with toy, pytest.raises(WrongUse) as error:
        load_policy(toy.uri, task)
    assert len(toy.asked) <= 1
    return [line.removeprefix(f"{toy.uri}, {task.id}: ") for line in str(error.value).splitlines()]


def test_all_mismatches_are_told_at_once():
    contract = announced(TASK, rotation="quaternion_wxyz", n_action_steps=20, gripper=None)
    lines = refused(Toy("vla-eval", {"capabilities": {"bimodal": contract}}))
    assert [line.split()[0] for line in lines] == ["rotation", "gripper", "n_action_steps"]


# ---------------------------------------------------------------------- who is not the right server


@contextmanager
def listening(answer):
    """A server that is none: it accepts, and answers so many bytes; yields its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                with suppress(ConnectionError):  # of a client that waits no longer
                    try:
                        client, _ = server.accept()
                    except OSError:
                        return
                    with client:
                        client.recv(4096)
                        client.sendall(answer) if answer else over.wait(120)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("scheme", ["openpi", "vla-eval"])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "takes no WebSocket"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "is no WebSocket server"),
        (
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            "no server answers at .* \\(it takes no client at",
        ),
        (b"", "no server answers at .* \\(no connection within 0.2 s\\)"),
    ],
)
def test_what_is_no_websocket_is_named(scheme, answer, why, monkeypatch):
    if not answer:
        monkeypatch.setattr(connection, "OPEN_S", 0.2)
    with listening(answer) as port, pytest.raises(BimodalError, match=why):
        load_policy(f"{scheme}://127.0.0.1:{port}", TASK)


def test_nobody_there_is_told_at_once():
    with reserved_port() as port, pytest.raises(BimodalError) as error:
        load_policy(f"openpi://127.0.0.1:{port}", TASK)
    assert f"no server answers at openpi://127.0.0.1:{port} (connection refused" in str(error.value)


@pytest.mark.parametrize(("dialect", "other"), [("openpi", "vla-eval"), ("vla-eval", "openpi")])
def test_a_server_of_the_other_dialect_is_recognised(dialect, other, monkeypatch):
    if other == "openpi":  # whose client waits in vain to be spoken to first
        monkeypatch.setattr(openpi, "OPEN_S", 0.3)
    with Toy(dialect, {}) as toy, pytest.raises(WrongUse, match=rf"is it {dialect}://127.0.0.1:{toy.port}\?"):
        load_policy(toy.uri.replace(dialect, other), TASK)


@pytest.mark.parametrize(
    "uri",
    ["openpi://", "openpi://a", "openpi://a:0", "openpi://a:99999", "http://a:80", "vla-eval://a:1/x?y"],
)
def test_a_uri_that_names_no_server_is_refused(uri):
    with pytest.raises(WrongUse, match=r"names no server: write openpi://HOST:PORT or vla-eval://HOST:PORT"):
        load_policy(uri, TASK)


def test_a_server_that_never_answers_the_trial_question_is_refused(monkeypatch):
    monkeypatch.setattr(remote_policy, "_REQUEST_S", 0.1)
    waits = threading.Event()
    with Toy("openpi", {"bimodal": announced(TASK)}, lambda _: waits.wait(120)) as toy:
        with pytest.raises(BimodalError, match=r"does not answer a trial question: no answer within 0.1 s"):
            load_policy(toy.uri, TASK)
        waits.set()


# --------------------------------------------------------------------- servers that know no Bimodal

CAMERAS = {"image_resolution": [180, 320], "needs_wrist_camera": True, "n_external_cameras": 3}
ROBOARENA = {"needs_stereo_camera": False, "needs_session_id": False, "action_space": "joint_position"}
BLIND = {"image_resolution": None, "needs_wrist_camera": False, "n_external_cameras": 0}
STATE = {"state": {"name": "state", "dims": 0, "format": "raw"}}
LIBERO = {"position": "delta_xyz", "rotation": "axis_angle", "gripper": "binary_close_positive"}


def specs(**formats):
    return {name: {"name": name, "format": form} for name, form in formats.items()}


@pytest.mark.parametrize(
    ("dialect", "metadata", "words"),
    [
        (
            "openpi",
            CAMERAS | ROBOARENA | {"needs_stereo_camera": True},
            [
                "n_external_cameras is 3; it can be 0 to 2",
                "needs_stereo_camera",
                "image_resolution is [180, 320]",
            ],
        ),
        (
            "openpi",
            BLIND | ROBOARENA | {"action_space": "joint_velocity"},
            [
                "'joint_velocity'; those with a counterpart here: joint_position, cartesian_position",
            ],
        ),
        ("vla-eval", {}, ["it does not say what it observes (observation_spec)"]),
        ("vla-eval", {"observation_spec": STATE | specs(base_image="png")}, ["base_image: its format 'png'"]),
        (
            "vla-eval",
            {"observation_spec": STATE, "observation_params": {"send_video_history": True}},
            ["past pictures (send_video_history)"],
        ),
        ("vla-eval", {"observation_spec": specs(state="joint_positions")}, ["observation state: its format"]),
        (
            "vla-eval",
            {"observation_spec": {"state": {"format": "raw", "dims": 8}}},
            ["8 numbers there, 15 here"],
        ),
        (
            "vla-eval",
            {
                "observation_spec": STATE,
                "action_spec": specs(
                    position="joint_delta", rotation="rot6d_interleaved", gripper="continuous_01"
                ),
            },
            [
                "position: its format 'joint_delta'",
                "gripper: its format 'continuous_01'",
                "steps of interleaved",
            ],
        ),
        (
            "vla-eval",
            {"observation_spec": STATE, "action_spec": specs(joints="raw")},
            ["action_spec has joints; position, rotation, gripper can be driven"],
        ),
    ],
)
def test_what_there_is_not_yet_is_refused_and_never_made_up(dialect, metadata, words):
    toy = Toy(dialect, metadata)
    lines = refused(toy)
    assert len(lines) == len(words) and not toy.asked
    for word, line in zip(words, lines, strict=True):
        assert word in line


def test_two_arms_need_a_server_that_says_what_it_drives():
    lines = refused(Toy("vla-eval", {"observation_spec": STATE}), HANDOVER)
    assert len(lines) == 1 and "two arms" in lines[0]


def test_a_model_that_misses_something_is_refused_with_its_own_words():
    lines = refused(Toy("openpi", {}, lambda body: body["observation/image"]))
    assert lines[0] == "a trial question is answered with KeyError: 'observation/image'"
    assert len(lines) == 5 and all(line.startswith("(taken for granted") for line in lines[1:])


def test_a_trial_answer_of_the_wrong_width_is_refused():
    lines = refused(Toy("openpi", {}, lambda _: np.zeros((10, 10))))
    assert lines[0].endswith("actions of the shape (10, 10); expected (H >= 1, 7)")


@pytest.mark.parametrize(("length", "steps"), [(50, 5), (3, 3), (None, 1)])
def test_a_plain_openpi_server_is_asked_as_in_its_libero_example(length, steps):
    chunk = np.full((length, 7) if length else 7, 0.5, np.float32)
    with Toy("openpi", {}, lambda _: chunk) as toy:
        policy = load_policy(toy.uri, TASK)
        policy.reset(KEYS)
        actions = policy.act(SEEN).actions
    assert policy.needs() == Needs((), "ee_delta", steps)
    assert actions.shape == (1, steps, 7) and (actions == 0.5).all()
    state = toy.asked[-1]["observation/state"]
    assert state.dtype == np.float32
    np.testing.assert_allclose(
        state, np.concatenate([SEEN[spec.name][0] for spec in TASK.observation]), rtol=1e-6
    )
    named = [(one["name"], one["size"], one["unit"]) for one in toy.asked[-1]["bimodal"]["state"]]
    assert named == [(spec.name, spec.size, spec.unit) for spec in TASK.observation]
    assert any("ee_delta, as in openpi's LIBERO example" in line for line in policy.assumed)


@pytest.mark.parametrize("session", [True, False])
def test_a_blind_roboarena_server_is_told_of_each_episode_and_driven(session):
    chunk = np.concatenate(
        [np.tile([0.4, 0.0, 0.3, *TURN.as_euler("xyz")], (4, 1)), [[1], [1], [0], [0]]], axis=1
    )
    config = BLIND | ROBOARENA | {"action_space": "cartesian_position", "needs_session_id": session}
    with Toy("openpi", config, lambda _: chunk) as toy:
        policy = load_policy(toy.uri, TASK)
        policy.reset(KEYS)
        actions = policy.act(SEEN).actions[0]
        policy.act(SEEN)
    assert policy.needs() == Needs((), "ee_absolute", 4)  # all actions of a chunk are executed
    np.testing.assert_allclose(actions[:, 3:9], np.tile(SEEN["tcp_rotation"], (4, 1)), atol=1e-12)
    np.testing.assert_allclose(actions[:, 9], [-0.008, -0.008, 0.08, 0.08], atol=1e-12)
    assert len(toy.started) == 2  # the trial's, the episode's
    assert ("session_id" in toy.asked[-1]) is session
    assert toy.asked[-1]["endpoint"] == "infer"
    np.testing.assert_allclose(toy.asked[-1]["observation/gripper_position"], [0.75], rtol=1e-6)


def test_a_plain_vla_eval_server_is_driven_in_its_own_conventions():
    target = np.concatenate([[0.4, 0.0, 0.3], TURN.as_matrix()[:, :2].ravel(), [-1.0]])  # row by row; closed
    forms = specs(position="absolute_xyz", rotation="rot6d_interleaved", gripper="binary_close_negative")
    spec = {"state": {"format": "eef_pos3_quat4_gripper1", "dims": 8}, "task": {"format": "language"}}
    with Toy("vla-eval", {"observation_spec": spec, "action_spec": forms}, lambda _: target) as toy:
        policy = load_policy(toy.uri, TASK)
        policy.reset(KEYS)
        actions = policy.act(SEEN).actions
    assert policy.needs() == Needs((), "ee_absolute", 1)
    np.testing.assert_allclose(actions[0, 0, 3:9], SEEN["tcp_rotation"][0], atol=1e-12)
    assert actions[0, 0, 9] == pytest.approx(-0.008)
    asked = toy.asked[-1]
    assert asked["task_description"] == TASK.goal and toy.started[-1]["task"] == {
        "name": TASK.id,
        "noise_key": 7,
    }
    np.testing.assert_array_equal(asked["state"], asked["states"])
    quaternion = asked["state"][3:7]
    assert abs(quaternion @ TURN.as_quat()) == pytest.approx(1, abs=1e-6)


def test_the_name_on_the_board_is_the_one_that_the_server_announces():
    with Toy("openpi", {"bimodal": announced(TASK)}, wander) as toy:
        assert load_policy(toy.uri, TASK).called == "wander (openpi)"
        assert load_policy(f"safe({toy.uri})", TASK).called == "safe(wander (openpi))"


def test_a_roboarena_server_that_cannot_begin_an_episode_is_refused():
    def model(body):
        return np.zeros((4, 8))

    toy = Toy("openpi", BLIND | ROBOARENA, model)
    toy.reset = "Traceback (most recent call last):\nValueError: no such session\n"
    assert refused(toy)[0] == "a trial question is answered with ValueError: no such session"
