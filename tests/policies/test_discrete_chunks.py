"""Discrete chunks: clusters that are clusters, codes drawn as often as they weigh, both modes of a fork."""

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.dataset import Batch
from bimodal.policies.core.micro_batches import ROWS
from bimodal.policies.core.policy import Episodes
from bimodal.policies.discrete_chunks import CODES, CodedChunks, DiscreteChunks
from bimodal.policies.generative.samplers import drawn_index
from toy import first_chunks, fork, save, takes_both, toy_demos, toy_task, train


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    return train("bet", demos, tmp_path_factory.mktemp("checkpoints"), steps=700)


def test_it_takes_both_modes_of_a_fork(trained):
    assert takes_both(first_chunks(DiscreteChunks(toy_task(), trained), 200))


def test_a_row_is_the_same_in_any_batch_and_any_order(trained):
    policy = DiscreteChunks(toy_task(), trained)
    keys, scene = np.arange(40, dtype=np.uint64) + 1, fork(40)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in scene.items()}).actions

    whole = run(np.arange(40))
    for chosen in np.array_split(np.random.default_rng(0).permutation(40), 40 // (ROWS - 3)):
        assert np.array_equal(run(chosen), whole[chosen])


def test_each_code_is_the_mean_of_the_chunks_that_are_nearest_to_it(trained):
    """Around a few shapes, far apart, k-means must find every shape: `learn` without its optimiser."""
    policy = DiscreteChunks(toy_task(), trained)
    rng = torch.Generator().manual_seed(0)
    shapes = 10 * torch.randn(CODES, policy.config.chunk_values, generator=rng)
    which = torch.arange(CODES).repeat(20)
    chunks = shapes[which] + 0.1 * torch.randn(len(which), shapes.shape[1], generator=rng)
    network = DiscreteChunks.build(policy.config, rng)
    assert isinstance(network, CodedChunks)
    none = torch.zeros(len(which), 0)
    DiscreteChunks.learn(
        network,
        lambda rows: Batch(chunks[rows], *[none[rows]] * 3, none[rows]),
        len(which),
        rng,
        lambda *_: ({}, 0.0),
    )
    owner = network.nearest(chunks)
    for code in owner.unique():
        mean = chunks[owner == code].mean(0)
        torch.testing.assert_close(network.codes[code], mean, atol=1e-4, rtol=1e-4)
    apart = torch.cdist(chunks, network.codes, compute_mode="donot_use_mm_for_euclid_dist")
    assert torch.equal(owner, apart.argmin(1))


def test_codes_are_drawn_as_often_as_they_weigh():
    weights = torch.tensor([0.5, 0.0, 0.2, 0.3])
    noise = torch.special.ndtri((torch.arange(10_000) + 0.5) / 10_000)[:, None]
    shares = torch.bincount(drawn_index(weights.log().expand(10_000, 4), noise), minlength=4) / 10_000
    torch.testing.assert_close(shares, weights, atol=2e-4, rtol=0)


def test_equal_seeds_give_equal_files_of_16_bit_weights(demos, tmp_path):
    first, again = (train("bet", demos, tmp_path / name, steps=3, seed=1) for name in "ab")
    assert first.read_bytes() == again.read_bytes()
    assert {part.dtype for part in safetensors.torch.load(first.read_bytes()).values()} == {torch.float16}


def test_too_few_demonstrations_are_named(tmp_path):
    few = save(toy_demos(episodes=2, steps=20), tmp_path / "few.npz")
    with pytest.raises(BimodalError, match="40 demonstrated control steps are too few for 64"):
        train("bet", few, tmp_path, steps=3)
