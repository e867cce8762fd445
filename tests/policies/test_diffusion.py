"""Diffusion, its schedules and reflow: Hugging Face's schedulers and Gaussians as oracles; then two modes."""

from itertools import pairwise

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.chunk_policy import ROWS, in_micro_batches
from bimodal.policies.core.dataset import Batch
from bimodal.policies.core.policy import Episodes
from bimodal.policies.diffusion import LEVELS, SHARES, Diffusion
from bimodal.policies.flow import Flow, OneStepFlow
from bimodal.policies.generative import noise_schedule as schedule
from bimodal.policies.generative.losses import diffusion_loss
from bimodal.policies.generative.samplers import ddim, ddpm, flow_euler
from bimodal.policies.networks.film_resnet import ResFiLM, count_parameters
from bimodal.policies.networks.unet import UNet
from bimodal.policies.reflow import Reflow, make_pairs
from bimodal.policies.training.train import train
from bimodal.policies.worked_example.forward_reverse import ddim_step as worked_example_step
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler
from toy import first_chunks, save, sideways, takes_both, toy_demos, toy_task

COSINE = {"beta_schedule": "squaredcos_cap_v2"}
MEAN = torch.tensor([0.7, -2.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.5, 0.6], [0.6, 1.8]], dtype=torch.float64)


