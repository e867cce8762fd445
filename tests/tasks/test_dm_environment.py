"""The dm_env face: dm_env's own contract, and the episodes of the Gymnasium environment."""

import unittest

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.seed_ranges import UNNAMED
from bimodal.tasks.gym.dm_environment import TaskEnvironment
from dm_env import StepType
from dm_env.test_utils import EnvironmentTestMixin
from gymnasium_play import ID, PLUNGE, STAY, TASK, play, same


class TestContract(EnvironmentTestMixin, unittest.TestCase):
    """Every test is dm_env's own."""

    def make_object_under_test(self):
        return TaskEnvironment(TASK)

    def make_action_sequence(self):
        return [PLUNGE] * 20


def test_it_plays_the_episodes_of_the_gymnasium_environment():
    env = gymnasium.make(ID, action_space="ee_delta", reward="dense")
    environment = TaskEnvironment(TASK, reward="dense", seeds=[7, 3])
    for seed in (7, 3):
        seen, info = env.reset(seed=seed)
        first = environment.reset()
        assert same(first.observation, seen) and same(environment.info, info)
        for seen, reward, terminated, _, info in play(env, [PLUNGE] * 60):
            step = environment.step(PLUNGE)
            assert same(step.observation, seen) and step.reward == reward
            assert same(environment.info, info) and step.discount == 1.0 - terminated
        assert step.step_type is StepType.LAST and step.discount == 0.0
    with pytest.raises(WrongUse, match="all given seeds have been played"):
        environment.reset()


def test_time_that_runs_out_is_no_end_of_the_return():
    environment = TaskEnvironment(TASK, variant="horizon.short:2", random=4)
    environment.reset()
    seed = environment.info["seed"]
    assert seed in UNNAMED
    again = TaskEnvironment(TASK, random=4)
    again.reset()
    assert again.info["seed"] == seed
    step = environment.step(STAY)
    while not step.last():
        step = environment.step(STAY)
    assert step.discount == 1.0 and environment.info["label"] == "NO_ATTEMPT"


def test_specs_name_what_they_describe():
    environment = TaskEnvironment(TASK)
    space = gymnasium.make(ID, action_space="ee_delta").unwrapped
    assert {name: spec.name for name, spec in environment.observation_spec().items()} == {
        name: name for name in space.observation_space
    }
    assert np.array_equal(environment.action_spec().maximum, space.action_space.high)
