"""The U-Net: its weights, what it reads, its size, and the same bits in any batch."""

import numpy as np
import pytest
import torch
from bimodal.policies.core.micro_batches import ROWS, in_micro_batches
from bimodal.policies.diffusion import ALPHAS_CUMPROD
from bimodal.policies.generative.samplers import ddim, ddpm
from bimodal.policies.networks.film_resnet import ResFiLM
from bimodal.policies.networks.layers import count_parameters
from bimodal.policies.networks.unet import UNet


def unet(seed=0, **sizes):
    """A U-Net whose last convolution has left zero."""
    network = UNet(16, 10, 5, torch.Generator().manual_seed(seed), **sizes)
    with torch.no_grad():
        network.head.weight.normal_(generator=torch.Generator().manual_seed(seed))
    return network


def test_the_u_net_draws_its_weights_from_its_generator_alone():
    before = torch.random.get_rng_state()
    first, again, other = (UNet(16, 10, 5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    for name, part in first.state_dict().items():
        assert torch.equal(part, again.state_dict()[name])
    assert not torch.equal(first.down[0].one.first.weight, other.down[0].one.first.weight)
    x, t, c = torch.ones(2, 160), torch.zeros(2), torch.ones(2, 5)
    assert (first(x, t, c) == 0).all()


def test_the_u_net_reads_all_of_the_chunk_the_time_and_the_condition():
    network, x, t, c = unet(), torch.zeros(1, 160), torch.zeros(1), torch.zeros(1, 5)
    inputs = [part.requires_grad_() for part in (x, t, c)]
    network(x, t, c).sum().backward()
    assert all((part.grad != 0).all() for part in inputs)


def test_the_u_net_sees_frames_in_their_order():
    """A frame of the input moves its neighbours in the output more than what is far from it."""
    network, x = unet(), torch.zeros(1, 160)
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, torch.zeros(1), torch.zeros(1, 5)), x)
    moved = jacobian.view(16, 10, 16, 10).abs().sum((1, 3))
    apart = (torch.arange(16)[:, None] - torch.arange(16)).abs()
    assert (
        moved[apart <= 1].mean() > 2 * moved[apart >= 8].mean()
    )  # 3.4; equal if values and frames were mixed


def test_the_u_net_is_small_also_for_two_arms_and_refuses_chunks_that_it_cannot_halve():
    assert 2 * count_parameters(UNet(16, 20, 40, torch.Generator())) < 500_000
    with pytest.raises(ValueError, match="cannot be halved 2 times"):
        UNet(10, 10, 5, torch.Generator(), widths=(8, 16, 32))


@pytest.mark.parametrize("network", ["unet", "residual"])
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_row_of_either_trunk_is_the_same_in_any_batch(network, sampler):
    net = unet() if network == "unet" else ResFiLM(160, 5, torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20, 3 * 160)).astype(np.float32)
    condition = rng.standard_normal((20, 5)).astype(np.float32)

    def sample(noise, condition):
        if sampler == "ddim":
            return ddim(net, noise[:, :160], condition, ALPHAS_CUMPROD, 3)
        return ddpm(net, noise.unflatten(1, (3, -1)), condition, ALPHAS_CUMPROD, 3)

    whole = in_micro_batches(sample, noise, condition)
    for size in (1, 7, ROWS, 17):
        for chosen in np.array_split(rng.permutation(20), -(-20 // size)):
            assert np.array_equal(in_micro_batches(sample, noise[chosen], condition[chosen]), whole[chosen])
