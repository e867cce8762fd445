"""ACT: the divergence of its latent, what it tells, what its weight does to a fork, both ways to act."""

import numpy as np
import pytest
import torch
from bimodal.benchmark.studies.latent import nats_told
from bimodal.policies.act import ACT, SampledACT
from bimodal.policies.core.micro_batches import ROWS
from bimodal.policies.core.policy import Episodes
from bimodal.policies.generative.losses import divergence, latent_loss
from toy import first_chunks, fork, save, sideways, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    """Return the weights of both methods by name."""
    folder = tmp_path_factory.mktemp("checkpoints")
    steps = {"act": 300, "act_sampled": 700}
    return {name: train(name, demos, folder, steps=count) for name, count in steps.items()}


def test_the_divergence_is_that_of_torch():
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 50, 7, generator=rng)
    posterior = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    right = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(divergence(mean, log_variance), right)
    chunk = torch.randn(50, 20, generator=rng)
    loss = latent_loss(chunk + 0.5, chunk, mean, log_variance, 3.0)
    torch.testing.assert_close(loss, 0.5 + 3 * right)


def test_drawn_latents_take_both_modes_of_a_fork_and_the_mean_of_the_prior_none(trained):
    ends = sideways(first_chunks(SampledACT(toy_task(), trained["act_sampled"]), 200))
    near = np.abs(np.abs(ends) - 1) < 0.3
    assert near.mean() > 0.6
    assert 0.3 < (ends[near] > 0).mean() < 0.7
    mean = sideways(first_chunks(ACT(toy_task(), trained["act"]), 200))
    assert (np.abs(mean) < 0.5).mean() > 0.9


def test_the_papers_weight_leaves_nothing_in_the_latent_and_a_small_one_the_mode(trained, demos):
    assert nats_told(ACT(toy_task(), trained["act"]), demos) < 0.01
    assert 0.3 < nats_told(SampledACT(toy_task(), trained["act_sampled"]), demos) < 2 * np.log(2)


def test_a_row_is_the_same_in_any_batch_and_any_order(trained):
    policy = SampledACT(toy_task(), trained["act_sampled"])
    keys, scene = np.arange(40, dtype=np.uint64) + 1, fork(40)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in scene.items()}).actions

    whole = run(np.arange(40))
    for chosen in np.array_split(np.random.default_rng(0).permutation(40), 40 // (ROWS - 3)):
        assert np.array_equal(run(chosen), whole[chosen])


def test_equal_seeds_give_equal_files(demos, tmp_path):
    first, again = (train("act", demos, tmp_path / name, steps=3, seed=1) for name in "ab")
    assert first.read_bytes() == again.read_bytes()
