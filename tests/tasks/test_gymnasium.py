"""How a Gymnasium environment is found and called: registration, spaces, seeds, wrappers, pictures."""

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.rendering import gl
from bimodal.envs.seed_ranges import UNNAMED
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS, size
from bimodal.tasks import load_task, task_names
from bimodal.tasks.gym.vector_env import TaskVectorEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, RescaleAction
from gymnasium_play import ID, PLUNGE, STAY, TASK, expert_plan, play, row_of, same

# ------------------------------------------------------------------------------------------ registration


def test_every_task_is_registered_and_its_spec_survives_json():
    registered = {name for name in gymnasium.registry if name.startswith("bimodal/")}
    assert registered == {f"bimodal/{name}" for name in task_names()}
    env = gymnasium.make(ID, action_space="ee_delta", render_mode="rgb_array")
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec == env.spec and again.action_space == env.action_space
    envs = gymnasium.make_vec(ID, num_envs=3, autoreset_mode="SameStep")
    again = gymnasium.make_vec(EnvSpec.from_json(envs.spec.to_json()))
    assert again.num_envs == 3 and again.metadata == envs.metadata
    assert again.observation_space == envs.observation_space


def test_the_vector_environment_is_one_simulation():
    envs = gymnasium.make_vec(ID, num_envs=64)
    assert isinstance(envs.unwrapped, TaskVectorEnv)
    assert isinstance(envs.unwrapped.simulation, Simulation) and envs.unwrapped.simulation.n == 64
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observation, infos = envs.reset(seed=0)
    assert observation in envs.observation_space and (infos["seed"] == np.arange(64)).all()
    assert list(observation) == list(envs.observation_space) == list(envs.single_observation_space)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"action_space": "ee_dleta"}, "ee_delta"),
        ({"render_mode": "ansi"}, "rgb_array"),
        ({"autoreset_mode": "nextstep"}, "NextStep"),
        ({"num_envs": 0}, "at least 1"),
    ],
)
def test_a_wrong_option_names_the_right_ones(options, words):
    with pytest.raises(WrongUse, match=words):
        TaskVectorEnv(TASK, **options)


# ------------------------------------------------------------------------------------------ spaces


def test_action_spaces_have_the_shape_of_their_specs():
    for name, specs in ACTIONS.items():
        box = gymnasium.make(ID, action_space=name).action_space
        assert box.shape == (size(specs),) and box.dtype == np.float64


# ------------------------------------------------------------------------------------------ seeds


def test_a_seed_begins_the_evaluators_episode():
    env = gymnasium.make(ID)
    simulation = Simulation(load_task(TASK), 1)
    for seed in (0, 17, 123_456_789):
        observation, info = env.reset(seed=seed)
        simulation.reset([seed])
        assert info["seed"] == seed and (env.unwrapped.simulation.state() == simulation.state()).all()
        assert same(observation, row_of(simulation.observe(), 0))


def test_without_a_seed_the_next_episode_follows_from_the_last_seed_and_is_free():
    env, first = gymnasium.make(ID), []
    for _ in range(2):
        env.reset(seed=5)
        first.append([env.reset()[1]["seed"] for _ in range(3)])
    assert first[0] == first[1] and len(set(first[0])) == 3
    assert all(seed in UNNAMED for seed in first[0])


# ------------------------------------------------------------------------------------------ wrappers


def test_nobody_is_told_to_take_a_later_version_which_is_another_task():
    code = "import bimodal.tasks, gymnasium; gymnasium.make('bimodal/PandaLiftMug-v1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_gymnasiums_wrappers_work_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(ID, disable_env_checker=False, max_episode_steps=90)
        env = RecordEpisodeStatistics(RescaleAction(env, -1.0, 1.0))
        env.reset(seed=1)
        low, high = env.unwrapped.action_space.low, env.unwrapped.action_space.high
        plan = 2 * (expert_plan(env, 1) - low) / (high - low) - 1
        *_, (_, _, terminated, _, info) = play(env, plan)
        assert terminated and info["is_success"] and info["episode"]["r"] == 1.0
        env = gymnasium.make(ID, action_space="ee_delta", max_episode_steps=7)
        env.reset(seed=1)
        assert len(play(env, [STAY] * 20)) == 7
        envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(
            gymnasium.make_vec(ID, num_envs=3, action_space="ee_delta")
        )
        envs.reset(seed=0)
        for _ in range(40):
            envs.step(np.tile(PLUNGE, (3, 1)))
        assert envs.episode_count >= 3 and set(envs.length_queue) == {3, 4}


def test_pictures_are_drawn_only_when_asked_for():
    try:
        gl.configure_gl()
    except BimodalError as error:
        pytest.skip(str(error))
    blind = gymnasium.make(ID)
    blind.reset(seed=0)
    assert blind.render() is None
    env = gymnasium.make(
        ID, action_space="ee_delta", render_mode="rgb_array", width=128, height=96, camera="front"
    )
    env.reset(seed=0)
    env.step(PLUNGE)
    assert not env.unwrapped._pictures._renderers
    picture = env.render()
    assert picture.shape == (96, 128, 3) and picture.dtype == np.uint8 and picture.std() > 10
    envs = gymnasium.make_vec(
        ID, num_envs=2, action_space="ee_delta", render_mode="rgb_array", width=128, height=96
    )
    envs.reset(seed=0)
    envs.step(np.stack([PLUNGE, PLUNGE]))
    first, second = envs.render()
    assert (first == picture).all() and (second != picture).any()
    env.close(), env.close(), envs.close(), envs.close()
    listed = gymnasium.make(ID, render_mode="rgb_array_list", width=96, height=96)
    listed.reset(seed=0)
    assert len(listed.render()) == 1
    listed.close()
