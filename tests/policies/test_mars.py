"""MARS: its equations by brute force, how much noise a fork gets and a single way, rows of any batch."""

import numpy as np
import pytest
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.checkpoint import load as load_checkpoint
from bimodal.policies.core.dataset import Component, make_windows
from bimodal.policies.core.policy import Episodes
from bimodal.policies.generative.samplers import flow_euler
from bimodal.policies.mars import (
    MARS,
    MOST_STEPS,
    dispersion,
    euler_by_weight,
    gated_error,
    measured_action,
    mixed_source,
    nearest_pasts,
    steps_of,
)
from bimodal.policies.training.training_batches import batch_getter
from short_trainings import bits, interrupted
from toy import FORK, REACH, save, spec, toy_demos, toy_task, train

SIDEWAYS = 1
"""Of the values of an action, y."""


def hand_task():
    """The toy task, in which the whole hand is observed."""
    task = toy_task()
    task.observation = (*task.observation, spec("tcp_rotation", 6), spec("gripper_opening", 1))
    return task


def hand_demos(sides=(-1.0, 1.0)):
    demos = toy_demos(sides=sides)
    still = {"tcp_rotation": demos.actions[:, :, 3:9], "gripper_opening": demos.actions[:, :, 9:]}
    return demos._replace(observations={**demos.observations, **still})


