"""Shortcut models: targets by brute force, the known flow of a Gaussian, one step at a fork, same bits."""

import math

import numpy as np
import pytest
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.micro_batches import ROWS
from bimodal.policies.core.policy import Episodes
from bimodal.policies.shortcut_model import (
    CONSISTENT_SHARE,
    TOLD,
    Shortcut,
    drawn_lengths,
    self_consistent,
    shortcut_euler,
    shortcut_loss,
)
from short_trainings import bits, interrupted
from toy import first_chunks, fork, save, sideways, takes_both, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    return train("shortcut", demos, tmp_path_factory.mktemp("checkpoints"), steps=700)


# ------------------------------------------------------------------------------------- the loss


def pi(x, t, d, c):
    """Any smooth function of all that the network is given, for numbers."""
    return math.sin(2 * x + 3 * t) + 0.5 * d * x + c


def trunk(x, t, d, c):
    """The same for tensors of one column."""
    return torch.sin(2 * x + 3 * t[:, None]) + 0.5 * d[:, None] * x + c


def test_the_loss_is_that_of_the_paper_by_brute_force():
    rng = torch.Generator().manual_seed(0)
    chunk, noise, condition = torch.randn(3, 30, 1, generator=rng, dtype=torch.float64)
    time = torch.rand(30, generator=rng, dtype=torch.float64)
    length = torch.tensor([*TOLD[1:]] * 5, dtype=torch.float64)

    def velocity(x, t, d, c):
        return (pi(x, t, d if d > 1 / 16 else 0.0, c) - x) / (1 - t)

    total = 0.0
    rows = (part.flatten().tolist() for part in (chunk, noise, condition, time))
    for a, e, c, u, d in zip(*rows, length.tolist() + [0.0] * 10, strict=True):
        t = math.floor(u / d) * d if d else u
        x = (1 - t) * e + t * a
        if d:
            first = velocity(x, t, d / 2, c)
            second = velocity(x + d / 2 * first, t + d / 2, d / 2, c)
            wanted = first / 2 + second / 2
        else:
            wanted = a - e
        total += ((1 - t) * (velocity(x, t, d, c) - wanted)) ** 2 / 30
    found = shortcut_loss(trunk, chunk, condition, noise, time, length)
    assert found.item() == pytest.approx(total, rel=1e-9)


def test_targets_are_not_learnt_from():
    weight = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    x = torch.ones(4, 1, dtype=torch.float64)
    length, time = torch.full((4,), 0.5, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)

    def answer(x, t, d, c):
        return weight * x + d[:, None]

    (found,) = torch.autograd.grad(shortcut_loss(answer, x, x, x, time, length), weight)
    target = self_consistent(answer, x, time, length, x).detach()
    (wanted,) = torch.autograd.grad((answer(x, time, length, x) - target).square().mean(), weight)
    assert found == wanted != 0


def test_long_steps_are_drawn_evenly_for_a_quarter_of_a_batch():
    lengths = drawn_lengths(8000, torch.Generator().manual_seed(0))
    assert len(lengths) == CONSISTENT_SHARE * 8000
    found, counts = lengths.unique(return_counts=True)
    assert found.tolist() == list(TOLD[1:]) and (abs(counts / len(lengths) - 0.25) < 0.03).all()


# ------------------------------------------------------------------------------ a flow that is known

MEAN, SPREAD = 0.7, 0.3


def width(t):
    """Standard deviation of x_t = (1 - t) e + t a for a ~ N(MEAN, SPREAD^2)."""
    return ((1 - t) ** 2 + (t * SPREAD) ** 2).sqrt()


def known(x, t, d, c):
    """Clean chunk of the exact way over d: the flow carries x_t = t MEAN + width(t) z along z."""
    t, d = t[:, None], d[:, None]
    z = (x - t * MEAN) / width(t)
    there = (t + d) * MEAN + width(t + d) * z
    at_once = MEAN + t * SPREAD**2 / width(t) ** 2 * (x - t * MEAN)  # E[a | x_t], the limit of d -> 0
    return torch.where(d > 0, x + (1 - t) * (there - x) / d.clamp(min=1e-9), at_once)


@pytest.mark.parametrize("d", TOLD[2:])
def test_exact_shortcuts_are_their_own_targets(d):
    x = torch.randn(200, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    length = torch.full((200,), d, dtype=torch.float64)
    time = d * torch.arange(200).remainder(round(1 / d)).double()
    target = self_consistent(known, x, time, length, x)
    torch.testing.assert_close(target, known(x, time, length, x), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("steps", "error"), [(1, 1e-12), (2, 1e-12), (8, 1e-12), (16, 0.15)])
def test_exact_shortcuts_end_at_the_chunk_in_any_number_of_steps_and_the_flow_near_it(steps, error):
    noise = torch.randn(200, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = shortcut_euler(known, noise, noise, steps)
    torch.testing.assert_close(found, MEAN + SPREAD * noise, atol=error, rtol=0)


# ----------------------------------------------------------------------------------- what is learnt


class Untold(Shortcut):
    """A single step of the same weights that is told to be short: one step of the flow inside."""

    def sample(self, noise, condition):
        zero = noise.new_zeros(len(noise))
        return self.network(noise, zero, zero, condition)


def test_one_step_goes_where_sixteen_go_and_further_than_one_that_is_told_to_be_short(trained):
    ends = {
        steps: sideways(first_chunks(Shortcut(toy_task(), trained, steps=steps), 200)) for steps in (1, 16)
    }
    short = sideways(first_chunks(Untold(toy_task(), trained), 200))
    committed = {
        name: np.abs(np.abs(one) - 1) < 0.25 for name, one in {"told": ends[1], "not": short}.items()
    }
    assert committed["told"].mean() > committed["not"].mean() + 0.1
    assert (np.sign(ends[1]) == np.sign(ends[16])).mean() > 0.85


def test_four_steps_take_both_modes_of_a_fork(trained):
    assert takes_both(first_chunks(Shortcut(toy_task(), trained, steps=4), 200))


# ------------------------------------------------------------------------------------- determinism


def test_a_row_is_the_same_in_any_batch_and_any_order(trained):
    policy = Shortcut(toy_task(), trained, steps=2)
    keys, scene = np.arange(40, dtype=np.uint64) + 1, fork(40)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in scene.items()}).actions

    whole = run(np.arange(40))
    for chosen in np.array_split(np.random.default_rng(0).permutation(40), 40 // (ROWS - 3)):
        assert np.array_equal(run(chosen), whole[chosen])


def test_a_training_that_was_killed_ends_with_the_same_bits(demos, tmp_path, often):
    options = {"steps": 20, "seed": 5, "preset": "tiny"}
    whole = train("shortcut", demos, tmp_path / "whole", **options)
    interrupted("shortcut", demos, tmp_path, 12, **options)
    assert bits(train("shortcut", demos, tmp_path, **options)) == bits(whole)


@pytest.mark.parametrize("steps", [0, 3, 32])
def test_other_numbers_of_steps_are_refused(trained, steps):
    with pytest.raises(BimodalError, match=f"cannot sample in {steps} steps; possible are 1, 2, 4, 8, 16"):
        Shortcut(toy_task(), trained, steps=steps)
