"""MCAP: what a reader of others finds in it is what the record says."""

import io
import sys

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.artifact.replay_episode import find_episode, plans_of, recorded_states
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.envs.rendering.cameras import FOVY, VIEWS, add_cameras
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import from_grid
from bimodal.policies.core.policy import PlanRecord
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from PIL import Image
from scoring import DUMBBELL, bimodal, panel

PICTURES = "/camera/front"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return evaluate(
        "expert", panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path_factory.mktemp("run") / "run", workers=0)
    )


def messages(path):
    """Read a file by the libraries of the format: {topic: [(time [ns], content)]}."""
    reader = pytest.importorskip("mcap.reader")
    decoder = pytest.importorskip("mcap_protobuf.decoder")
    found = {}
    with path.open("rb") as file:
        opened = reader.make_reader(file, decoder_factories=[decoder.DecoderFactory()])
        for schema, channel, message, content in opened.iter_decoded_messages():
            assert (schema.encoding, channel.message_encoding) == ("protobuf", "protobuf")
            assert schema.name == content.DESCRIPTOR.full_name
            assert not hasattr(content, "timestamp") or nanoseconds(content.timestamp) == message.log_time
            found.setdefault(channel.topic, []).append((message.log_time, content))
    return found


def nanoseconds(stamp):
    return stamp.seconds * 10**9 + stamp.nanos


def xyz(vector):
    return [vector.x, vector.y, vector.z]


def matrix(quaternion):
    found = np.zeros(9)
    mujoco.mju_quat2Mat(found, [quaternion.w, quaternion.x, quaternion.y, quaternion.z])
    return found.reshape(3, 3)


def test_poses_actions_and_signals_are_those_of_the_record(run, tmp_path, capsys):
    pytest.importorskip("mcap_protobuf")
    out = tmp_path / "a.mcap"
    code, text, err = bimodal("export", run, "--mcap", out, "--episode", 1, "--episode", 0, capsys=capsys)
    assert (code, err) == (0, []) and "2 episodes" in text
    found = messages(out)
    assert {topic: content[0][1].DESCRIPTOR.full_name for topic, content in found.items()} == {
        "/tf": "foxglove.FrameTransforms",
        "/log": "foxglove.Log",
        "/command": "foxglove.PosesInFrame",
        "/action": "bimodal.Action",
        "/signals": "bimodal.Signals",
    }
    episode = find_episode(run, 1)
    steps = episode.steps
    states = recorded_states(episode)
    simulation = Simulation(load_task(DUMBBELL), steps + 1)
    simulation.restore(states)
    for step, (at, message) in enumerate(found["/tf"][: steps + 1]):
        assert at == step * 50_000_000
        poses = {one.child_frame_id: one for one in message.transforms}
        assert {one.parent_frame_id for one in message.transforms} == {"world"}
        where = xyz(poses["dumbbell"].translation)
        assert where == pytest.approx(simulation.position("dumbbell")[step], abs=1e-12)
        turn = matrix(poses["dumbbell"].rotation)
        assert np.allclose(turn, simulation.rotation("dumbbell")[step], atol=1e-9)
    signals = [message for _, message in found["/signals"][:steps]]
    taken = [one.taken for one in signals if one.taken >= 0]
    assert taken[-1] == episode.result.verdict.mode[0] and signals[-1].at_goal
    assert max(one.forbidden_force for one in signals) <= 1.0
    second = find_episode(run, 0).steps
    assert len(found["/signals"]) == steps + second and len(found["/log"]) == 2
    assert found["/log"][1][0] == steps * 50_000_000 + 10**9
    assert "SUCCESS" in found["/log"][0][1].message


