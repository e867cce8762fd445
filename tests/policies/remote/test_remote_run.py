"""A run of a policy behind a server: its record, and what becomes of it when the server dies under way."""

import json

import pytest
from bimodal.benchmark import suites
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.random_streams import noise_key
from bimodal.leaderboard.impossible import _is_address
from bimodal.policies.remote import lanes
from bimodal.policies.remote.lanes import digest
from bimodal.tasks import load_task
from scoring import DUMBBELL, bimodal, digests, panel, rows, score
from toy_server import Toy, announced, reserved_port, wander

TASK = load_task(DUMBBELL)
SAYS = {"bimodal": announced(TASK, 100)}
PANEL = panel(4, (DUMBBELL,))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(lanes, "PATIENCE_S", 0.2)


@pytest.fixture
def port():
    with reserved_port() as port:
        yield port


def of_second_batch(body):
    """Whether a server is asked about the episodes 2 and 3."""
    keys = [int(noise_key(PANEL.version, DUMBBELL, seed)) for seed in (2, 3)]
    return body["bimodal"]["noise_keys"].tolist() == keys


def test_a_server_that_dies_under_way_is_resumed_without_a_changed_number(tmp_path, monkeypatch, port):
    monkeypatch.setattr(suites, "SHARD_SIZE", 2)
    options = EvalOptions(out=tmp_path / "run", workers=0)
    with Toy("openpi", SAYS, port=port) as toy:
        uri = toy.uri
        whole = digests(evaluate(uri, PANEL, EvalOptions(out=tmp_path / "whole", workers=0)))

        def mortal(body):
            if of_second_batch(body) and body["bimodal"]["decision"] == 3:
                toy.die()
            return wander(body)

        toy.model = mortal
        with pytest.raises(
            BimodalError, match=r"^the server at .* is gone \(connection refused\): start it again"
        ):
            evaluate(uri, PANEL, options)
    assert len(list((tmp_path / "run" / "traces").glob("*.npz"))) == 1  # of the two batches
    with pytest.raises(BimodalError, match="start it again"):
        evaluate(uri, PANEL, options)
    with Toy("openpi", SAYS, port=port) as again:
        resumed = evaluate(uri, PANEL, options)
    assert again.asked and all(map(of_second_batch, again.asked))
    assert digests(resumed) == whole and len(whole) == 4
    assert not any(row["fault"] for row in rows(resumed))
    changed = Toy("openpi", SAYS | {"model": "new"}, port=port)
    with changed, pytest.raises(WrongUse, match="another run"):
        evaluate(uri, PANEL, options)


def test_the_record_says_where_the_answers_come_from(tmp_path, capsys):
    with Toy(
        "vla-eval", {"observation_spec": {"state": {"format": "raw"}}}, lambda _: [[0.0] * 7] * 16
    ) as toy:
        code, _, err = score(toy.uri, tmp_path / "run", capsys=capsys, workers=1, count=2)
        assert code == 0
        assert sum("taken for granted, as it is not said: " in line for line in err) == 3
        said = {"protocol_version": 1, **toy.metadata}
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["isolation"] == "remote"
    policy = record["policy"]
    assert (policy["name"], policy["uri"], policy["track"]) == ("127.0.0.1 (vla-eval)", toy.uri, "state")
    assert policy["artifacts"] == {f"{DUMBBELL}/server": digest(said)}
    assert _is_address(policy["uri"]) and not _is_address("http://127.0.0.1:80")
    assert {row["label"] for row in rows(tmp_path / "run")} == {"NO_ATTEMPT"}


def test_check_tells_everything_that_is_wrong_with_a_server(capsys):
    changed = announced(TASK, control_hz=10, chunk_size=4)
    with Toy("openpi", {"bimodal": changed}) as toy:
        code, out, _ = bimodal("check", toy.uri, "--task", DUMBBELL, capsys=capsys)
    assert code == 1 and len(out.splitlines()) == 3 and out.endswith("2 problems\n")


def test_a_server_cannot_be_shut_in(capsys):
    code, _, err = bimodal("evaluate", "openpi://127.0.0.1:1", "--sandbox", capsys=capsys)
    assert (code, len(err)) == (2, 1) and "--sandbox has nothing to shut in" in err[0]


def test_a_filtered_server_is_described_as_such():
    with Toy("openpi", SAYS) as toy:
        record = describe(f"safe({toy.uri})", PANEL, EvalOptions(workers=0))
    assert (record.policy.name, record.isolation) == ("safe(wander (openpi))", "remote")
