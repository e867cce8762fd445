"""Data sets of a run hold what its policy saw and commanded, also where the sensors were disturbed."""

import json

import imageio
import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.datasets import videos
from bimodal.benchmark.datasets.delta_actions import converted
from bimodal.benchmark.datasets.features import columns_of
from bimodal.benchmark.datasets.from_run import run_source
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.shard_file import read_shard, slug
from bimodal.envs.specs import from_grid
from bimodal.policies.experts import Expert
from lerobot_env_bimodal import make_envs
from scoring import DUMBBELL, POST, bimodal, panel, rows

NOISY = "sensing.noise:2+sensing.latency:2"


class Watcher(Expert):
    """The expert, which keeps what it is shown at every decision."""

    description = "Remembers."
    seen: list = []  # noqa: RUF012 (read by the tests)

    def act(self, observation):
        Watcher.seen.append({name: values.copy() for name, values in observation.items()})
        return super().act(observation)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three clean and three noisy episodes of one task."""
    suite = panel(3, (DUMBBELL,))._replace(variants=("clean", NOISY))
    Watcher.seen.clear()
    return evaluate(Watcher, suite, EvalOptions(out=tmp_path_factory.mktemp("run") / "run", workers=0))


@pytest.mark.parametrize("variant", ["clean", NOISY])
def test_observations_are_what_the_policy_saw(run, variant):
    every = 16  # the expert's
    source = run_source(run, variant=variant)
    episodes = list(source.episodes)
    record = read_shard(next((run / "traces").glob(f"*-{slug(variant)}-000.npz"))).result
    # decisions of the two variants follow one another, and with them a few more for the decision time
    begin = next(
        place
        for place, seen in enumerate(Watcher.seen)
        if len(seen["tcp_position"]) == 3
        and (seen["dumbbell_position"][0] == episodes[0].observations["dumbbell_position"][0]).all()
    )
    for row, episode in enumerate(episodes):
        assert (
            episode.steps == record.verdict.steps[row]
            and len(episode.observations["tcp_position"]) == episode.steps + 1
        )
        np.testing.assert_array_equal(episode.actions, from_grid(record.trace.actions[row, : episode.steps]))
        for number, step in enumerate(range(0, episode.steps, every)):
            for name, values in Watcher.seen[begin + number].items():
                np.testing.assert_array_equal(episode.observations[name][step], values[row], err_msg=name)


def test_a_data_set_says_how_its_episodes_ended(run, tmp_path, capsys):
    words = ("export", run, "--format", "lerobot", "--out", tmp_path / "set", "--variant", NOISY)
    assert bimodal(*words, "--episode", 2, "--episode", 0, capsys=capsys)[0] == 0
    there = pq.read_table(
        tmp_path / "set" / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    ).to_pylist()
    wanted = {row["seed"]: row for row in rows(run) if row["variant"] == NOISY}
    assert [row["seed"] for row in there] == [0, 2]
    for row in there:
        names = ("variant", "mode", "mode_name", "label", "success")
        assert [row[name] for name in names] == [wanted[row["seed"]][name] for name in names]
        assert row["length"] == wanted[row["seed"]]["steps"]
    origin = json.loads((tmp_path / "set" / "meta" / "bimodal.json").read_text())
    assert origin["run_id"] == json.loads((run / "run.json").read_text())["run_id"]


def test_steps_start_from_where_the_hand_is_not_from_where_it_seems(run):
    clean = next(iter(run_source(run, action="ee_delta").episodes))
    absolute = next(iter(run_source(run).episodes))
    np.testing.assert_array_equal(
        clean.actions, converted(absolute.actions, "ee_absolute", "ee_delta", absolute.observations)
    )
    noisy, plain = (next(iter(run_source(run, variant=NOISY, action=a).episodes)) for a in ("ee_delta", ""))
    seeming = converted(plain.actions, "ee_absolute", "ee_delta", plain.observations)
    assert np.abs(seeming - noisy.actions).max() > 0.01


def test_a_policy_trained_on_them_sees_the_same_in_lerobot_eval(run):
    source = run_source(run, seeds=[2])
    (episode,) = source.episodes
    columns = columns_of(source, episode, 0, 0)
    envs = make_envs(DUMBBELL, 1, pictures=False)["clean"][DUMBBELL]
    seen, _ = envs.reset(seed=[2])
    for step in range(10):
        for key, ours in (
            ("observation.state", "agent_pos"),
            ("observation.environment_state", "environment_state"),
        ):
            np.testing.assert_array_equal(seen[ours][0].astype(np.float32), columns[key][step])
        seen, *_ = envs.step(columns["action"][None, step])
    envs.close()


class Clock:
    """Draws the time of an episode as a grey, brighter for the second camera."""

    def __init__(self, task, width, height, quality, variant, seed):
        assert (task.id, width, height, quality, seed) == (DUMBBELL, videos.SIZE, videos.SIZE, "policy", 0)

    def frames(self, state, cameras):
        grey = (
            40 + 30 * state[0] + 50 * np.arange(len(cameras))
        )  # the first number of a state is its time [s]
        return np.broadcast_to(grey[:, None, None, None], (len(cameras), videos.SIZE, videos.SIZE, 3)).astype(
            "u1"
        )

    def close(self):
        pass


def test_every_frame_has_its_picture(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(videos, "Renderer", Clock)
    monkeypatch.setattr(videos, "FRAMES", 100)  # the second episode still goes into the first file
    words = ("export", run, "--format", "lerobot", "--out", tmp_path / "set", "--pictures")
    assert bimodal(*words, capsys=capsys)[0] == 0
    meta = tmp_path / "set" / "meta"
    info = json.loads((meta / "info.json").read_text())
    stats = json.loads((meta / "stats.json").read_text())
    episodes = pq.read_table(meta / "episodes" / "chunk-000" / "file-000.parquet").to_pylist()
    for number, key in enumerate(("observation.images.front", "observation.images.wrist")):
        assert info["features"][key]["dtype"] == "video" and np.shape(stats[key]["mean"]) == (3, 1, 1)
        for episode in episodes:
            place = {"video_key": key, "chunk_index": 0, "file_index": episode[f"videos/{key}/file_index"]}
            pictures = list(imageio.v3.imiter(tmp_path / "set" / info["video_path"].format(**place)))
            begin, end = (round(20 * episode[f"videos/{key}/{name}_timestamp"]) for name in ("from", "to"))
            assert end - begin == episode["length"]
            greys = [int(picture[9, 9, 0]) for picture in pictures[begin:end]]
            wanted = 40 + 30 * np.arange(episode["length"]) / 20 + 50 * number
            np.testing.assert_allclose(greys, wanted, atol=3)
            assert 0 <= episode[f"stats/{key}/min"][0][0][0] <= episode[f"stats/{key}/max"][2][0][0] <= 1
    assert [episode["videos/observation.images.front/file_index"] for episode in episodes] == [0, 0, 1]


def test_what_a_run_does_not_have_is_said_in_one_line(run, tmp_path, capsys):
    out = ("--format", "minari", "--out", tmp_path / "a")
    for words, text in (
        (("--task", POST), "unknown task of the run"),
        (("--variant", "contact.friction:1"), "unknown variant of the run"),
        (("--episode", 7), "no seed 7"),
        (("--actions", "joint_absolute"), "cannot be written"),
    ):
        code, _, err = bimodal("export", run, *out, *words, capsys=capsys)
        assert (code, len(err)) == (2, 1) and text in err[0], err
    assert not list(tmp_path.iterdir())
