"""The examples do what their first lines say."""

import contextlib
import hashlib
import io
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.suites import SUITES
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import collect, save

EXAMPLES = Path(__file__).parent.parent / "examples"
TASK = "PandaLiftDumbbell-v1"


def test_the_smallest_policy_runs(tmp_path):
    uri = f"{EXAMPLES / 'my_policy.py'}:GoLeft"
    panel = find_suite("smoke", seeds=range(2), variants=())
    run = evaluate(uri, panel, EvalOptions(out=tmp_path / "run", workers=0))
    assert (run / "episodes.parquet").exists()


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The learned policy's file in a folder of its own, trained as it says; its file, names and output."""
    folder = tmp_path_factory.mktemp("learned")
    script = Path(shutil.copy(EXAMPLES / "learned_policy.py", folder))
    files = [
        save(collect(load_task(name), "bi50", 2), folder / f"{name}.npz") for name in SUITES["smoke"].tasks
    ]
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [str(script), *map(str, files), "--steps", "60"])
        names = runpy.run_path(str(script), run_name="__main__")
    return script, names, said.getvalue()


def test_the_learned_policy_gets_from_demonstrations_to_a_sound_entry(
    learned, bimodal, tmp_path, monkeypatch
):
    script, _, said = learned
    monkeypatch.chdir(script.parent)  # an entry names no folder of this machine
    losses = [float(line.split()[-1]) for line in said.splitlines() if "loss" in line]
    assert len(losses) == 2 and max(losses) < 0.5  # in variances; it begins at one
    options = ("--suite", "smoke", "--out", tmp_path / "run", "--no-videos", "--workers", "0")
    code, _, err = bimodal("evaluate", f"{script.name}:Cloned", *options, "--entry", tmp_path)
    assert code == 0 and " ".join(err).startswith("the contract card does not say: most_likely_failure")
    (file,) = tmp_path.glob("smoke-*.json")
    assert bimodal("check", file)[0] == 0
    entry = json.loads(file.read_text())
    policy = entry["policy"]
    weights = {f"{task}/{task}.safetensors" for task in SUITES["smoke"].tasks}
    assert {*policy["artifacts"]} == weights | {"learned_policy.py"}
    assert policy["parameters"] > 70_000
    assert {card["steps"] for card in entry["training"].values()} == {60}
    faults = [
        label for result in entry["results"] for label in result["labels"] if label.startswith("POLICY")
    ]
    assert faults == []


def test_the_learned_policys_windows_are_observations_and_the_actions_after_them(learned):
    script, names, _ = learned
    file = script.with_name(f"{TASK}.npz")
    task, seen, chunks = names["read_windows"](file)
    with np.load(file) as data:
        count, length = data["actions"].shape[:2]
        last = (data["actions"][1, length - 1], data["actions"][1, 5 : 5 + 16])
        position = data["obs.tcp_position"][1, 5]
    assert len(seen) == len(chunks) == count * length and task == file.stem
    assert np.array_equal(chunks[length + 5], last[1])
    assert (chunks[2 * length - 1].numpy() == last[0]).all()  # not the next episode's
    assert any(np.array_equal(seen[length + 5, i : i + 3], position) for i in range(seen.shape[1] - 2))


def test_the_learned_policy_learns_every_moving_column_of_an_action_alike(learned):
    """Without scales what moves by centimetres, such as the opening, was learnt last: it closed on air."""
    script, names, _ = learned
    file = script.with_name(f"{TASK}.npz")
    policy = names["Cloned"](load_task(file.stem))
    with np.load(file) as data:
        seen = {name[4:]: data[name].reshape(-1, data[name].shape[2]) for name in data if name[:4] == "obs."}
    moving = [0, 1, 2, 9]  # position and opening
    wanted = names["read_windows"](file)[2].numpy()[..., moving]
    error = policy.act(seen).actions[..., moving] - wanted
    relative = np.sqrt((error**2).mean((0, 1))) / wanted.std((0, 1))
    assert (relative < 0.6).all(), relative


# --------------------------------------------------------------------------------------- remote_policy.py


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Names of the remote policy's file, asking a server that runs where bimodal cannot be imported."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "bimodal.py").write_text("raise ImportError")
    script = EXAMPLES / "remote_policy.py"
    command = [sys.executable, script, "serve", "--port", "0"]
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(folder)}
        ) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REMOTE_POLICY", server.stdout.readline().split()[-1])
        yield runpy.run_path(str(script))
        server.terminate()


def episodes(policy, count=2):
    return run_shard(load_task(TASK), policy, Shard(TASK, "clean", 0, tuple(range(count))), "2")


def test_the_remote_policy_plays_to_the_bit_what_its_model_plays_here(served):
    class Local(served["Remote"]):
        def answer(self, arrays):
            return {"actions": served["model"](arrays)} if arrays else {}

    remote = served["Remote"](load_task(TASK))
    there, here = episodes(remote), episodes(Local(load_task(TASK)))
    assert not any(there.faults)
    assert np.array_equal(there.trace.actions, here.trace.actions)
    file = EXAMPLES / "remote_policy.py"
    assert remote.artifacts() == {f"{TASK}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()}


def test_the_remote_policy_opens_a_broken_connection_again_once(served, monkeypatch):
    asked = {"tcp_position": np.zeros((1, 3)), "tcp_rotation": np.zeros((1, 6))}
    asked |= {"noise_keys": np.array([2**64 - 1], np.uint64), "step": np.array([8])}
    opened = []
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *to: opened.append(connect(*to)) or opened[-1])
    policy = served["Remote"](load_task(TASK))
    before = policy.ask(**asked)["actions"]
    opened[0].shutdown(socket.SHUT_RDWR)
    assert np.array_equal(policy.ask(**asked)["actions"], before) and len(opened) == 2
    with pytest.raises(RuntimeError, match=r"the model at .* failed: KeyError: 'noise_keys'"):
        policy.ask(tcp_position=np.zeros((1, 3)))


def test_the_remote_policy_never_takes_a_late_answer_for_the_next_one(served, monkeypatch):
    names = served["connect"].__globals__
    policy = served["Remote"](load_task(TASK))
    with monkeypatch.context() as patch, pytest.raises(TimeoutError):
        patch.setitem(names, "receive", lambda stream: (_ for _ in ()).throw(TimeoutError))
        policy.ask(tcp_position=np.zeros((1, 3)))
    assert set(policy.ask()) == {"remote_policy.py"}, "the answer to this question, not to the one before"
    policy.stream = None
    monkeypatch.setitem(names, "ADDRESS", "127.0.0.1:1")
    with pytest.raises(RuntimeError, match=r"no server at 127.0.0.1:1; start it: python .* serve"):
        policy.ask()
