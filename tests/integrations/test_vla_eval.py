"""The benchmark for vla-eval, played by vla-eval's own orchestrator against its own servers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl
from bimodal.policies.remote.conventions import hand_state
from bimodal.tasks.gym.env import TaskEnv

ROOT = Path(__file__).parents[2]
PEERS = next((ROOT / ".peers" / "lib").glob("python3.*/site-packages"), ROOT / ".peers")
TASK = "PandaLiftDumbbell-v1"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What vla-eval counted, by the kind of server; see vla_eval_session.py."""
    if not all((PEERS / name).exists() for name in ("vla_eval", "lazyregistry", "yaml")):
        pytest.skip("make peers builds the environment of the peers")
    try:
        gl.configure_gl()
        sees = "pictures"
    except BimodalError:
        sees = "blind"
    script = Path(__file__).with_name("vla_eval_session.py")
    folder = tmp_path_factory.mktemp("results")
    path = {"PYTHONPATH": str(ROOT / "integrations" / "vla_eval_bimodal"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, script, PEERS, folder, sees]
    run = subprocess.run(command, capture_output=True, text=True, env=path, cwd=folder, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def episodes(found):
    return [episode for task in found["tasks"] for episode in task["episodes"]]


@pytest.fixture(scope="module")
def ours():
    """Label, steps and clipped of the same model's episodes 5 and 6 without vla-eval."""
    env, found = TaskEnv(TASK, "ee_delta", clip=True), []
    for seed in (5, 6):
        seen, _ = env.reset(seed=seed)
        for step in range(1, 101):
            state = hand_state(seen, "eef_pos3_quat4_gripper1")["observation/state"]
            sideways = state[:2] * 8 % 1 - 0.5
            action = np.array([*sideways, -1.0, 0, 0, 0, -1.0], np.float32)
            seen, _, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                found.append((info["label"], step))
                break
    return found


def test_vla_eval_counts_the_evaluators_episodes(told, ours):
    assert [(one["metrics"]["label"], one["steps"]) for one in episodes(told["Server"])] == ours
    assert [task["task"] for task in told["Server"]["tasks"]] == [f"{TASK}/clean"]
    assert told["Server"]["mean_success"] == 0.0 and not told["Server"].get("num_errors")


def test_a_chunk_is_executed_action_by_action(told, ours):
    labels = {one["metrics"]["label"] for one in episodes(told["Chunks"])}
    assert labels == {label for label, _ in ours}
    assert all(one["steps"] < steps for one, (_, steps) in zip(episodes(told["Chunks"]), ours, strict=True))


def test_what_is_out_of_range_is_clipped_and_counted(told):
    for one in episodes(told["Far"]):
        assert one["metrics"]["clipped"] == one["steps"] and not one["metrics"]["policy_fault"]


@pytest.mark.parametrize("kind", ["NotFinite", "TooWide"])
def test_what_is_no_action_fails_the_episode_and_is_no_error_of_the_environment(told, kind):
    assert not told[kind].get("num_errors")
    for one in episodes(told[kind]):
        assert one["metrics"]["label"] == "POLICY_INVALID_ACTION" and one["metrics"]["policy_fault"]
        assert one["steps"] == 1 and not one["metrics"]["success"]


def test_servers_of_pictures_are_refused_where_none_are_sent(told):
    assert "set pictures: true" in told["WantsWrist"]
    assert "set pictures: true" in json.dumps(told["Sees"])
    assert {one["failure_reason"] for one in episodes(told["Sees"])} == {"env_start"}


def test_pictures_come_in_the_order_base_wrist(told, ours):
    if "pictures" not in told:
        pytest.skip("nothing can draw here")
    assert [(one["metrics"]["label"], one["steps"]) for one in episodes(told["pictures"])] == ours[:1]
