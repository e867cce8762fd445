"""MCAP: what a reader of others finds in it is what the record says."""

import base64
import io
import json
import sys

import numpy as np
import pytest
from bimodal.benchmark.artifact import mcap_pictures
from bimodal.benchmark.artifact.mcap_export import PICTURES, TOPICS
from bimodal.benchmark.artifact.replay_episode import find_episode, recorded_states
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.envs.simulation import Simulation
from bimodal.policies.core.policy import PlanRecord
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from PIL import Image
from scoring import DUMBBELL, bimodal, panel


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return evaluate(
        "expert", panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path_factory.mktemp("run") / "run", workers=0)
    )


def messages(path):
    """Read a file by the format's own library: {topic: [(time [ns], content)]}."""
    reader = pytest.importorskip("mcap.reader")
    found = {}
    with path.open("rb") as file:
        for schema, channel, message in reader.make_reader(file).iter_messages():
            assert schema.name == TOPICS[channel.topic][0] and json.loads(schema.data)["title"] == schema.name
            found.setdefault(channel.topic, []).append((message.log_time, json.loads(message.data)))
    return found


def test_poses_actions_and_signals_are_those_of_the_record(run, tmp_path, capsys):
    pytest.importorskip("mcap")
    out = tmp_path / "a.mcap"
    code, text, err = bimodal("export", run, "--mcap", out, "--episode", 1, "--episode", 0, capsys=capsys)
    assert (code, err) == (0, []) and "2 episodes" in text
    found = messages(out)
    episode = find_episode(run, 1)
    steps = episode.steps
    states = recorded_states(episode)
    simulation = Simulation(load_task(DUMBBELL), steps + 1)
    simulation.restore(states)
    for step, (at, message) in enumerate(found["/tf"][: steps + 1]):
        assert at == step * 50_000_000
        poses = {one["child_frame_id"]: one for one in message["transforms"]}
        where = poses["dumbbell"]["translation"]
        assert [*where.values()] == pytest.approx(simulation.position("dumbbell")[step], abs=1e-12)
        turn = np.array([poses["dumbbell"]["rotation"][axis] for axis in "wxyz"])
        assert abs(np.linalg.norm(turn) - 1) < 1e-9
    asked = [message["values"] for _, message in found["/action"][:steps]]
    assert np.allclose(np.array(asked) * 1e5, episode.result.trace.actions[0, :steps], atol=1e-3)
    signals = [message for _, message in found["/signals"][:steps]]
    taken = [one["taken"] for one in signals if one["taken"] >= 0]
    assert taken[-1] == episode.result.verdict.mode[0] and signals[-1]["at_goal"]
    assert max(one["forbidden_force"] for one in signals) <= 1.0
    second = find_episode(run, 0).steps
    assert len(found["/signals"]) == steps + second and len(found["/log"]) == 2
    assert found["/log"][1][0] == steps * 50_000_000 + 10**9
    assert "SUCCESS" in found["/log"][0][1]["message"]


class Grey:
    """Draws the time in an episode as a grey; what a real picture shows is tested elsewhere."""

    def __init__(self, task, width, height, variant, seed):
        assert (task.id, width, height, seed) == (DUMBBELL, 480, 360, 1)

    def frame(self, state, camera):
        assert camera == "front"
        return np.full((360, 480, 3), 20 * state[0], np.uint8)  # the first number of a state is its time [s]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_pictures_show_the_recorded_states_at_their_time(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mcap")
    monkeypatch.setattr(mcap_pictures, "Renderer", Grey)
    out = tmp_path / "a.mcap"
    words = ("export", run, "--mcap", out, "--episode", 1)
    assert bimodal(*words, "--pictures", capsys=capsys)[0] == 0
    found = messages(out)[PICTURES]
    times = [at / 1e9 for at, _ in found]
    assert times == pytest.approx(np.arange(0, find_episode(run, 1).steps / 20 + 0.01, 0.2))
    shown = [Image.open(io.BytesIO(base64.b64decode(one["data"], validate=True))) for _, one in found]
    assert {(one.format, one.size) for one in shown} == {("JPEG", (480, 360))}
    assert [one.getpixel((240, 180))[0] for one in shown] == pytest.approx(20 * np.array(times), abs=1.5)
    bimodal(*words, capsys=capsys)
    assert PICTURES not in messages(out)


def test_what_cannot_be_exported_is_said_in_one_line(run, tmp_path, monkeypatch, capsys):
    for words, text in (
        (("--mcap", tmp_path / "a.bag", "--episode", 1), "must end in .mcap"),
        (("--mcap", tmp_path / "a.mcap", "--episode", 7), "no seed 7"),
        (("--mcap", tmp_path / "a.mcap"), "missing argument episode"),
    ):
        code, _, err = bimodal("export", run, *words, capsys=capsys)
        assert (code, len(err)) == (2, 1) and text in err[0]
    monkeypatch.setitem(sys.modules, "mcap.writer", None)
    code, _, err = bimodal("export", run, "--mcap", tmp_path / "a.mcap", "--episode", 1, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "pip install 'bimodal-bench[mcap]'" in err[0]
    assert list(tmp_path.iterdir()) == []


class Thinker(Expert):
    """The expert, with a made-up plan beside each decision."""

    description = "Says what it thinks."
    made = 0

    def act(self, observation):
        decided = super().act(observation)
        n = len(decided.actions)
        scores = np.arange(n)[:, None] + np.array([10.0, np.nan]) + 100 * self.made
        self.made += 1
        return decided._replace(plan=PlanRecord(scores=scores, chosen=np.full(n, 1)))


def test_plans_stand_at_the_time_of_their_decision(tmp_path, capsys):
    pytest.importorskip("mcap")
    run = evaluate(Thinker, panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert bimodal("export", run, "--mcap", tmp_path / "a.mcap", "--episode", 1, capsys=capsys)[0] == 0
    plans = messages(tmp_path / "a.mcap")["/plan"]
    every = 16  # the expert's
    steps = find_episode(run, 1).steps
    assert [at for at, _ in plans] == [step * 50_000_000 for step in range(0, steps, every)]
    for number, (_, message) in enumerate(plans):
        assert message["scores"] == [11 + 100 * number, None] and message["chosen"] == 1
        assert np.shape(message["asked"]) == (every, 10) and "candidates" not in message
    first = np.array(plans[0][1]["asked"][0]) * 1e5
    assert np.allclose(first, find_episode(run, 1).result.trace.actions[0, 0], atol=1e-3)
