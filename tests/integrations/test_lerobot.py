"""`lerobot-eval --env.type=bimodal`: driven by a replay of LeRobot's own loop, and by LeRobot where it is.

The replay follows `rollout` and `eval_policy` of lerobot 0.6.1 (`scripts/lerobot_eval.py`), without torch.
"""

import importlib
import json
import os
import runpy
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import BimodalError
from bimodal.envs.rendering import gl
from bimodal.policies.core.policy import Decision, Needs, Policy
from lerobot_env_bimodal import make_envs
from lerobot_plans import TASK, plans

ROOT = Path(__file__).parents[2]
LEROBOT = ROOT / ".peers-lerobot" / "bin" / "python"
PANEL = [0, 1, 2, 3]


def rollout(env, seeds):
    """LeRobot's `rollout`: rows are stepped until all have ended; rewards, successes, dones (N, T)."""
    assert env.get_attr("task_description") and env.get_attr("task"), "else LeRobot warns"
    observation, _ = env.reset(seed=seeds, options={"lerobot_new_rollout": True})
    actions = plans(env.unwrapped.simulation)
    done = np.array([False] * env.num_envs)
    rewards, successes, dones = [], [], []
    max_steps = env.call("_max_episode_steps")[0]
    for step in range(max_steps):
        assert {name: value.shape for name, value in observation.items()} == {
            "agent_pos": (env.num_envs, 10),
            "environment_state": (env.num_envs, 5),
        }
        assert list(env.call("task_description")) == [TASK.goal] * env.num_envs
        asked = actions[:, min(step, actions.shape[1] - 1)]
        observation, reward, terminated, truncated, info = env.step(asked)
        told = info.get("final_info", info)
        successes.append(told["is_success"].tolist() if "is_success" in told else [False] * env.num_envs)
        done = terminated | truncated | done
        rewards.append(reward), dones.append(done)
        if done.all():
            break
    return [np.stack(columns, 1) for columns in (rewards, successes, dones)]


def per_episode(rewards, successes, dones):
    """LeRobot's `eval_policy`: everything up to a row's first end, and one step more."""
    mask = np.arange(dones.shape[1]) <= dones.argmax(1)[:, None] + 1
    return (rewards * mask).sum(1), (successes * mask).any(1)


class Plays(Policy):
    """Plays the same plans in our evaluator, row by row."""

    clip = True

    def __init__(self, actions):
        super().__init__(TASK)
        self.actions, self.decision = actions, 0

    def needs(self):
        return Needs(n_action_steps=1)

    def act(self, observation):
        step = min(self.decision, self.actions.shape[1] - 1)
        self.decision += 1
        return Decision(self.actions[:, step, None].astype(np.float64))


@pytest.fixture(scope="module")
def batch():
    return make_envs(TASK.id, 4)["clean"][TASK.id]


def test_lerobots_loop_counts_what_the_evaluator_counts(batch):
    rewards, successes, dones = rollout(batch, PANEL)
    sums, solved = per_episode(rewards, successes, dones)
    batch.reset(seed=PANEL)
    ours = run_shard(
        TASK, Plays(plans(batch.unwrapped.simulation)), Shard(TASK.id, "clean", 0, (0, 1, 2, 3)), "2"
    )
    assert (
        ours.verdict.label.tolist()[:2] == ["SUCCESS"] * 2
        and ours.verdict.label[3] == "POLICY_INVALID_ACTION"
    )
    assert solved.tolist() == ours.verdict.success.tolist() == [True, True, False, False]
    assert sums.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert (dones.argmax(1) + 1)[:3].tolist() == ours.verdict.steps.tolist()[:3]
    assert ours.clipped.tolist()[0] > 10


def test_a_second_rollout_is_a_new_panel(batch):
    first = rollout(batch, [4, 5, 6, 7])
    again = rollout(batch, [4, 5, 6, 7])
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[2], rollout(batch, PANEL)[2])