def test_commands_are_those_of_the_trace_as_numbers_and_as_poses_of_the_hand(run, tmp_path, capsys):
    pytest.importorskip("mcap_protobuf")
    out = tmp_path / "a.mcap"
    assert bimodal("export", run, "--mcap", out, "--episode", 1, capsys=capsys)[0] == 0
    found = messages(out)
    recorded = from_grid(find_episode(run, 1).result.trace.actions[0])
    assert {message.space for _, message in found["/action"]} == {"ee_absolute"}
    for (_, numbers), (_, poses), command in zip(found["/action"], found["/command"], recorded, strict=False):
        assert list(numbers.values) == pytest.approx(command, abs=1e-9)
        (pose,) = poses.poses
        assert poses.frame_id == "world" and xyz(pose.position) == pytest.approx(command[:3], abs=1e-9)
        columns = matrix(pose.orientation)[:, :2].T.ravel()
        assert columns == pytest.approx(command[3:9], abs=1e-4)


def test_the_same_episodes_give_the_same_bytes(run, tmp_path, capsys):
    pytest.importorskip("mcap_protobuf")
    files = [tmp_path / "a.mcap", tmp_path / "b.mcap"]
    for out in files:
        bimodal("export", run, "--mcap", out, "--episode", 1, capsys=capsys)
    assert files[0].read_bytes() == files[1].read_bytes()


class Grey:
    """Draws the time in an episode as a grey; what a real picture shows is tested elsewhere."""

    def __init__(self, task, width, height, variant, seed):
        assert (task.id, width, height, seed) == (DUMBBELL, 480, 360, 1)
        spec = task.spec()
        add_cameras(spec, task.arms)
        self.model = spec.compile()

    def frame(self, state, camera):
        assert camera == "front"
        return np.full((360, 480, 3), 20 * state[0], np.uint8)  # the first number of a state is its time [s]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_pictures_show_the_recorded_states_at_their_time(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mcap_protobuf")
    monkeypatch.setattr("bimodal.benchmark.artifact.mcap_pictures.Renderer", Grey)
    out = tmp_path / "a.mcap"
    words = ("export", run, "--mcap", out, "--episode", 1)
    assert bimodal(*words, "--pictures", capsys=capsys)[0] == 0
    found = messages(out)
    times = [at / 1e9 for at, _ in found[PICTURES]]
    assert times == pytest.approx(np.arange(0, find_episode(run, 1).steps / 20 + 0.01, 0.2))
    assert {(one.format, one.frame_id) for _, one in found[PICTURES]} == {("jpeg", "front")}
    shown = [Image.open(io.BytesIO(one.data)) for _, one in found[PICTURES]]
    assert {(one.format, one.size) for one in shown} == {("JPEG", (480, 360))}
    assert [one.getpixel((240, 180))[0] for one in shown] == pytest.approx(20 * np.array(times), abs=1.5)
    bimodal(*words, capsys=capsys)
    assert PICTURES not in messages(out)


def test_the_camera_sees_a_point_where_its_calibration_says(run, tmp_path, monkeypatch, capsys):
    pytest.importorskip("mcap_protobuf")
    monkeypatch.setattr("bimodal.benchmark.artifact.mcap_pictures.Renderer", Grey)
    out = tmp_path / "a.mcap"
    bimodal("export", run, "--mcap", out, "--episode", 1, "--pictures", capsys=capsys)
    found = messages(out)
    calibration = found[f"{PICTURES}/calibration"][0][1]
    frames = [one for _, message in found["/tf"] for one in message.transforms]
    (camera,) = (one for one in frames if one.child_frame_id == "front")
    view = VIEWS["front"]
    ahead = matrix(camera.rotation).T @ (np.array(view.lookat) - xyz(camera.translation))
    assert ahead == pytest.approx([0, 0, view.distance], abs=1e-6)  # the way of the gaze is +z
    assert matrix(camera.rotation)[2, 1] < -0.9  # and the picture's rows go down
    seen = np.reshape(calibration.K, (3, 3)) @ ahead
    assert seen[:2] / seen[2] == pytest.approx([240, 180], abs=1e-3)
    top = np.array([0, -np.tan(np.radians(FOVY / 2)), 1])
    assert (np.reshape(calibration.K, (3, 3)) @ top)[1] == pytest.approx(0, abs=1e-6)


