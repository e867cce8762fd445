"""The dense reward: shaping that leaves the best policy what it is, and changes no episode."""

import gymnasium
import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.tasks import load_task
from bimodal.tasks.gym.dense_reward import DISCOUNT, WEIGHTS, potential, terms
from gymnasium_play import ID, PLUNGE, STAY, TASK, expert_plan, play, same

LIFT = load_task(TASK)


def discounted(rewards):
    return float(np.sum(rewards * DISCOUNT ** np.arange(len(rewards))))


@pytest.fixture(scope="module")
def episodes():
    """Per kind of episode: phi at its start, and the steps with both rewards."""
    found = {}
    for reward in ("sparse", "dense"):
        env = gymnasium.make(ID, action_space="ee_absolute", reward=reward)
        env.reset(seed=3)
        found[reward, "success"] = play(env, expert_plan(env, 1))
        start = env.reset(seed=3) and env.unwrapped.simulation.hand
        stay = env.unwrapped.simulation.stay("ee_absolute")[0]
        found[reward, "truncated"] = play(env, [stay] * 200)
        env = gymnasium.make(ID, action_space="ee_delta", reward=reward)
        env.reset(seed=3)
        found[reward, "collision"] = play(env, [PLUNGE] * 60)
    none = np.zeros(1)
    return found, float(potential(LIFT, start, none > 0, none)[0])


@pytest.mark.parametrize("ending", ["success", "collision"])
def test_the_shaping_of_an_episode_that_terminates_adds_up_to_where_it_began(episodes, ending):
    """So it pays every policy the same: sum of discount^t (discount phi' - phi) = -phi(start)."""
    found, start = episodes
    dense = np.array([reward for _, reward, *_ in found["dense", ending]])
    sparse = np.array([reward for _, reward, *_ in found["sparse", ending]])
    assert discounted(dense) - discounted(sparse) == pytest.approx(-start, abs=1e-12)


def test_where_time_runs_out_the_potential_of_the_last_state_is_still_to_come(episodes):
    found, start = episodes
    steps = found["dense", "truncated"]
    last = steps[-1][0]["tcp_position"]
    assert np.linalg.norm(last - steps[0][0]["tcp_position"]) < 0.01  # it kept still
    shaped = discounted(np.array([reward for _, reward, *_ in steps]))
    assert shaped == pytest.approx((DISCOUNT ** len(steps) - 1) * start, abs=5e-3)


def test_it_changes_nothing_else(episodes):
    found, _ = episodes
    for ending in ("success", "collision", "truncated"):
        pairs = zip(found["sparse", ending], found["dense", ending], strict=True)
        assert all(
            same(one[0], two[0]) and one[2:4] == two[2:4] and same(one[4], two[4]) for one, two in pairs
        )


def test_coming_near_grasping_and_lifting_each_pay(episodes):
    found, phi = episodes
    steps = found["dense", "success"]
    phis = [phi := (reward + phi) / DISCOUNT for _, reward, *_ in steps[:-1]]
    first = int(np.argmax([info["held"] for *_, info in steps]))
    assert phis[first - 1] > 0.9 * WEIGHTS["near"] > 2 * phis[0]
    assert WEIGHTS["near"] + WEIGHTS["held"] <= phis[first] < 0.8
    assert phis[-1] == pytest.approx(1.0)


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
