"""A served policy answers as the policy itself does, in both dialects, and refuses what is no request."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from bimodal.policies import Episodes
from bimodal.policies.remote.codec import LARGEST_FRAME
from bimodal.policies.remote.contract import agree
from bimodal.tasks import load_task
from scoring import DUMBBELL
from serving_clients import TASKS, Client, question, seen

WANDERING = Path(__file__).parent / "wandering.py"

both = pytest.mark.parametrize("server", ["openpi", "vla-eval"], indirect=True)


def answers_of_its_own(n, decisions):
    """What the policy answers when it is asked directly."""
    spec = importlib.util.spec_from_file_location("wandering", WANDERING)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    policy = module.Wanders(load_task(DUMBBELL))
    policy.reset(Episodes(np.arange(7, 7 + n, dtype=np.uint64)))
    shown = {name.removeprefix("observation/"): rows for name, rows in seen(n).items()}
    return [policy.act(shown).actions for _ in range(decisions)]


@both
def test_a_client_is_told_names_shapes_units_frames_and_conventions(server):
    with Client(server) as client:
        said = client.about
        assert tuple(said["tasks"]) == TASKS and said["policy"] == "Wanders" and said["control_hz"] == 20
        one = said["tasks"][DUMBBELL]
        assert [spec["name"] for spec in one["observations"]] == ["tcp_position", "tcp_rotation"]
        assert one["observations"][0] == {"name": "tcp_position", "shape": [3], "unit": "m", "frame": "world"}
        assert (one["rotation"], one["gripper"]) == ("columns", "opening")
        assert (one["n_action_steps"], one["chunk_size"]) == (4, 6)
        assert one["clip"] is True and said["max_batch_size"] > 1
        assert [name.rpartition("/")[2] for name in said["artifacts"]] == ["wandering.py"] * len(TASKS)
        agreed = agree(said, load_task(DUMBBELL))
        assert not agreed.problems and not agreed.assumed and agreed.n_action_steps == 4


@both
def test_episodes_come_out_as_the_policy_itself_decides_them_to_the_last_bit(server):
    own = answers_of_its_own(3, 3)
    with Client(server) as client:
        for decision in (0, 1, 1, 2):  # one is asked twice, as after a broken connection
            found = client.ask(question(3, decision))
            assert np.array_equal(found["actions"], own[decision])
            assert found["bimodal"] == {"seq": 40 + decision}
        again = client.ask(question(3))
        assert np.array_equal(again["actions"], own[0])
        alone = client.ask(question(None))
        assert np.array_equal(alone["actions"], answers_of_its_own(1, 1)[0][0])


def test_two_clients_at_once_do_not_disturb_each_other(server):
    own = answers_of_its_own(2, 2)
    with Client(server) as one, Client(server) as other:
        for decision in (0, 1):
            for client in (one, other):
                assert np.array_equal(client.ask(question(2, decision))["actions"], own[decision])


def test_a_client_that_knows_nothing_of_us_gets_chunks_and_noise_of_its_own(server):
    with Client(server) as client, Client(server) as other:
        request = seen(None) | {"prompt": load_task(DUMBBELL).goal}
        first = client.ask(request)
        assert first["actions"].shape == (6, 10) and "bimodal" not in first
        assert not np.array_equal(first["actions"], other.ask(request)["actions"])
        assert "unknown task of this server" in client.ask(seen(None) | {"prompt": "dance"})


@pytest.mark.parametrize("server", ["vla-eval"], indirect=True)
def test_a_vla_eval_harness_gets_one_action_after_the_other_and_new_episodes(server):
    with Client(server) as client:
        steps = []
        for _ in range(2):
            client.send("episode_start", {"task": {"name": DUMBBELL, "noise_key": 7}})
            steps += [client.ask(seen(None))["actions"] for _ in range(5)]
            client.send("episode_end", {"metrics": {}, "steps": 5, "elapsed_sec": 0.0})
        own = [rows[0] for rows in answers_of_its_own(1, 2)]
        assert np.array_equal(steps[:5], [*own[0][:4], own[1][0]]) and np.array_equal(steps[5:], steps[:5])
        hello = client.hello.payload
        assert (
            hello["protocol_version"] == 1 and hello["action_spec"]["rotation"]["format"] == "rot6d_columns"
        )
        assert hello["observation_spec"]["observation/tcp_position"]["dims"] == 3


WRONG = {
    "what is missing, misshapen and not finite is told at once": (
        {"observation/tcp_position": np.array([1, np.nan, 0]), "bimodal": {"task": DUMBBELL}},
        "observation/tcp_position holds what is not finite; observation/tcp_rotation is missing (6,) [1] "
        "(sent: observation/tcp_position)",
    ),
    "shape": (
        question(2) | {"observation/tcp_position": np.zeros((3, 3))},
        "observation/tcp_position has the shape (3, 3); expected (2, 3)",
    ),
    "kind": (question(None) | {"observation/tcp_position": "left"}, "is a str, which is no array of numbers"),
    "task": (question(1, task="PandaLiftPott-v1"), "did you mean PandaLiftPot-v1"),
    "keys": (
        question(1, noise_keys=np.zeros((1, 1))),
        "noise_keys is float64 of the shape (1, 1); it must be an array of integers",
    ),
    "keys that are none": (question(1, noise_keys={"a": 1}), "it must be an array of integers (N,)"),
    "task that is no name": (question(1, task=[1]), "unknown task of this server '[1]'"),
    "prompt that is no text": (seen(None) | {"prompt": np.ones(3)}, "unknown task of this server ''"),
    "key": (question(None, noise_key=-1), "noise_key is -1"),
    "decision": (
        seen(None) | {"bimodal": {"decision": "first", "task": DUMBBELL}},
        "decision is 'first'",
    ),
    "later": (question(1, decision=2), "decision 2 of episodes that did not begin here"),
    "about": ({"bimodal": 3}, "bimodal is a int; it must be a map"),
}
"""Requests, and what is said of them."""


@both
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_one_line_for_the_client_and_in_the_log(server, name):
    request, said = WRONG[name]
    with Client(server) as client:
        found = client.ask(request)
    assert said in found and "\n" not in found
    assert len(server.log) == 1 and server.log[0].startswith("127.0.0.1:") and server.log[0].endswith(found)


def test_frames_that_are_none_end_one_connection_and_the_server_goes_on(server):
    for frame, said in (
        (b"\xc1", "no msgpack"),
        ("hello", "text in place of a frame"),
        (b"\x80" + b"\0" * 10, "no msgpack"),
        (b"\x90", "the frame is a list"),
    ):
        with Client(server) as client:
            assert said in client.ask(frame)
    with Client(server) as client, pytest.raises(Exception, match="1009"):
        client.socket.send(bytes(LARGEST_FRAME + 1))
        client.socket.recv(timeout=300)
    with Client(server) as client:
        assert client.ask(question(1))["actions"].shape == (1, 6, 10)
    server.__exit__()  # returns when everything is said: this line comes after the client was hung up on
    assert len(server.log) == 5 and ("1009" in server.log[4] or "exceeds" in server.log[4])


@pytest.mark.parametrize("server", ["vla-eval"], indirect=True)
def test_an_error_of_vla_eval_keeps_the_connection_and_never_comes_unasked(server):
    with Client(server) as client:
        client.send("episode_start", {"task": {"name": "dance"}})
        assert "unknown task" in client.ask(seen(None))
        assert client.ask(question(1))["actions"].shape == (1, 6, 10)
        client.socket.send(b"\x80")
        with pytest.raises(Exception, match="1007"):
            client.socket.recv(timeout=300)


@both
def test_a_policy_that_fails_says_why_and_answers_again(server):
    for at, said in (
        (4.5, "ValueError: too far"),
        (3.5, "act returned actions of shape (3,)"),
        (9, "process"),
    ):
        with Client(server) as client:
            assert said in client.ask(question(1, at=at))
    with Client(server) as client:
        assert client.ask(question(1))["actions"].shape == (1, 6, 10)
