"""Diffusion, its schedules and reflow: Hugging Face's schedulers and Gaussians as oracles; then two modes."""

from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
import safetensors.torch
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.dataset import Batch
from bimodal.policies.core.policy import Episodes
from bimodal.policies.diffusion import ALPHAS_CUMPROD, LEVELS, Diffusion
from bimodal.policies.flow import Flow, OneStepFlow
from bimodal.policies.generative import noise_schedule as schedule
from bimodal.policies.generative import noising
from bimodal.policies.generative.losses import diffusion_loss
from bimodal.policies.generative.rectification import all_pairs
from bimodal.policies.generative.samplers import ddim, ddpm, flow_euler
from bimodal.policies.reflow import Reflow, make_pairs
from toy import first_chunks, save, sideways, takes_both, toy_demos, toy_task, train

COSINE = {"beta_schedule": "squaredcos_cap_v2"}
MEAN = torch.tensor([0.7, -2.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.5, 0.6], [0.6, 1.8]], dtype=torch.float64)


@pytest.fixture(scope="module")
def diffusers():
    """The package, whose import takes seconds: not for every process that collects the tests."""
    return import_module("diffusers")


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
    close(ALPHAS_CUMPROD, made.alphas_cumprod)
    made.alphas_cumprod = ALPHAS_CUMPROD
    made.set_timesteps(steps)
    return made


def close(ours, theirs, tolerance=1e-6):
    torch.testing.assert_close(ours, theirs.to(ours), atol=tolerance, rtol=0)


# ---------------------------------------------------------------------------- against diffusers


@pytest.mark.parametrize("levels", [20, 100, 1000])
def test_schedules_are_those_of_diffusers(levels, diffusers):
    theirs = diffusers.DDPMScheduler(levels, **COSINE)
    close(schedule.squared_cosine_betas(levels), theirs.betas)
    close(schedule.squared_cosine_alphas_cumprod(levels), theirs.alphas_cumprod)


