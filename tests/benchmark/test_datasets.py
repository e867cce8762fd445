"""Data sets for LeRobot, robomimic and Minari hold what was recorded; LeRobot's come back unchanged."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark.datasets import lerobot_writer
from bimodal.benchmark.datasets.features import FLOORS
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations import collect as demonstrations
from scoring import DUMBBELL, bimodal

TASK = load_task(DUMBBELL)
ROBOT = ("tcp_position", "tcp_rotation", "gripper_opening")
EPISODE = ("seed", "variant", "mode", "mode_name", "label", "success", "kind")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Demonstrations: of both modes, and graded ones of which some fail early."""
    folder = tmp_path_factory.mktemp("demos")
    return {
        regime: demonstrations.save(demonstrations.collect(TASK, regime, 6), folder / f"{regime}-6-s0.npz")
        for regime in ("bi50", "graded")
    }


def export(what, name, out, *more, capsys):
    code, text, err = bimodal("export", what, "--format", name, "--out", out, *more, capsys=capsys)
    assert (code, err) == (0, []), err
    return text


def table(folder):
    """Read all files of a series."""
    files = sorted(folder.glob("chunk-*/file-*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    return files, {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_lerobot_frames_are_the_demonstrations_a_row_group_an_episode(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lerobot_writer, "DATA_MB", 0.02)  # a file holds about two episodes
    assert "6 episodes" in export(files["bi50"], "lerobot", tmp_path / "set", capsys=capsys)
    demos = demonstrations.load(files["bi50"])
    episodes, frames = demos.actions.shape[:2]
    paths, columns = table(tmp_path / "set" / "data")
    assert len(paths) > 1
    groups = [
        one.row_group(i).num_rows for one in map(pq.read_metadata, paths) for i in range(one.num_row_groups)
    ]
    assert groups == [frames] * episodes
    # 1. every number, bit for bit
    seen = np.concatenate([demos.observations[name] for name in ROBOT], 2).reshape(-1, 10)
    np.testing.assert_array_equal(columns["observation.state"].astype(np.float32), seen)
    np.testing.assert_array_equal(columns["action"].astype(np.float32), demos.actions.reshape(-1, 10))
    world = np.concatenate([v for n, v in demos.observations.items() if n not in ROBOT], 2)
    around = columns["observation.environment_state"].astype(np.float32)
    np.testing.assert_array_equal(around, world.reshape(len(around), -1))
    # 2. the clock
    np.testing.assert_array_equal(columns["index"], np.arange(episodes * frames))
    np.testing.assert_allclose(columns["timestamp"], columns["frame_index"] / 20, atol=1e-6)
    last = columns["frame_index"] == frames - 1
    for name in ("next.done", "next.success", "next.reward"):
        np.testing.assert_array_equal(columns[name].astype(bool), last)
    # 3. where an episode lies, and what it was
    _, of = table(tmp_path / "set" / "meta" / "episodes")
    np.testing.assert_array_equal(of["seed"], demos.seeds)
    assert of["mode_name"].tolist() == [TASK.modes[mode] for mode in demos.modes]
    for row in range(episodes):
        place = f"chunk-{of['data/chunk_index'][row]:03d}/file-{of['data/file_index'][row]:03d}.parquet"
        inside = pq.read_table(tmp_path / "set" / "data" / place)["index"].to_pylist()
        assert set(range(of["dataset_from_index"][row], of["dataset_to_index"][row])) <= set(inside)


def test_lerobot_statistics_are_those_of_the_frames_with_a_floor(files, tmp_path, capsys):
    export(files["graded"], "lerobot", tmp_path / "set", capsys=capsys)
    _, columns = table(tmp_path / "set" / "data")
    meta = tmp_path / "set" / "meta"
    stats, info = (json.loads((meta / f"{name}.json").read_text()) for name in ("stats", "info"))
    assert set(stats) == set(info["features"]) == set(columns)
    assert (info["total_frames"], info["total_episodes"]) == (len(columns["index"]), 6)
    assert info["total_frames"] < 6 * TASK.max_episode_steps, "episodes end where they ended"
    for key, values in columns.items():
        rows = values.reshape(len(values), -1).astype(float)
        wanted = {"min": rows.min(0), "mean": rows.mean(0), "q90": np.quantile(rows, 0.9, axis=0)}
        assert all(np.allclose(stats[key][name], numbers) for name, numbers in wanted.items()), key
    rotation = stats["action"]["std"][3:9]
    spread = columns["action"].std(0)
    assert min(rotation) == FLOORS["1"] and spread[3:9].min() < FLOORS["1"] / 10
    np.testing.assert_allclose(stats["action"]["std"][:3], spread[:3], rtol=1e-4)


def test_demonstrations_come_back_from_lerobot_to_the_last_bit(files, tmp_path, capsys):
    export(files["bi50"], "lerobot", tmp_path / "set", capsys=capsys)
    out = tmp_path / "back.npz"
    code, text, err = bimodal("import", tmp_path / "set", "--out", out, capsys=capsys)
    assert (code, err) == (0, []) and "(50% left bar, 50% right bar), 100.0% succeed" in " ".join(
        text.split()
    )
    assert out.read_bytes() == files["bi50"].read_bytes()


def test_a_data_set_of_others_is_taken_once_its_task_is_named(files, tmp_path, capsys):
    export(files["bi50"], "lerobot", tmp_path / "set", capsys=capsys)
    (tmp_path / "set" / "meta" / "bimodal.json").unlink()
    words = ("import", tmp_path / "set", "--out", tmp_path / "a.npz")
    code, _, err = bimodal(*words, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "name it by --task" in err[0]
    assert bimodal(*words, "--task", DUMBBELL, capsys=capsys)[0] == 0
    ours, theirs = (demonstrations.load(file) for file in (files["bi50"], tmp_path / "a.npz"))
    assert theirs.meta["regime"] == "imported" and theirs.meta["digest"] == ours.meta["digest"]
    code, _, err = bimodal(*words, "--task", DUMBBELL, capsys=capsys)
    assert code == 2 and "is there already" in err[0]


def test_graded_demonstrations_come_back_as_far_as_they_count(files, tmp_path, capsys):
    export(files["graded"], "lerobot", tmp_path / "set", capsys=capsys)
    assert bimodal("import", tmp_path / "set", "--out", tmp_path / "back.npz", capsys=capsys)[0] == 0
    one, two = (demonstrations.load(path) for path in (files["graded"], tmp_path / "back.npz"))
    valid = one.valid[:, : two.valid.shape[1]]
    assert not one.valid[:, valid.shape[1] :].any()
    for name in ("seeds", "modes", "success", "kinds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(two.valid, valid)
    for name in ("actions", "returns"):
        a, b = (getattr(demos, name)[:, : valid.shape[1]][valid] for demos in (one, two))
        np.testing.assert_array_equal(a, b)
    for name, values in one.observations.items():
        np.testing.assert_array_equal(values[:, : valid.shape[1]][valid], two.observations[name][valid])


def test_the_reader_of_the_documentation_reads_demonstrations(files):
    page = (Path(__file__).parents[2] / "docs" / "data-formats.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page.split("\n## ")[1], re.S)
    code, count = re.subn(r'"runs/demos/.*?"', repr(str(files["bi50"])), block)
    found = {}
    exec(code, found)
    demos = demonstrations.load(files["bi50"])
    assert (count, found["meta"]) == (1, demos.meta) and len(block.strip().splitlines()) == 10
    np.testing.assert_array_equal(found["position"], demos.observations["tcp_position"])
    np.testing.assert_array_equal(found["left"], demos.actions[demos.modes == 0])


def without(folder, change):
    """Change info.json of a data set."""
    path = folder / "meta" / "info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def test_what_a_data_set_lacks_is_said_all_at_once(files, tmp_path, capsys):
    export(files["bi50"], "lerobot", tmp_path / "set", capsys=capsys)
    episodes = tmp_path / "set" / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    pq.write_table(pq.read_table(episodes).drop_columns(["mode"]), episodes)
    without(tmp_path / "set", lambda info: info["features"].pop("observation.state"))
    without(tmp_path / "set", lambda info: info.update(fps=30, codebase_version="v2.1"))
    code, _, err = bimodal("import", tmp_path / "set", "--out", tmp_path / "a.npz", capsys=capsys)
    assert (code, len(err)) == (2, 1) and not (tmp_path / "a.npz").exists()
    for text in (
        "observation.state float32 [10]: tcp_position.x",
        "column mode",
        "(it has 30)",
        "(it is v2.1",
    ):
        assert text in err[0]


@pytest.mark.parametrize("damage", ["other task", "no folder", "cut", "frame gone", "mode 7", "nan"])
def test_a_damaged_data_set_is_refused_in_one_line(files, tmp_path, capsys, damage):
    folder = tmp_path / "set"
    export(files["bi50"], "lerobot", folder, capsys=capsys)
    data = folder / "data" / "chunk-000" / "file-000.parquet"
    episodes = folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    words = ["import", folder, "--out", tmp_path / "a.npz"]
    if damage == "other task":
        words += ["--task", "PandaLiftPot-v1"]
    elif damage == "no folder":
        words[1] = tmp_path / "nothing"
    elif damage == "cut":
        data.write_bytes(data.read_bytes()[:900])
    elif damage == "frame gone":
        pq.write_table(pq.read_table(data).slice(0, 100), data)
    elif damage == "mode 7":
        there = pq.read_table(episodes)
        place = there.column_names.index("mode")
        pq.write_table(there.set_column(place, "mode", [[7] * 6]), episodes)
    else:
        there = pq.read_table(data).to_pylist()
        there[5]["action"][2] = float("nan")
        pq.write_table(pq.read_table(data).from_pylist(there), data)
    code, _, err = bimodal(*words, capsys=capsys)
    assert (code, len(err)) == (2, 1) and not (tmp_path / "a.npz").exists()


def test_robomimic_has_steps_next_observations_and_masks_by_scene(files, tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    export(files["bi50"], "robomimic", tmp_path / "set.hdf5", capsys=capsys)
    demos = demonstrations.load(files["bi50"])
    with h5py.File(tmp_path / "set.hdf5", swmr=True, libver="latest") as file:
        data = file["data"]
        environment = json.loads(data.attrs["env_args"])
        assert environment["type"] == 2 and environment["env_name"] == f"bimodal/{DUMBBELL}"
        assert data.attrs["total"] == demos.actions.shape[0] * demos.actions.shape[1]
        for row in range(6):
            demo = data[f"demo_{row}"]
            assert (
                demo["actions"].shape == (demo.attrs["num_samples"], 7) and np.abs(demo["actions"]).max() <= 1
            )
            assert demo["states"].shape == (demo.attrs["num_samples"], 0) and demo["dones"][-1] == 1
            for name, values in demos.observations.items():
                np.testing.assert_array_equal(demo["obs"][name], values[row])
                np.testing.assert_array_equal(demo["next_obs"][name][:-1], values[row][1:])
        train, valid = (set(file["mask"][part][:].tolist()) for part in ("train", "valid"))
        assert len(train) + len(valid) == 6 and not train & valid


def test_minari_loses_no_bit(files, tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    text = export(files["bi50"], "minari", tmp_path, capsys=capsys)
    name = f"bimodal/{DUMBBELL}/bi50-6-s0-v0"
    assert f"minari.load_dataset('{name}')" in text
    demos = demonstrations.load(files["bi50"])
    with h5py.File(tmp_path / name / "data" / "main_data.hdf5") as file:
        assert len(file) == 6
        for row in range(6):
            episode = file[f"episode_{row}"]
            assert episode.attrs["seed"] == demos.seeds[row] and episode.attrs["mode"] == demos.modes[row]
            np.testing.assert_array_equal(episode["actions"], demos.actions[row])
            assert episode["actions"].dtype == np.float32
            for component, values in demos.observations.items():
                np.testing.assert_array_equal(episode["observations"][component][:-1], values[row])
            assert episode["terminations"][-1] and not episode["truncations"][:].any()
    said = json.loads((tmp_path / name / "data" / "metadata.json").read_text())
    assert said["jpeg_encoding"] is False and said["total_steps"] == demos.actions[..., 0].size


def test_what_cannot_be_exported_is_said_in_one_line(files, tmp_path, monkeypatch, capsys):
    there = tmp_path / "there"
    there.mkdir()
    new = tmp_path / "new"
    for words, text in (
        ((files["bi50"],), "either --format"),
        ((files["bi50"], "--format", "lerobot"), "--out PATH"),
        ((files["bi50"], "--format", "lerobot", "--out", there), "is there already"),
        ((files["bi50"], "--format", "lerobot", "--out", new, "--task", DUMBBELL), "as a whole"),
        (
            (files["bi50"], "--format", "lerobot", "--out", new, "--actions", "joint_absolute"),
            "cannot be written",
        ),
        ((files["bi50"], "--format", "robomimic", "--out", new), "must end in .hdf5"),
        ((files["bi50"], "--format", "robomimic", "--out", new, "--actions", "ee_absolute"), "from -1 to 1"),
        (
            (files["bi50"], "--format", "robomimic", "--out", tmp_path / "a.hdf5", "--pictures"),
            "lerobot alone",
        ),
        ((files["bi50"], "--format", "rlds", "--out", new), "unknown format"),
        ((tmp_path / "no.npz", "--format", "lerobot", "--out", new), "no demonstrations"),
        ((there, "--format", "lerobot", "--out", new), "not a run folder"),
    ):
        code, _, err = bimodal("export", *words, capsys=capsys)
        assert (code, len(err)) == (2, 1) and text in err[0], err
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    code, _, err = bimodal("export", files["bi50"], "--format", "minari", "--out", new, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "pip install 'bimodal-bench[export]'" in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["there"] and not list(there.iterdir())


def test_a_failure_leaves_nothing_behind(files, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lerobot_writer, "write_json", full)
    code, _, err = bimodal(
        "export", files["bi50"], "--format", "lerobot", "--out", tmp_path / "a", capsys=capsys
    )
    assert (code, len(err)) == (1, 1) and "No space left" in err[0] and not list(tmp_path.iterdir())