def fork_with_past(rows):
    """Frames at which the modes part, and the way down to them, of scenes that were not trained on."""
    pole = np.random.default_rng(8).uniform(-0.04, 0.04, (rows, 2))
    down = np.clip((np.arange(16) - 15 + FORK) / FORK, 0, 1)
    way = np.concatenate([pole[:, None].repeat(16, 1), np.tile(0.2 - 0.1 * down, (rows, 1))[:, :, None]], 2)
    hand = {"tcp_rotation": [1.0, 0, 0, 0, -1, 0], "gripper_opening": [0.08]}
    seen = {"tcp_position": way, "pole_position": pole[:, None].repeat(16, 1)}
    return seen | {name: np.tile(values, (rows, 16, 1)) for name, values in hand.items()}


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(hand_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    return train("mars", demos, tmp_path_factory.mktemp("checkpoints"), steps=300, preset="tiny")


# ------------------------------------------------------------------------------------ the equations


def test_source_dispersion_and_gated_error_are_those_of_the_formulas():
    rng = torch.Generator().manual_seed(0)
    steps, size = 4, 3
    own, noise, chunk = torch.randn(3, 5, steps * size, generator=rng)
    others = torch.randn(5, 7, steps * size, generator=rng)
    weight = torch.rand(5, size, generator=rng)
    source = mixed_source(own, noise, weight)
    spread = dispersion(own, others, size)
    errors = []
    for i in range(5):
        for d in range(size):
            w = weight[i, d].item()
            each = range(d, steps * size, size)
            for at in each:
                assert source[i, at].item() == pytest.approx(
                    (1 - w) * own[i, at] + w * noise[i, at], abs=1e-6
                )
                errors.append((1 - w) * abs(own[i, at] - chunk[i, at]))
            apart = [abs(own[i, at] - others[i, j, at]) for j in range(7) for at in each]
            assert spread[i, d].item() == pytest.approx(np.mean(apart), rel=1e-5)
    assert gated_error(own, chunk, weight).item() == pytest.approx(np.mean(errors), rel=1e-5)
    assert torch.equal(mixed_source(own, noise, 0 * weight), own)


def test_the_gate_learns_nothing():
    weight = torch.full((2, 3), 0.5, requires_grad=True)
    chunk = torch.ones(2, 6, requires_grad=True)
    gated_error(chunk, torch.zeros(2, 6), weight).backward()
    assert weight.grad is None and chunk.grad is not None


def test_neighbours_are_the_nearest_pasts_without_the_window_itself():
    past = np.random.default_rng(0).normal(size=(700, 6)).astype(np.float32)
    found = nearest_pasts(torch.from_numpy(past), 5).numpy()
    for i in range(0, 700, 50):
        apart = np.linalg.norm(past - past[i], axis=1)
        assert set(found[i]) == set(np.argsort(apart)[1:6])


def test_each_row_takes_the_steps_that_its_largest_weight_asks_for():
    def trunk(x, t, c):
        return torch.sin(x) + t[:, None] * c

    rng = torch.Generator().manual_seed(0)
    source, c = torch.randn(2, 6, 4, generator=rng)
    weight = torch.tensor([0.0, 0.04, 0.1, 0.31, 0.5, 1.0])[:, None] * torch.tensor([1.0, 0.2])
    counts = [1, 1, 1, 4, 5, MOST_STEPS]
    assert steps_of(weight).tolist() == counts
    found = euler_by_weight(trunk, source, c, weight)
    for row, count in enumerate(counts):
        alone = flow_euler(trunk, source[row : row + 1], c[row : row + 1], count)
        torch.testing.assert_close(found[row : row + 1], alone, atol=1e-6, rtol=1e-6)


def test_the_past_is_the_measured_motion_as_an_action(trained):
    policy = MARS(hand_task(), trained)
    policy.reset(Episodes(np.arange(4, dtype=np.uint64)))
    seen = fork_with_past(4)
    past = policy.network.past(torch.from_numpy(policy._conditions(seen)))
    wanted = np.concatenate([seen[n] for n in ("tcp_position", "tcp_rotation", "gripper_opening")], axis=2)
    restored = policy.config.action_normaliser.restore(past.reshape(4, 16, 10).numpy())
    np.testing.assert_allclose(restored, wanted, atol=1e-6)


def test_a_hand_is_found_in_the_order_of_an_action_for_one_arm_and_two():
    parts = [("gripper_opening", 1), ("pole", 2), ("tcp_rotation", 6), ("tcp_position", 3)]
    one = tuple(Component(*part) for part in parts)
    assert measured_action(one, "mars") == [9, 10, 11, *range(3, 9), 0]
    both = one + tuple(Component(f"second_{name}", size) for name, size in parts if name != "pole")
    assert measured_action(both, "mars")[10:] == [19, 20, 21, *range(13, 19), 12]
    with pytest.raises(BimodalError, match="say where the hand was; tcp_rotation is missing"):
        measured_action(one[1:2] + one[3:], "mars")


# ----------------------------------------------------------------------------------- what is learnt


def mean_weights(path, shown):
    """Mean weight of y at each control step of the demonstrations, (steps,)."""
    policy = MARS(hand_task(), path)
    windows = make_windows(shown, 16, 16)
    batch = batch_getter(MARS, policy.config, windows)(torch.arange(windows.count))
    with torch.inference_mode():
        weight = policy.network.weight(policy.network.present(batch.condition))
    return weight[:, SIDEWAYS].reshape(len(shown.seeds), -1).mean(0).numpy()


def test_noise_is_where_ways_part_more_than_before_and_hardly_any_is_on_a_single_way(trained, tmp_path):
    at = mean_weights(trained, hand_demos())
    assert at[FORK] > 0.8 and at[FORK] > 2 * at[0]
    single = hand_demos(sides=(1.0,))
    path = train("mars", save(single, tmp_path / "one.npz"), tmp_path, steps=300, preset="tiny")
    assert mean_weights(path, single)[FORK] < 0.3


@pytest.mark.slow
def test_it_takes_both_modes_of_a_fork(demos, tmp_path):
    policy = MARS(hand_task(), train("mars", demos, tmp_path, steps=1500))
    policy.reset(Episodes(np.arange(100, 300, dtype=np.uint64), None))
    seen = fork_with_past(200)
    ends = (policy.act(seen).actions[:, -1, 1] - seen["pole_position"][:, 0, 1]) / REACH
    committed = np.abs(np.abs(ends) - 1) < 0.3
    assert committed.mean() > 0.8 and 0.3 < (ends[committed] > 0).mean() < 0.7


# ------------------------------------------------------------------------------------- determinism


def test_a_row_is_the_same_in_any_batch_and_any_order(trained):
    policy = MARS(hand_task(), trained)
    keys, seen = np.arange(40, dtype=np.uint64) + 1, fork_with_past(40)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in seen.items()}).actions

    whole = run(np.arange(40))
    for chosen in np.array_split(np.random.default_rng(0).permutation(40), 5):
        assert np.array_equal(run(chosen), whole[chosen])


def test_a_training_that_was_killed_ends_with_the_same_bits(demos, tmp_path, often):
    options = {"steps": 20, "seed": 5, "preset": "tiny"}
    whole = train("mars", demos, tmp_path / "whole", **options)
    interrupted("mars", demos, tmp_path, 12, **options)
    again = train("mars", demos, tmp_path, **options)
    assert bits(again) == bits(whole)
    assert load_checkpoint(again, "Toy-v1", "mars").config.n_obs_steps == 16


def test_demonstrations_without_the_hand_are_named(tmp_path):
    with pytest.raises(BimodalError, match="mars needs demonstrations that say where the hand was"):
        train("mars", save(toy_demos(episodes=4), tmp_path / "toy.npz"), tmp_path, steps=3)
