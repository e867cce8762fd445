"""The dense reward: an episode's mean progress over its time; it changes no episode."""

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.tasks import load_task
from bimodal.tasks.gym.dense_reward import WEIGHTS, terms
from gymnasium_play import ID, PLUNGE, STAY, TASK, expert_plan, play, same

LIFT = load_task(TASK)
TIME = LIFT.max_episode_steps


@pytest.fixture(scope="module")
def episodes():
    """The steps of an episode of every kind, with both rewards."""
    found = {}
    for reward in ("sparse", "dense"):
        env = gymnasium.make(ID, action_space="ee_absolute", reward=reward)
        env.reset(seed=3)
        found[reward, "success"] = play(env, expert_plan(env, 1))
        env = gymnasium.make(ID, action_space="ee_delta", reward=reward)
        env.reset(seed=3)
        found[reward, "truncated"] = play(env, [STAY] * 200)
        env.reset(seed=3)
        found[reward, "collision"] = play(env, [PLUNGE] * 60)
    return found


def rewards_of(steps):
    return np.array([reward for _, reward, *_ in steps])


def test_from_success_on_progress_counts_as_one(episodes):
    rewards = rewards_of(episodes["dense", "success"])
    assert rewards[-1] == pytest.approx((TIME - len(rewards) + 1) / TIME)
    assert 0.5 < rewards.sum() < 1


def test_a_forbidden_touch_costs_what_was_still_to_come(episodes):
    rewards = rewards_of(episodes["dense", "collision"])
    assert rewards[-1] == 0.0 and (rewards[:-1] > 0).all()
    idle = rewards_of(episodes["dense", "truncated"])
    assert len(idle) == TIME and rewards.sum() < idle.sum() < rewards_of(episodes["dense", "success"]).sum()


def test_where_little_moves_every_step_earns_about_the_same(episodes):
    rewards = rewards_of(episodes["dense", "truncated"])
    assert np.ptp(rewards) < 0.1 * rewards.mean() < 0.1 * WEIGHTS["near"] / TIME


def test_it_changes_nothing_else(episodes):
    for ending in ("success", "collision", "truncated"):
        pairs = zip(episodes["sparse", ending], episodes["dense", ending], strict=True)
        assert all(
            same(one[0], two[0]) and one[2:4] == two[2:4] and same(one[4], two[4]) for one, two in pairs
        )


def test_coming_near_grasping_and_lifting_each_pay(episodes):
    steps = episodes["dense", "success"]
    phi = TIME * rewards_of(steps)[:-1]
    first = int(np.argmax([info["held"] for *_, info in steps]))
    assert phi[first - 1] > 0.9 * WEIGHTS["near"] > 2 * phi[0]
    assert WEIGHTS["near"] + WEIGHTS["held"] <= phi[first] < 0.8
    assert phi[-1] == pytest.approx(1.0)


def test_terms_run_from_zero_to_one_and_know_that_the_fingers_are_alike():
    hands = np.concatenate([LIFT.grasps, LIFT.grasps + [0, 0, 0, np.pi], [[3.0, 3.0, 3.0, 0.0]]])
    held = np.array([True, False, True, False, False])
    found = terms(LIFT, hands, held, np.array([0.03, 0.03, 9.0, -1.0, 0.0]))
    assert found["near"] == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert found["lifted"].tolist() == [0.5, 0.0, 1.0, 0.0, 0.0]
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_rows_earn_what_single_environments_earn_through_their_resets():
    options = {"num_envs": 2, "action_space": "ee_delta", "reward": "dense", "autoreset_mode": "SameStep"}
    ours = gymnasium.make_vec(ID, **options)
    mode = {"vector_kwargs": {"autoreset_mode": "SameStep"}, "vectorization_mode": "sync"}
    oracle = gymnasium.make_vec(ID, 2, action_space="ee_delta", reward="dense", **mode)
    ours.reset(seed=1), oracle.reset(seed=1)
    for _ in range(24):
        actions = np.stack([PLUNGE, STAY])
        assert np.array_equal(ours.step(actions)[1], oracle.step(actions)[1])


def test_an_unknown_reward_names_the_known_ones():
    with pytest.raises(WrongUse, match="sparse"):
        gymnasium.make(ID, reward="shaped")
