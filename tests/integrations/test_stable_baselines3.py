"""Stable-Baselines3 accepts our environments; runs where it is installed, which is not so in ours."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium_play import ID

sb3 = pytest.importorskip("stable_baselines3", reason="pip install stable-baselines3 brings it")


@pytest.mark.parametrize("reward", ["sparse", "dense"])
def test_its_checker_is_content(reward):
    from stable_baselines3.common.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Your action space has dtype float64")  # a recommendation
        check_env(gymnasium.make(ID, action_space="ee_delta", reward=reward).unwrapped)


def test_its_ppo_plays_and_updates():
    env = gymnasium.make(ID, action_space="ee_delta", reward="dense")
    model = sb3.PPO("MultiInputPolicy", env, n_steps=32, batch_size=32, n_epochs=1, seed=0, device="cpu")
    before = model.policy.action_net.weight.detach().numpy().copy()
    model.learn(64)
    assert model.num_timesteps == 64
    assert not np.array_equal(before, model.policy.action_net.weight.detach().numpy())
    action, _ = model.predict(env.reset(seed=0)[0], deterministic=True)
    assert action in env.action_space