@pytest.mark.parametrize("steps", [1, 3, 5, 10, 20, 30, 100])
def test_levels_are_the_trailing_ones_of_diffusers(steps, diffusers):
    theirs = diffusers.DDIMScheduler(LEVELS, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    assert schedule.trailing_levels(LEVELS, steps) == theirs.timesteps.tolist()
    assert schedule.trailing_levels(LEVELS, steps)[0] == LEVELS - 1


def test_the_default_spacing_of_diffusers_starts_where_a_seventh_of_the_signal_is_expected(diffusers):
    theirs = diffusers.DDIMScheduler(LEVELS)
    theirs.set_timesteps(10)
    first = int(theirs.timesteps[0])
    assert first == 90
    assert ALPHAS_CUMPROD[first].sqrt() == pytest.approx(1 / 7, abs=0.01)
    assert ALPHAS_CUMPROD[LEVELS - 1].sqrt() < 1e-3


@pytest.mark.parametrize("steps", [5, 10, 20, 100])
def test_ddim_steps_are_those_of_diffusers(steps, diffusers):
    theirs = exact(diffusers.DDIMScheduler, steps)
    x, c = drawn(4, 6), drawn(4, 1, seed=2)
    shares = [*ALPHAS_CUMPROD[theirs.timesteps].tolist(), 1.0]
    for level, (abar, abar_next) in zip(theirs.timesteps, pairwise(shares), strict=True):
        clean = trunk(x, torch.full((4,), float(level) / LEVELS), c)
        ours = noising.ddim_step(x, clean, abar, abar_next)
        x = theirs.step(clean, int(level), x).prev_sample
        close(ours, x)


@pytest.mark.parametrize("steps", [10, 50, 100])
def test_ddpm_walks_as_that_of_diffusers(steps, diffusers):
    theirs = exact(diffusers.DDPMScheduler, steps)
    draws, c, generator = drawn(4, steps, 6), drawn(4, 1, seed=2), torch.Generator().manual_seed(5)
    x = draws[:, 0]
    for level in theirs.timesteps:
        clean = trunk(x, torch.full((4,), (float(level) + 1) / LEVELS, dtype=torch.float64), c)
        x = theirs.step(clean, int(level), x, generator=generator).prev_sample
    generator.manual_seed(5)
    told = [torch.randn(4, 6, generator=generator, dtype=torch.float64) for _ in range(steps - 1)]
    ours = ddpm(trunk, torch.stack([draws[:, 0], *told], 1), c, ALPHAS_CUMPROD, steps)
    close(ours, x)


def test_ddim_walks_as_that_of_diffusers(diffusers):
    theirs = exact(diffusers.DDIMScheduler, 10)
    x, c = drawn(4, 6), drawn(4, 1, seed=2)
    ours = ddim(trunk, x, c, ALPHAS_CUMPROD, 10)
    for level in theirs.timesteps:
        clean = trunk(x, torch.full((4,), (float(level) + 1) / LEVELS, dtype=torch.float64), c)
        x = theirs.step(clean, int(level), x).prev_sample
    close(ours, x)


def test_noising_is_that_of_diffusers_and_undone(diffusers):
    theirs, level = diffusers.DDPMScheduler(LEVELS, **COSINE), torch.tensor([0, 30, 60, 90])
    clean, noise, abar = drawn(4, 6), drawn(4, 6, seed=1), ALPHAS_CUMPROD[level, None]
    x = noising.noised(clean, noise, abar)
    close(x, theirs.add_noise(clean, noise, level))
    close(noising.noise_from_clean(x, clean, abar), noise)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_flow_walks_as_the_euler_scheduler_of_diffusers(steps, diffusers):
    theirs = diffusers.FlowMatchEulerDiscreteScheduler()
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
    shares = schedule.squared_cosine_alphas_cumprod(levels)
    noise, nothing = drawn(rows, levels, 2), torch.zeros(rows, 0)
    if sampler == "ddim":
        found = ddim(posterior_mean(shares), noise[:, 0], nothing, shares, levels)
    else:
        found = ddpm(posterior_mean(shares), noise, nothing, shares, levels)
    close(found.mean(0), MEAN, 0.05)
    close(torch.cov(found.T), COVARIANCE, 0.08)


def test_one_step_lands_on_the_mean():
    noise, nothing = drawn(64, 2), torch.zeros(64, 0)
    close(ddim(posterior_mean(ALPHAS_CUMPROD), noise, nothing, ALPHAS_CUMPROD, 1), MEAN.expand(64, 2), 0.01)


def test_the_loss_is_the_squared_error_of_a_chunk_noised_to_its_level():
    chunk, noise, level = drawn(5, 3), drawn(5, 3, seed=1), torch.tensor([0, 20, 50, 80, 99])
    calls = []

    def knows(x, t, c):
        calls.append(t)
        abar = ALPHAS_CUMPROD[level, None]
        return (x - (1 - abar).sqrt() * noise) / abar.sqrt()

    assert diffusion_loss(knows, chunk, chunk[:, :1], noise, level, ALPHAS_CUMPROD) < 1e-12
    assert calls[0].tolist() == pytest.approx([0.01, 0.21, 0.51, 0.81, 1.0])
    assert diffusion_loss(lambda x, t, c: chunk + 2, chunk, chunk[:, :1], noise, level, ALPHAS_CUMPROD) == 4.0


def test_reflow_of_an_affine_flow_is_straight():
    """For N(m, s^2) the flow's end is m + s e, so a pair's way is x_t = (1 - t) e + t (m + s e)."""
    mean, spread = torch.tensor([0.7, -2.0]), torch.tensor([0.3, 1.5])

    def curved(x, t, c):
        gain = t[:, None] * spread**2 / ((1 - t[:, None]) ** 2 + t[:, None] ** 2 * spread**2)
        return mean + gain * (x - t[:, None] * mean)

    def straight(x, t, c):
        return mean + spread * (x - t[:, None] * mean) / (1 - t[:, None] + t[:, None] * spread)

    def get_batch(rows):
        return Batch(torch.zeros(len(rows), 2), torch.zeros(len(rows), 1), *[torch.zeros(len(rows), 0)] * 3)

    generator = torch.Generator().manual_seed(0)
    pairs = all_pairs(get_batch, 1500, lambda batch: make_pairs(curved, batch, generator))
    noise, chunk = pairs.chunk(2, dim=1)
    batch = get_batch(range(1500))._replace(chunk=pairs)
    off = (chunk - mean - spread * noise).square().mean()  # of twenty steps instead of endless ones
    assert off < 0.02
    assert Reflow.loss(straight, batch, generator) < 2 * off
    assert Reflow.loss(curved, batch, generator) > 0.3
    close(flow_euler(straight, noise, noise, 1), flow_euler(straight, noise, noise, 50), 1e-5)
    close(flow_euler(curved, noise, noise, 1), mean.expand(1500, 2), 1e-6)


# ------------------------------------------------------------------------------------ as policies


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    out = tmp_path_factory.mktemp("checkpoints")
    return {method: train(method, demos, out, steps=500) for method in ("diffusion", "reflow")}


@pytest.fixture(scope="module")
def begun(demos, tmp_path_factory):
    """Checkpoints of trainings that have hardly begun."""
    out = tmp_path_factory.mktemp("begun")
    return {method: train(method, demos, out, steps=2) for method in ("diffusion", "reflow")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"sampler": "ddpm"}, {"sampler": "ddpm", "steps": 20}, {"steps": 20}]
)
def test_diffusion_takes_both_modes(trained, options):
    assert takes_both(first_chunks(Diffusion(toy_task(), trained["diffusion"], **options), 200))


@pytest.mark.slow
def test_reflow_takes_both_modes_in_one_step_and_more_surely_in_two(trained):
    one, two = (Reflow(toy_task(), trained["reflow"], steps=steps) for steps in (None, 2))
    assert one.steps == 1
    assert takes_both(first_chunks(two, 200))
    ends = np.abs(sideways(first_chunks(one, 200)))
    assert (np.abs(ends - 1) < 0.25).mean() > 0.65  # between, the flow's border between the modes is blurred
    assert (ends < 0.5).mean() < 0.2


def test_ddpm_starts_from_the_noise_of_ddim(begun):
    policies = [Diffusion(toy_task(), begun["diffusion"], sampler=name) for name in ("ddim", "ddpm")]
    for policy in policies:
        policy.reset(Episodes(np.array([3, 4], np.uint64), None))
    short, long = (policy._noise(1)[:, 0] for policy in policies)
    assert long.shape == (2, 100 * 160)
    assert np.array_equal(long[:, :160], short)


def test_impossible_samplers_are_refused(begun):
    for options, message in (
        ({"sampler": "ddmp"}, "did you mean ddpm"),
        ({"steps": 0}, "1 to 100"),
        ({"steps": 101}, "1 to 100"),
    ):
        with pytest.raises(BimodalError, match=message):
            Diffusion(toy_task(), begun["diffusion"], **options)
    with pytest.raises(BimodalError, match="0 steps"):
        Reflow(toy_task(), begun["reflow"], steps=0)


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
