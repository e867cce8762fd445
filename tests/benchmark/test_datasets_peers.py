"""Data sets are read by readers that nobody here wrote: lerobot-doctor, robot-report-card and minari."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.datasets.export import export_data
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations import collect as demonstrations
from scoring import DUMBBELL

PEERS = Path(__file__).parents[2] / ".peers" / "bin" / "python"
LEROBOT = Path(__file__).parents[2] / ".peers-lerobot" / "bin" / "python"
peers_only = pytest.mark.skipif(not PEERS.exists(), reason="make peers builds the environment of the peers")
LOAD = """
import json, sys
from lerobot.datasets.lerobot_dataset import LeRobotDataset
ahead = {"action": [i / 20 for i in range(16)]}
data = LeRobotDataset("bimodal/test", root=sys.argv[1], delta_timestamps=ahead)
frame = data[70]
told = {name: frame[name].tolist() for name in ("observation.state", "action", "action_is_pad")}
print(json.dumps(told | {"task": frame["task"], "frames": len(data)}))
"""
READ = """
import json, sys
import minari
data = minari.load_dataset(sys.argv[1])
said = list(data.storage.get_episode_metadata(range(len(data))))
for episode, more in zip(data, said):
    seen = episode.observations["tcp_position"]
    assert data.observation_space["tcp_position"].contains(seen[-1]) and len(seen) == len(episode.rewards) + 1
    assert all(data.action_space.contains(action) for action in episode.actions)
    print(json.dumps([seen[:-1].tolist(), episode.actions.tolist(), int(more["seed"]), int(more["mode"])]))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    task = load_task(DUMBBELL)
    found = demonstrations.collect(task, "bi50", 6)
    return demonstrations.save(found, tmp_path_factory.mktemp("demos") / "bi50-6-s0.npz")


def peer(module, *words, **more):
    """Run a module of the peers and return what it prints; skip where it is not there."""
    if subprocess.run([PEERS, "-c", f"import {module}"], capture_output=True).returncode:
        pytest.skip(f"{module} is not in .peers; make peers brings it up to date")
    run = subprocess.run([PEERS, *words], capture_output=True, text=True, check=False, **more)
    assert not run.returncode, run.stderr
    return run.stdout


@pytest.mark.skipif(not LEROBOT.exists(), reason="make peers-lerobot builds the environment of LeRobot")
def test_lerobot_itself_loads_windows_of_actions(file, tmp_path):
    export_data(file, "lerobot", tmp_path / "set")
    run = subprocess.run([LEROBOT, "-c", LOAD, tmp_path / "set"], capture_output=True, text=True)
    assert not run.returncode, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    demos = demonstrations.load(file)
    frames = demos.actions.shape[1]
    ahead = np.minimum(70 + np.arange(16), frames - 1)
    np.testing.assert_array_equal(np.float32(said["action"]), demos.actions[0, ahead])
    np.testing.assert_array_equal(said["action_is_pad"], 70 + np.arange(16) >= frames)
    np.testing.assert_array_equal(
        np.float32(said["observation.state"])[:3], demos.observations["tcp_position"][0, 70]
    )
    assert (said["task"], said["frames"]) == (load_task(DUMBBELL).goal, 6 * frames)


@peers_only
def test_lerobot_doctor_finds_nothing_that_fails(file, tmp_path):
    export_data(file, "lerobot", tmp_path / "set", "ee_delta")
    said = json.loads(peer("lerobot_doctor", "-m", "lerobot_doctor.cli", "check", "--json", tmp_path / "set"))
    severity = {check["name"]: check["severity"] for check in said["checks"]}
    assert "FAIL" not in severity.values(), said
    whole = ("Metadata & Format Compliance", "Temporal Consistency", "Feature Consistency", "Portability")
    assert {severity[name] for name in whole} == {"PASS"}
    assert (said["total_episodes"], said["fps"]) == (6, 20)


@peers_only
def test_robot_report_card_scores_every_episode_and_sees_its_outcome(file, tmp_path):
    export_data(file, "lerobot", tmp_path / "set")
    said = json.loads(
        peer("robot_report_card", "-m", "robot_report_card.cli", "score", "--json", tmp_path / "set")
    )
    episodes = said["episodes"]
    assert [one["length"] for one in episodes] == [demonstrations.load(file).actions.shape[1]] * 6
    assert all(one["outcome_sim"] for one in episodes)


@peers_only
def test_minari_reads_back_every_bit(file, tmp_path):
    name = export_data(file, "minari", tmp_path).minari_id
    lines = peer("minari", "-c", READ, name, env=os.environ | {"MINARI_DATASETS_PATH": str(tmp_path)})
    demos = demonstrations.load(file)
    rows = [json.loads(line) for line in lines.splitlines()]
    for row, (position, actions, seed, mode) in enumerate(rows):
        np.testing.assert_array_equal(np.float32(position), demos.observations["tcp_position"][row])
        np.testing.assert_array_equal(np.float32(actions), demos.actions[row])
        assert (seed, mode) == (demos.seeds[row], demos.modes[row])
    assert len(rows) == 6
