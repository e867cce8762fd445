"""A policy behind a server: the same episodes in any dialect and batch; a wrong answer costs its episode."""

import re
import threading
import time
from itertools import count

import msgpack
import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.timeouts import Deadline
from bimodal.envs.errors import WrongUse
from bimodal.policies import Episodes, load_policy
from bimodal.policies.core.answers import ServerLost
from bimodal.policies.remote import codec, connection, lanes
from bimodal.policies.remote.codec import pack_openpi, pack_vla_eval
from bimodal.tasks import load_task
from bimodal.tasks.core.referee import Referee
from toy_server import Toy, announced, reserved_port, wander

TASK = load_task("PandaLiftDumbbell-v1")
SEEDS = (0, 1, 2)
STEPS = 24
DIALECTS = ("openpi", "vla-eval")


def says(dialect, contract):
    return {"bimodal": contract} if dialect == "openpi" else {"capabilities": {"bimodal": contract}}


def play(toy, seeds=SEEDS, deadline=None, policy=None):
    """Play the first 24 control steps of some episodes, three decisions."""
    policy = policy or load_policy(toy.uri, TASK)
    referee = Referee(TASK, len(seeds), STEPS)
    return run_shard(TASK, policy, Shard(TASK.id, "clean", 0, seeds), "1", deadline=deadline, referee=referee)


@pytest.fixture(scope="module")
def undisturbed():
    """Digests and asked bodies of an openpi server that is asked row by row."""
    with Toy("openpi", says("openpi", announced(TASK))) as toy:
        result = play(toy)
    assert not any(result.faults)
    return result.digests.tolist(), toy.asked


# -------------------------------------------------------------------------------- the same episodes


