"""Learned chunk policies: known answers and determinism."""

import numpy as np
import pytest
import torch
from bimodal.policies.core.dataset import batches
from bimodal.policies.core.micro_batches import ROWS, in_micro_batches
from bimodal.policies.core.policy import Episodes
from bimodal.policies.flow import Flow
from bimodal.policies.generative.losses import flow_loss, mip_loss, regression_loss
from bimodal.policies.generative.samplers import flow_euler, mip_sample, regression_sample
from bimodal.policies.mip import MIP
from bimodal.policies.mse import MSE
from bimodal.policies.mse_labelled import LabelledMSE
from bimodal.policies.training.train import METHODS
from toy import first_chunks, fork, save, sideways, takes_both, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    """Every method, trained briefly."""
    out = tmp_path_factory.mktemp("checkpoints")
    steps = {"mse": 250, "mse_labelled": 250, "mip": 100, "flow": 500}
    return {method: train(method, demos, out, steps=steps[method]) for method in steps}


# ------------------------------------------------------------------------------ what the methods learn


def test_regression_ends_in_the_middle(trained):
    ends = np.abs(sideways(first_chunks(MSE(toy_task(), trained["mse"]), 200)))
    assert (ends < 0.5).mean() > 0.95
    assert ends.max() < 0.75


def test_flow_takes_both_modes_and_hardly_ever_the_middle(trained):
    assert takes_both(first_chunks(Flow(toy_task(), trained["flow"]), 200))


def test_regression_that_is_told_the_mode_goes_there(trained):
    ends = sideways(first_chunks(LabelledMSE(toy_task(), trained["mse_labelled"]), 200))
    assert (np.abs(np.abs(ends) - 1) < 0.25).mean() > 0.95
    assert 0.3 < (ends > 0).mean() < 0.7


def test_deterministic_methods_ignore_the_noise_key(trained):
    for kind in (MSE, MIP):
        policy = kind(toy_task(), trained[kind.method])
        one = first_chunks(policy, 3)
        policy.reset(Episodes(np.array([9, 8, 7], np.uint64), None))
        assert np.array_equal(policy.act(fork(3)).actions, one)


# ------------------------------------------------------------------------- objectives and samplers


def test_flow_carries_a_normal_to_the_gaussian_whose_posterior_mean_it_follows():
    mean, spread = torch.tensor([0.7, -2.0]), torch.tensor([0.3, 1.5])

    def posterior_mean(x, t, c):
        """E[a | x_t] for a ~ N(mean, spread^2) and x_t = (1 - t) e + t a (Gaussian conditioning)."""
        t = t[:, None]
        gain = t * spread**2 / ((1 - t) ** 2 + t**2 * spread**2)
        return mean + gain * (x - t * mean)

    noise = torch.randn(4096, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fine = flow_euler(posterior_mean, noise, torch.zeros(4096, 0), steps=2000)
    torch.testing.assert_close(fine, mean + spread * noise, atol=0.01, rtol=0)  # the exact flow is affine
    default = flow_euler(posterior_mean, noise, torch.zeros(4096, 0))
    torch.testing.assert_close(default.mean(0), (mean + spread * noise).mean(0), atol=0.05, rtol=0)
    assert ((default.std(0) / spread - 1).abs() < 0.25).all()


def test_flow_loss_vanishes_for_a_trunk_that_knows_the_clean_chunk():
    rng = torch.Generator().manual_seed(0)
    chunk, noise, time = (
        torch.randn(8, 5, generator=rng),
        torch.randn(8, 5, generator=rng),
        torch.linspace(0.1, 0.9, 8),
    )

    def inverse(x, t, c):
        return (x - (1 - t[:, None]) * noise) / t[:, None]

    assert flow_loss(inverse, chunk, chunk[:, :1], noise, time) < 1e-9
    assert flow_loss(inverse, chunk, chunk[:, :1], noise + 0.1, time) > 1e-3


def test_regression_and_mip_see_the_inputs_of_their_equations():
    calls = []

    def trunk(x, t, c):
        calls.append((x.clone(), t.clone()))
        return torch.full_like(x, float(len(calls)))

    chunk, noise, condition = torch.full((2, 3), 3.0), torch.full((2, 3), 10.0), torch.zeros(2, 1)
    assert regression_loss(trunk, chunk, condition) == 4.0  # (1 - 3)^2
    assert (calls[0][0] == 0).all()
    assert (calls[0][1] == 0).all()
    calls.clear()
    mip_loss(trunk, chunk, condition, noise)
    inputs = sorted((x[0, 0].item(), t[0].item()) for x, t in calls)
    np.testing.assert_allclose(inputs, [(0, 0), (4.0, 0.9)], rtol=1e-6)  # 3 + 0.1 * 10
    calls.clear()
    assert (mip_sample(trunk, condition, 3) == 2.0).all()
    assert (calls[1][0] == 1.0).all()  # the second pass reads the first answer
    calls.clear()
    assert (regression_sample(trunk, condition, 3) == 1.0).all()


# ------------------------------------------------------------------------------------- determinism


@pytest.mark.parametrize("method", ["flow", "mse_labelled"])
def test_a_row_is_the_same_in_any_batch_and_any_order(trained, method):
    policy = METHODS[method](toy_task(), trained[method])
    rows, keys = 40, np.arange(40, dtype=np.uint64) + 1
    scene = fork(rows)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        seen = {name: values[chosen] for name, values in scene.items()}
        return np.stack([policy.act(seen).actions for _ in range(2)], axis=1)

    whole = run(np.arange(rows))
    for size in (1, 5, ROWS, 17, rows):
        for chosen in np.array_split(np.random.default_rng(size).permutation(rows), -(-rows // size)):
            assert np.array_equal(run(chosen), whole[chosen])
    if method == "flow":
        assert not np.array_equal(whole[:, 0], whole[:, 1])  # a decision draws fresh noise


def test_micro_batches_leave_the_padding_out():
    noise, condition = np.ones((19, 2), np.float32), np.arange(19, dtype=np.float32)[:, None]
    shapes = []

    def sample(rows, c):
        shapes.append(tuple(rows.shape))
        return rows + c

    assert np.array_equal(in_micro_batches(sample, noise, condition), noise + condition)
    assert shapes == [(ROWS, 2)] * 2


def test_equal_seeds_give_equal_files_and_the_global_generator_is_left_alone(demos, tmp_path):
    before = torch.random.get_rng_state()
    first, again, other = (
        train("flow", demos, tmp_path / str(i), steps=20, seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.read_bytes() == again.read_bytes()
    assert first.with_suffix(".json").read_bytes() == again.with_suffix(".json").read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_progress_counts_every_step(demos, tmp_path):
    seen = []
    train("mse", demos, tmp_path, steps=3, progress=lambda *report: seen.append(report))
    assert [report[:2] for report in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(report[2]) for report in seen)


def test_batches_visit_every_row_before_any_row_twice():
    generator = torch.Generator().manual_seed(0)
    walk = torch.cat(list(batches(10, 4, 5, generator)))
    assert sorted(walk[:10].tolist()) == list(range(10))
    assert sorted(walk[10:].tolist()) == list(range(10))