def test_only_the_pictures_that_are_read_are_drawn(monkeypatch):
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))
    envs = make_envs(TASK.id, 3)["clean"][TASK.id]
    envs.reset(seed=[0, 1, 2])
    asked = []
    draw = envs.unwrapped.pictures
    monkeypatch.setattr(envs.unwrapped, "pictures", lambda rows: asked.append(list(rows)) or draw(rows))
    frames = np.stack(envs.call("render")[:2])
    assert frames.shape == (2, 240, 320, 3) and frames.std() > 10 and asked == [[0, 1]]
    envs.close()
    blind = make_envs(TASK.id, 2, pictures=False)["clean"][TASK.id]
    assert not np.stack(blind.call("render")[:1]).any()


def test_the_file_for_the_hub_makes_what_the_config_says():
    make_env = runpy.run_path(str(ROOT / "integrations" / "envhub" / "env.py"))["make_env"]
    cfg = types.SimpleNamespace(task="PandaLiftMug-v1", variant="contact.friction:2", action_space="ee_delta")
    envs = make_env(n_envs=2, use_async_envs=True, cfg=cfg)["contact.friction:2"]["PandaLiftMug-v1"]
    assert envs.num_envs == 2 and envs.action_space.shape == (2, 7)
    assert list(make_env(n_envs=1, use_async_envs=False)) == ["clean"]


@pytest.fixture
def lerobot(monkeypatch):
    """What `config.py` uses of lerobot 0.6.1, by the same names."""
    names = {"lerobot", "lerobot.configs", "lerobot.envs", "lerobot.envs.configs"}
    made = {name: types.ModuleType(name) for name in names | {"lerobot.utils", "lerobot.utils.constants"}}
    registered = {}

    @dataclass
    class EnvConfig:
        task: str | None = None
        fps: int = 30
        max_parallel_tasks: int = 1

        @staticmethod
        def register_subclass(name):
            return lambda cls: registered.setdefault(name, cls)

    made["lerobot.envs.configs"].EnvConfig = EnvConfig
    made["lerobot.configs"].FeatureType = types.SimpleNamespace(STATE="STATE", ENV="ENV", ACTION="ACTION")
    made["lerobot.configs"].PolicyFeature = lambda type, shape: (type, shape)
    constants = {"ACTION": "action", "OBS_STATE": "observation.state"}
    constants["OBS_ENV_STATE"] = "observation.environment_state"
    vars(made["lerobot.utils.constants"]).update(constants)
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "lerobot_env_bimodal.config", raising=False)
    importlib.import_module("lerobot_env_bimodal.config")
    return registered


def test_the_config_says_which_features_a_policy_is_built_for(lerobot):
    config = lerobot["bimodal"](task="TwoPandaHandover-v1", action_space="ee_delta")
    assert config.features == {
        "action": ("ACTION", (14,)),
        "agent_pos": ("STATE", (20,)),
        "environment_state": ("ENV", (5,)),
    }
    assert config.fps == 20 and config.features_map["agent_pos"] == "observation.state"
    ((suite, tasks),) = config.create_envs(2, use_async_envs=True).items()
    assert suite == "clean" and list(tasks) == ["TwoPandaHandover-v1"]
    with pytest.raises(BimodalError, match="PandaLiftMug"):
        lerobot["bimodal"](task="PandaLiftMugg-v1")


@pytest.mark.slow
@pytest.mark.skipif(not LEROBOT.exists(), reason="make peers-lerobot builds the environment with lerobot")
def test_lerobot_itself_counts_the_same(batch):
    """LeRobot's own discovery, `make_env` and `rollout`; see `lerobot_itself.py`."""
    script = Path(__file__).with_name("lerobot_itself.py")
    path = {"env": os.environ | {"PYTHONPATH": str(ROOT / "tests")}}
    said = subprocess.run([LEROBOT, script], capture_output=True, text=True, timeout=600, check=True, **path)
    told = json.loads(said.stdout.splitlines()[-1])
    rewards, successes, dones = rollout(batch, PANEL)
    assert told["success"] == per_episode(rewards, successes, dones)[1].tolist()
    assert told["length"] == (dones.argmax(1) + 1).tolist() and told["frames"] == [4, 240, 320, 3]