def test_what_cannot_be_exported_is_said_in_one_line(run, tmp_path, monkeypatch, capsys):
    for words, text in (
        (("--mcap", tmp_path / "a.bag", "--episode", 1), "must end in .mcap"),
        (("--mcap", tmp_path / "a.mcap", "--episode", 7), "no seed 7"),
        (("--mcap", tmp_path / "a.mcap"), "missing argument episode"),
    ):
        code, _, err = bimodal("export", run, *words, capsys=capsys)
        assert (code, len(err)) == (2, 1) and text in err[0]
    monkeypatch.setitem(sys.modules, "mcap_protobuf.writer", None)
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
        ways = np.arange(n * 2 * 3 * 5, dtype=float).reshape(n, 2, 3, 5) / 1000
        scores = np.arange(n)[:, None] + np.array([10.0, np.nan]) + 100 * self.made
        self.made += 1
        return decided._replace(plan=PlanRecord(scores=scores, chosen=np.full(n, 1), candidates=ways))


def test_plans_stand_at_the_time_of_their_decision(tmp_path, capsys):
    pytest.importorskip("mcap_protobuf")
    run = evaluate(Thinker, panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert bimodal("export", run, "--mcap", tmp_path / "a.mcap", "--episode", 1, capsys=capsys)[0] == 0
    found = messages(tmp_path / "a.mcap")
    every = 16  # the expert's
    episode = find_episode(run, 1)
    at = [step * 50_000_000 for step in range(0, episode.steps, every)]
    for topic in ("/plan", "/plan/lines", "/plan/points", "/plan/asked"):
        assert [time for time, _ in found[topic]] == at
    recorded = plans_of(run, episode).candidates[0]
    for number, (_, message) in enumerate(found["/plan"]):
        assert message.scores[0] == 11 + 100 * number and np.isnan(message.scores[1])
        assert message.chosen == 1 and list(message.shape) == [2, 3, 5] and message.verdict == ""
        assert np.reshape(message.candidates, (2, 3, 5)).tolist() == recorded[number].tolist()
    asked = found["/plan/asked"][0][1].poses
    first = from_grid(episode.result.trace.actions[0, 0])
    assert len(asked) == every and xyz(asked[0].position) == pytest.approx(first[:3], abs=1e-9)


def test_lines_and_points_go_where_the_plans_go_the_chosen_one_thick(tmp_path, capsys):
    pytest.importorskip("mcap_protobuf")
    run = evaluate(Thinker, panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    bimodal("export", run, "--mcap", tmp_path / "a.mcap", "--episode", 1, capsys=capsys)
    found = messages(tmp_path / "a.mcap")
    (entity,) = found["/plan/lines"][0][1].entities
    lines = entity.lines
    assert entity.frame_id == "world" and len(lines) == 2 and lines[1].thickness > lines[0].thickness
    simulation = Simulation(load_task(DUMBBELL), 1)
    simulation.reset([1])
    planned = np.array([[point.x, point.y, point.z] for line in lines for point in line.points])
    recorded = plans_of(run, find_episode(run, 1)).candidates[0, 0].reshape(-1, 5)[:, :3]
    assert simulation.in_frame(planned[:1])[0] == pytest.approx(recorded[0], abs=1e-6)
    cloud = found["/plan/points"][0][1]
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "red", "green", "blue", "alpha"]
    rows = np.frombuffer(cloud.data, np.uint8).reshape(-1, cloud.point_stride)
    assert rows[:, :12].copy().view("<f4") == pytest.approx(planned, abs=1e-6)
    assert rows[0, 12:15] / 255 == pytest.approx([lines[0].color.r, lines[0].color.g, lines[0].color.b])