def drawn(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def trunk(x, t, c):
    """A stand-in for a network: bounded, and different at every level."""
    return torch.tanh(x + 3 * t[:, None]) + c


def posterior_mean(shares):
    """E[x_0 | x_l] for x_0 ~ N(MEAN, COVARIANCE) and x_l = sqrt(abar) x_0 + sqrt(1 - abar) e."""

    def denoiser(x, t, c):
        abar = shares[round(t[0].item() * len(shares)) - 1]
        gain = abar.sqrt() * COVARIANCE @ torch.linalg.inv(abar * COVARIANCE + (1 - abar) * torch.eye(2))
        return MEAN + (x - abar.sqrt() * MEAN) @ gain.T

    return denoiser


def exact(scheduler, steps):
    """One of diffusers' schedulers as a policy uses it; its table, once compared, in 64 bits as ours."""
    made = scheduler(
        LEVELS, timestep_spacing="trailing", clip_sample=False, prediction_type="sample", **COSINE
    )
    close(SHARES, made.alphas_cumprod)
    made.alphas_cumprod = SHARES
    made.set_timesteps(steps)
    return made


def close(ours, theirs, tolerance=1e-6):
    torch.testing.assert_close(ours, theirs.to(ours), atol=tolerance, rtol=0)


# ---------------------------------------------------------------------------- against diffusers


@pytest.mark.parametrize("levels", [20, 100, 1000])
def test_schedules_are_those_of_diffusers(levels):
    theirs = DDPMScheduler(levels, **COSINE)
    close(schedule.squared_cosine_betas(levels), theirs.betas)
    close(schedule.signal_shares(schedule.squared_cosine_betas(levels)), theirs.alphas_cumprod)
    close(schedule.linear_betas(levels), DDPMScheduler(levels).betas)


@pytest.mark.parametrize("steps", [1, 3, 5, 10, 20, 30, 100])
def test_levels_are_the_trailing_ones_of_diffusers(steps):
    theirs = DDIMScheduler(LEVELS, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    assert schedule.trailing_levels(LEVELS, steps) == theirs.timesteps.tolist()
    assert schedule.trailing_levels(LEVELS, steps)[0] == LEVELS - 1


def test_the_default_spacing_of_diffusers_starts_where_a_seventh_of_the_signal_is_expected():
    theirs = DDIMScheduler(LEVELS)
    theirs.set_timesteps(10)
    first = int(theirs.timesteps[0])
    assert first == 90
    assert SHARES[first].sqrt() == pytest.approx(1 / 7, abs=0.01)
    assert SHARES[LEVELS - 1].sqrt() < 1e-3


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [5, 10, 20, 100])
def test_ddim_steps_are_those_of_diffusers(steps, eta):
    theirs = exact(DDIMScheduler, steps)
    x, noise, c = drawn(4, 6), drawn(4, 6, seed=1), drawn(4, 1, seed=2)
    shares = [*SHARES[theirs.timesteps].tolist(), 1.0]
    for level, (abar, abar_next) in zip(theirs.timesteps, pairwise(shares), strict=True):
        clean = trunk(x, torch.full((4,), float(level) / LEVELS), c)
        ours = schedule.ddim_step(x, clean, abar, abar_next, eta, noise)
        x = theirs.step(clean, int(level), x, eta=eta, variance_noise=noise).prev_sample
        close(ours, x)


@pytest.mark.parametrize("steps", [10, 50, 100])
def test_ddpm_walks_as_that_of_diffusers(steps):
    theirs = exact(DDPMScheduler, steps)
    draws, c, generator = drawn(4, steps, 6), drawn(4, 1, seed=2), torch.Generator().manual_seed(5)
    x = draws[:, 0]
    for level in theirs.timesteps:
        clean = trunk(x, torch.full((4,), (float(level) + 1) / LEVELS, dtype=torch.float64), c)
        x = theirs.step(clean, int(level), x, generator=generator).prev_sample
    generator.manual_seed(5)
    told = [torch.randn(4, 6, generator=generator, dtype=torch.float64) for _ in range(steps - 1)]
    ours = ddpm(trunk, torch.stack([draws[:, 0], *told], 1), c, SHARES, steps)
    close(ours, x)


def test_ddim_walks_as_that_of_diffusers():
    theirs = exact(DDIMScheduler, 10)
    x, c = drawn(4, 6), drawn(4, 1, seed=2)
    ours = ddim(trunk, x, c, SHARES, 10)
    for level in theirs.timesteps:
        clean = trunk(x, torch.full((4,), (float(level) + 1) / LEVELS, dtype=torch.float64), c)
        x = theirs.step(clean, int(level), x).prev_sample
    close(ours, x)


def test_conversions_are_those_of_diffusers_and_undo_each_other():
    theirs, level = DDPMScheduler(LEVELS, **COSINE), torch.tensor([0, 30, 60, 90])
    clean, noise, abar = drawn(4, 6), drawn(4, 6, seed=1), SHARES[level, None]
    x, v = schedule.noised(clean, noise, abar), schedule.velocity(clean, noise, abar)
    close(x, theirs.add_noise(clean, noise, level))
    close(v, theirs.get_velocity(clean, noise, level))
    close(schedule.clean_from_noise(x, noise, abar), clean)
    close(schedule.noise_from_clean(x, clean, abar), noise)
    close(schedule.clean_from_velocity(x, v, abar), clean)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_flow_walks_as_the_euler_scheduler_of_diffusers(steps):
    theirs = FlowMatchEulerDiscreteScheduler()
    theirs.set_timesteps(sigmas=[1 - i / steps for i in range(steps)])
    x, c = drawn(4, 6), drawn(4, 1, seed=2)
    ours = flow_euler(trunk, x, c, steps)
    for sigma, timestep in zip(theirs.sigmas.tolist()[:-1], theirs.timesteps, strict=True):
        clean = trunk(x, torch.full((4,), 1 - sigma, dtype=torch.float64), c)
        x = theirs.step((x - clean) / sigma, timestep, x).prev_sample
    close(ours, x)


# --------------------------------------------------------------------------------- known answers


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_perfect_denoiser_of_a_gaussian_samples_that_gaussian(sampler):
    rows, levels = 8192, 300
    shares = schedule.signal_shares(schedule.squared_cosine_betas(levels))
    noise, nothing = drawn(rows, levels, 2), torch.zeros(rows, 0)
    if sampler == "ddim":
        found = ddim(posterior_mean(shares), noise[:, 0], nothing, shares, levels)
    else:
        found = ddpm(posterior_mean(shares), noise, nothing, shares, levels)
    close(found.mean(0), MEAN, 0.05)
    close(torch.cov(found.T), COVARIANCE, 0.08)


def test_one_step_lands_on_the_mean():
    noise, nothing = drawn(64, 2), torch.zeros(64, 0)
    close(ddim(posterior_mean(SHARES), noise, nothing, SHARES, 1), MEAN.expand(64, 2), 0.01)


def test_a_step_that_draws_everything_anew_is_the_ancestral_one():
    x, clean, noise = drawn(3, 5), drawn(3, 5, seed=1), drawn(3, 5, seed=2)
    for abar, abar_next in ((0.3, 0.7), (0.001, 0.01), (0.98, 1.0)):
        close(
            schedule.ddim_step(x, clean, abar, abar_next, 1.0, noise),
            schedule.ddpm_step(x, clean, noise, abar, abar_next),
            1e-12,
        )
    with pytest.raises(ValueError, match="needs noise"):
        schedule.ddim_step(x, clean, 0.3, 0.7, eta=0.5)


def test_steps_are_those_of_the_worked_example():
    x, clean = drawn(2, 6, 2), drawn(2, 6, 2, seed=1)
    theirs = worked_example_step(x.numpy(), clean.numpy(), 0.25, 0.45)
    close(schedule.ddim_step(x, clean, 0.25, 0.45), torch.from_numpy(theirs), 1e-12)


def test_the_loss_is_the_squared_error_of_a_chunk_noised_to_its_level():
    chunk, noise, level = drawn(5, 3), drawn(5, 3, seed=1), torch.tensor([0, 20, 50, 80, 99])
    calls = []

    def knows(x, t, c):
        calls.append(t)
        abar = SHARES[level, None]
        return (x - (1 - abar).sqrt() * noise) / abar.sqrt()

    assert diffusion_loss(knows, chunk, chunk[:, :1], noise, level, SHARES) < 1e-12
    assert calls[0].tolist() == pytest.approx([0.01, 0.21, 0.51, 0.81, 1.0])
    assert diffusion_loss(lambda x, t, c: chunk + 2, chunk, chunk[:, :1], noise, level, SHARES) == 4.0


def test_reflow_of_an_affine_flow_is_straight():
    """For N(m, s^2) the flow's end is m + s e, so a pair's way is x_t = (1 - t) e + t (m + s e)."""
    mean, spread = torch.tensor([0.7, -2.0]), torch.tensor([0.3, 1.5])

    def curved(x, t, c):
        gain = t[:, None] * spread**2 / ((1 - t[:, None]) ** 2 + t[:, None] ** 2 * spread**2)
        return mean + gain * (x - t[:, None] * mean)

    def straight(x, t, c):
        return mean + spread * (x - t[:, None] * mean) / (1 - t[:, None] + t[:, None] * spread)

    def draw(rows):
        return Batch(torch.zeros(len(rows), 2), torch.zeros(len(rows), 1), *[torch.zeros(len(rows), 0)] * 3)

    generator = torch.Generator().manual_seed(0)
    pairs = make_pairs(curved, draw, 1500, generator)
    noise, chunk = pairs.chunk(2, dim=1)
    batch = draw(range(1500))._replace(chunk=pairs)
    off = (chunk - mean - spread * noise).square().mean()  # of twenty steps instead of endless ones
    assert off < 0.02
    assert Reflow.loss(straight, batch, generator) < 2 * off
    assert Reflow.loss(curved, batch, generator) > 0.3
    close(flow_euler(straight, noise, noise, 1), flow_euler(straight, noise, noise, 50), 1e-5)
    close(flow_euler(curved, noise, noise, 1), mean.expand(1500, 2), 1e-6)


# -------------------------------------------------------------------------------------- the U-Net


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
    noise = rng.standard_normal((40, 3 * 160)).astype(np.float32)
    condition = rng.standard_normal((40, 5)).astype(np.float32)

    def sample(noise, condition):
        if sampler == "ddim":
            return ddim(net, noise[:, :160], condition, SHARES, 3)
        return ddpm(net, noise.unflatten(1, (3, -1)), condition, SHARES, 3)

    whole = in_micro_batches(sample, noise, condition)
    for size in (1, 5, ROWS, 17):
        for chosen in np.array_split(rng.permutation(40), -(-40 // size)):
            assert np.array_equal(in_micro_batches(sample, noise[chosen], condition[chosen]), whole[chosen])


# ------------------------------------------------------------------------------------ as policies


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    out, steps = tmp_path_factory.mktemp("checkpoints"), {"diffusion": 800, "reflow": 800}
    return {method: train(method, demos, out, steps=n) for method, n in steps.items()}


@pytest.mark.parametrize(
    "options", [{}, {"sampler": "ddpm"}, {"sampler": "ddpm", "steps": 20}, {"steps": 20}]
)
def test_diffusion_takes_both_modes(trained, options):
    assert takes_both(first_chunks(Diffusion(toy_task(), trained["diffusion"], **options), 200))


def test_reflow_takes_both_modes_in_one_step_and_more_surely_in_two(trained):
    one, two = (Reflow(toy_task(), trained["reflow"], steps=steps) for steps in (None, 2))
    assert one.steps == 1
    assert takes_both(first_chunks(two, 200))
    ends = np.abs(sideways(first_chunks(one, 200)))
    assert (np.abs(ends - 1) < 0.25).mean() > 0.65  # between, the flow's border between the modes is blurred
    assert (ends < 0.5).mean() < 0.2


def test_ddpm_starts_from_the_noise_of_ddim(trained):
    policies = [Diffusion(toy_task(), trained["diffusion"], sampler=name) for name in ("ddim", "ddpm")]
    for policy in policies:
        policy.reset(Episodes(np.array([3, 4], np.uint64), None))
    short, long = (policy._noise() for policy in policies)
    assert long.shape == (2, 100 * 160)
    assert np.array_equal(long[:, :160], short)


def test_impossible_samplers_are_refused(trained):
    for options, message in (
        ({"sampler": "ddmp"}, "did you mean ddpm"),
        ({"steps": 0}, "1 to 100"),
        ({"steps": 101}, "1 to 100"),
    ):
        with pytest.raises(BimodalError, match=message):
            Diffusion(toy_task(), trained["diffusion"], **options)
    with pytest.raises(BimodalError, match="0 steps"):
        Reflow(toy_task(), trained["reflow"], steps=0)


def test_flow_takes_its_ten_steps_unless_told_otherwise(demos, tmp_path):
    path = train("flow", demos, tmp_path, steps=2)
    noise, condition = torch.randn(16, 160), torch.randn(16, 5)
    for policy, steps in ((Flow(toy_task(), path), 10), (OneStepFlow(toy_task(), path), 1)):
        assert torch.equal(
            policy.sample(noise, condition), flow_euler(policy.network, noise, condition, steps)
        )


@pytest.mark.parametrize("method", ["diffusion", "diffusion_unet", "reflow"])
def test_equal_seeds_give_equal_files_of_16_bit_weights(demos, tmp_path, method):
    first, again, other = (
        train(method, demos, tmp_path / str(i), steps=3, seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    assert {part.dtype for part in safetensors.torch.load(first.read_bytes()).values()} == {torch.float16}
    assert first.stat().st_size < 550_000