@pytest.mark.parametrize("batch", [0, 2, 100])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialect_and_batches_change_no_bit(dialect, batch, undisturbed):
    with Toy(dialect, says(dialect, announced(TASK, batch))) as toy:
        assert play(toy).digests.tolist() == undisturbed[0]
        questions = {0: 3, 2: 2, 100: 1}[batch] * (STEPS // 8)
        assert len(toy.asked) == 1 + questions  # the trial question, and no row before its time


def test_an_episode_alone_is_the_one_in_the_batch(undisturbed):
    with Toy("vla-eval", says("vla-eval", announced(TASK, 100))) as toy:
        assert [play(toy, (seed,)).digests[0] for seed in SEEDS] == undisturbed[0]


def test_the_server_is_told_each_episodes_key_and_never_its_seed(undisturbed):
    _, asked = undisturbed
    keys = {body["bimodal"]["noise_key"] for body in asked[1:]}
    assert len(keys) == 3 and not keys & set(SEEDS)
    assert [body["bimodal"]["decision"] for body in asked[1:]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert {body["prompt"] for body in asked} == {TASK.goal}
    assert asked[1]["observation/tcp_position"].dtype == np.float64


@pytest.mark.parametrize("dialect", DIALECTS)
def test_late_and_duplicate_answers_are_dropped_by_their_number(dialect, undisturbed):
    def twice(body, seq, actions):
        if dialect == "openpi":
            frames = [
                pack_openpi({"actions": actions * k, "bimodal": {"seq": seq - 1 + k}}) for k in (0, 1, 1)
            ]
        else:
            frames = [pack_vla_eval("action", {"actions": actions * k}, seq - 1 + k) for k in (0, 1, 1)]
        return frames

    with Toy(dialect, says(dialect, announced(TASK)), reply=twice) as toy:
        assert play(toy).digests.tolist() == undisturbed[0]


def test_a_duplicate_without_a_number_is_dropped(monkeypatch):
    monkeypatch.setattr(connection, "_ECHO_S", 60.0)  # whatever keeps this process waiting
    sent = threading.Semaphore(0)

    def twice(body, seq, actions):
        try:
            yield pack_openpi({"actions": actions})
            yield pack_openpi({"actions": 0 * actions})
        finally:  # the client may hang up between the two
            sent.release()

    with Toy("openpi", says("openpi", announced(TASK)), reply=twice) as toy:
        policy = load_policy(toy.uri, TASK)
        policy.reset(Episodes(np.array([7], np.uint64)))
        assert sent.acquire(timeout=120), "the trial question"
        for decision in range(3):
            seen = {spec.name: np.full((1, spec.size), decision) for spec in TASK.observation}
            body = {f"observation/{name}": values[0] for name, values in seen.items()}
            alone = wander(body | {"bimodal": {"noise_key": 7, "decision": decision}})
            np.testing.assert_array_equal(policy.act(seen).actions[0], alone[:8])
            assert sent.acquire(timeout=120)


# ------------------------------------------------------------------------------------ wrong answers


WRONG = {
    "raises": (lambda: 1 / 0, "POLICY_ERROR", "failed: .*ZeroDivisionError"),
    "nan": (lambda: np.full((16, 10), np.nan), "POLICY_INVALID_ACTION", "not finite"),
    "width": (
        lambda: np.zeros((16, 7)),
        "POLICY_INVALID_ACTION",
        r"shape \(16, 7\); expected \(H >= 8, 10\)",
    ),
    "short": (lambda: np.zeros((7, 10)), "POLICY_INVALID_ACTION", r"shape \(7, 10\)"),
    "text": (lambda: "left", "POLICY_INVALID_ACTION", "a str in place of actions"),
    "ragged": (lambda: [[1.0], [2.0, 3.0]], "POLICY_INVALID_ACTION", "a list in place of actions"),
    "range": (lambda: np.full((16, 10), 9.0), "POLICY_INVALID_ACTION", "clip it"),
    "raises too": (lambda: 1 / 0, "POLICY_ERROR", "failed: .*ZeroDivisionError"),
}
"""What is answered to the second episode's second question, its label, and a part of its fault."""


@pytest.mark.parametrize(("kind", "dialect"), list(zip(WRONG, DIALECTS * 4, strict=True)))
def test_a_wrong_answer_costs_its_own_episode(dialect, kind, undisturbed):
    answer, label, why = WRONG[kind]
    culprit = undisturbed[1][2]["bimodal"]["noise_key"]

    def model(body):
        about = body["bimodal"]
        return answer() if (about["noise_key"], about["decision"]) == (culprit, 1) else wander(body)

    with Toy(dialect, says(dialect, announced(TASK)), model) as toy:
        result = play(toy)
    assert result.digests[[0, 2]].tolist() == [undisturbed[0][0], undisturbed[0][2]]
    assert result.verdict.label[1] == label
    assert re.search(why, result.faults[1]) and "\n" not in result.faults[1]


BFLOAT16 = {"__ndarray__": True, "data": b"1234", "dtype": "<V2", "shape": [1, 2]}


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"\xc1garbage", "no msgpack"),
        (bytes(10_001), "a frame longer than"),
        (msgpack.packb({"action": [1]}), "no actions|lacks payload"),
        (
            msgpack.packb({"type": "action", "payload": {"actions": BFLOAT16}, "seq": 3, "timestamp": 0.0}),
            "bfloat16|no actions",
        ),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_bad_frame_costs_its_own_episode(dialect, frame, why, undisturbed, monkeypatch):
    monkeypatch.setattr("bimodal.policies.remote.connection.LARGEST_FRAME", 10_000)
    culprit = undisturbed[1][2]["bimodal"]["noise_key"]

    def reply(body, seq, actions):
        about = body["bimodal"]
        if (about["noise_key"], about["decision"]) == (culprit, 2):
            return [frame]
        return [
            pack_openpi({"actions": actions})
            if dialect == "openpi"
            else pack_vla_eval("action", {"actions": actions}, seq)
        ]

    with Toy(dialect, says(dialect, announced(TASK)), reply=reply) as toy:
        result = play(toy)
    assert result.verdict.label[1] == "POLICY_INVALID_ACTION"
    assert result.digests[[0, 2]].tolist() == [undisturbed[0][0], undisturbed[0][2]]
    assert re.search(why, result.faults[1]), result.faults[1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_that_is_late_costs_its_own_episode(dialect, undisturbed, monkeypatch):
    culprit = undisturbed[1][2]["bimodal"]["noise_key"]
    over = threading.Event()
    receive = lanes.Lanes._receive

    def is_late(about):
        return (about["noise_key"], about["decision"]) == (culprit, 1)

    def model(body):
        if is_late(body["bimodal"]):
            over.wait(120)
        return wander(body)

    def waiting(self, lane, question, *more):
        """Wait for the late answer alone in vain: the others may take as long as this machine needs."""
        with monkeypatch.context() as patch:
            patch.setattr(self, "timeout_s", 0.2 if is_late(question.about) else 90.0)
            return receive(self, lane, question, *more)

    monkeypatch.setattr(lanes.Lanes, "_receive", waiting)
    with Toy(dialect, says(dialect, announced(TASK)), model) as toy:
        result = play(toy, deadline=Deadline(400, request_s=90.0))
        over.set()
    assert result.verdict.label[1] == "POLICY_TIMEOUT"
    assert "no answer within 0.2 s" in result.faults[1]
    assert result.digests[[0, 2]].tolist() == [undisturbed[0][0], undisturbed[0][2]]


# ---------------------------------------------------------------------------------- lost connections


def hanging_up_once(toy, at):
    """Break the connection at the `at`-th question, and answer it when it is asked again."""

    numbers = count(1)  # several connections may ask at once, and each takes one

    def model(body):
        if next(numbers) == at:
            for one in list(toy.open):
                one.socket.shutdown(2)
        return wander(body)

    return model


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_broken_connection_is_made_again_where_the_server_remembers_nothing(dialect, undisturbed):
    with Toy(dialect, says(dialect, announced(TASK))) as toy:
        toy.model = hanging_up_once(toy, 6)
        assert play(toy).digests.tolist() == undisturbed[0]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_has_forgotten_an_episode_is_not_asked_on(dialect):
    with Toy(dialect, says(dialect, announced(TASK, remembers=True))) as toy:
        toy.model = hanging_up_once(toy, 6)
        with pytest.raises(ServerLost, match=r"is gone \(.*\): start it again and run the same command"):
            play(toy)


def test_a_server_that_hangs_ends_the_run():
    over = threading.Event()

    def model(body):
        if body["bimodal"]["noise_key"]:  # of all but the trial question
            over.wait(120)
        return wander(body)

    with Toy("openpi", says("openpi", announced(TASK)), model) as toy:
        with pytest.raises(ServerLost, match="3 answers in a row were late: no answer within"):
            play(toy, deadline=Deadline(400, request_s=0.05))
        over.set()


def test_another_server_at_the_same_place_is_refused():
    changed = {"bimodal": announced(TASK), "model": "new"}
    with reserved_port() as port:
        with Toy("openpi", says("openpi", announced(TASK)), port=port) as first:
            policy = load_policy(first.uri, TASK)
        with Toy("openpi", changed, port=port) as second, pytest.raises(ServerLost, match="another server"):
            play(second, policy=policy)


def test_a_filter_passes_faults_on(undisturbed):
    def model(body):
        return wander(body) if body["bimodal"]["decision"] == 0 else 1 / 0

    with Toy("openpi", says("openpi", announced(TASK)), model) as toy:
        result = play(toy, policy=load_policy(f"safe({toy.uri})", TASK))
    assert set(result.verdict.label) == {"POLICY_ERROR"}


def test_a_frame_that_is_too_long_to_read_is_not_sent_either():
    assert codec.LARGEST_FRAME >= 100 * 50 * 20 * 8  # a chunk of 50 actions of two arms for a whole batch
    with pytest.raises(WrongUse, match="names no server: write openpi://HOST:PORT or vla-eval://HOST:PORT"):
        load_policy("openpi://nowhere", TASK)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_answers_older_questions_without_end_is_late(dialect):
    def flood(body, seq, actions):
        if body["bimodal"]["noise_key"] == 0:  # the trial question
            return [
                pack_openpi({"actions": actions})
                if dialect == "openpi"
                else pack_vla_eval("action", {"actions": actions}, seq)
            ]
        old = {"actions": actions, "bimodal": {"seq": 0}}
        frame = pack_openpi(old) if dialect == "openpi" else pack_vla_eval("action", old, 0)
        return (frame for _ in iter(lambda: time.sleep(0.001), 1))

    with Toy(dialect, says(dialect, announced(TASK)), reply=flood) as toy:
        result = play(toy, (0,), Deadline(400, request_s=0.1))
    assert result.verdict.label.tolist() == ["POLICY_TIMEOUT"]
    assert result.faults[0].endswith("no answer within 0.1 s")
