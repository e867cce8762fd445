"""What the planners share, on Gaussians and linear systems whose answers are known in closed form."""

import numpy as np
import pytest
import torch
from bimodal.policies.generative.noise_schedule import squared_cosine_alphas_cumprod
from bimodal.policies.generative.samplers import ddpm, flow_euler
from bimodal.policies.networks.transformer import PlanTransformer, PlanValue
from bimodal.policies.planning.guidance import (
    choose,
    classifier_free,
    expectile_loss,
    in_distribution,
    inpainted,
    value_guide,
    with_known,
)
from bimodal.policies.planning.inverse_dynamics import MLP, actions_along

LEVELS = 200
ABAR = squared_cosine_alphas_cumprod(LEVELS)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def share(t):
    """abar (B, 1) at the times t (B,) that a trunk is told."""
    return ABAR[(t * LEVELS).round().long() - 1][:, None]


def gaussian(mean, spread):
    """The trunk that is exact for x_0 ~ N(mean, spread^2): E[x_0 | x_t] by Gaussian conditioning."""

    def trunk(x, t, c):
        abar = share(t)
        gain = abar.sqrt() * spread**2 / (abar * spread**2 + 1 - abar)
        return mean + gain * (x - abar.sqrt() * mean)

    return trunk


def draw(trunk, rows=4000, size=1, condition=None, **options):
    noise = torch.randn(rows, LEVELS, size, generator=generator(), dtype=torch.float64)
    condition = torch.zeros(rows, 1) if condition is None else condition
    return ddpm(trunk, noise, condition, ABAR, **options)


# ------------------------------------------------------------------------------------------- denoising


def test_denoising_with_the_exact_trunk_draws_the_gaussian():
    found = draw(gaussian(0.7, 0.4))
    assert found.mean().item() == pytest.approx(0.7, abs=0.03)
    assert found.std().item() == pytest.approx(0.4, rel=0.05)


def test_temperature_scales_the_variance_and_leaves_the_mean():
    warm, cool, cold = (draw(gaussian(0.7, 0.4), 50, temperature=alpha) for alpha in (1.0, 0.25, 0.0))
    torch.testing.assert_close(cold, cold[:1].expand_as(cold))
    torch.testing.assert_close(cool - cold, (warm - cold) / 2)  # this sampler is linear in the noise


# ------------------------------------------------------------------------------------------ inpainting


def test_inpainting_draws_the_conditional_gaussian():
    """(x, y) with correlation rho and unit spreads: y | x ~ N(rho x, 1 - rho^2)."""
    rho, seen = 0.8, 1.5

    def trunk(x, t, c):
        given = x[:, :1]
        rest = gaussian(rho * given, (1 - rho**2) ** 0.5)(x[:, 1:], t, c)
        return torch.cat([given + 1.0, rest], dim=1)  # what it answers where it was told does not matter

    known = torch.tensor([[seen, -9.0]], dtype=torch.float64).expand(4000, 2)
    found = draw(inpainted(trunk, known, torch.tensor([True, False])), size=2)
    assert (found[:, 0] == seen).all()
    assert found[:, 1].mean().item() == pytest.approx(rho * seen, abs=0.04)
    assert found[:, 1].std().item() == pytest.approx((1 - rho**2) ** 0.5, rel=0.05)


def test_inpainted_ends_stay_fixed_in_a_flow():
    known, mask = torch.tensor([[1.0, 0.0, 5.0]]), torch.tensor([True, False, True])

    def middle(x, t, c):
        return x[:, [0, 0, 2]] * torch.tensor([0.0, 0.5, 0.0]) + x[:, [2, 2, 2]] * torch.tensor([0.0, 0.5, 0])

    found = flow_euler(inpainted(middle, known, mask), torch.randn(1, 3, generator=generator()), known, 5)
    torch.testing.assert_close(found, torch.tensor([[1.0, 3.0, 5.0]]))


# -------------------------------------------------------------------------------------------- guidance


@pytest.mark.parametrize("weight", [0.0, 1.0, 1.6])
def test_classifier_free_guidance_of_two_gaussians_moves_the_mean_along_their_difference(weight):
    """With equal spreads the guided estimate is the exact trunk of N(m0 + w (m1 - m0), s^2)."""

    def trunk(x, t, c):
        return gaussian(c, 0.3)(x, t, c)

    told, untold = (torch.full((4000, 1), mean, dtype=torch.float64) for mean in (2.0, 1.0))
    found = draw(classifier_free(trunk, untold, weight), condition=told)
    assert found.mean().item() == pytest.approx(1.0 + weight, abs=0.02)
    assert found.std().item() == pytest.approx(0.3, rel=0.05)


def posterior_of(mean, spread, x, t):
    """Mean (B, 1) and variance (B, 1) of x_0 given x_t, for x_0 ~ N(mean, spread^2)."""
    abar = share(t) if t.min() > 0 else torch.ones(len(x), 1)
    signal = abar * spread**2 + 1 - abar
    return mean + abar.sqrt() * spread**2 / signal * (x - abar.sqrt() * mean), spread**2 * (1 - abar) / signal


def test_guidance_by_a_linear_value_shifts_the_gaussian_by_its_variance():
    """N(m, s^2) tilted by exp(a x) is N(m + a s^2, s^2)."""
    mean, spread, slope = 0.5, 0.6, 1.5

    def value(x, t, c):
        return posterior_of(mean, spread, x, t)[0][:, 0]  # log E[exp(x_0) | x_t] up to a constant

    found = draw(gaussian(mean, spread), guide=value_guide(value, slope))
    assert found.mean().item() == pytest.approx(mean + slope * spread**2, abs=0.04)
    assert found.std().item() == pytest.approx(spread, rel=0.06)


def test_guidance_by_a_quadratic_value_narrows_the_gaussian_towards_the_goal():
    """N(m, s^2) tilted by exp(-k (x - g)^2 / 2) has precision 1/s^2 + k and mean (m/s^2 + k g) over it."""
    mean, spread, goal, k = 0.0, 1.0, 2.0, 3.0

    def value(x, t, c):
        mu, variance = posterior_of(mean, spread, x, t)
        return (-k / 2 * (mu - goal) ** 2 / (1 + k * variance))[:, 0]

    found = draw(gaussian(mean, spread), guide=value_guide(value, 1.0))
    precision = 1 / spread**2 + k
    assert found.mean().item() == pytest.approx(k * goal / precision, abs=0.05)
    assert found.std().item() == pytest.approx(precision**-0.5, rel=0.08)


def test_guidance_sees_what_is_known_and_does_not_move_it():
    """The value's slope along y is the known x, 4."""
    mask, known = torch.tensor([True, False]), torch.tensor([[4.0, 9.0]])
    value = with_known(lambda x, t, c: x[:, 0] * x[:, 1], known, mask)
    moved = value_guide(value, 2.0, steps=3)(torch.ones(2, 2), 0.5, torch.zeros(2), torch.zeros(2, 1))
    assert moved.tolist() == [[1.0, 13.0]] * 2  # 3 steps of 2.0 * 0.5 * 4


# ------------------------------------------------------------------------------------------- selection


def test_the_best_candidate_is_chosen():
    assert choose(torch.tensor([0.1, 0.9, 0.3])) == 1


def test_typical_plans_are_those_that_a_denoiser_of_two_modes_leaves_alone():
    """For x_0 = -1 or 1, E[x_0 | x_t] = tanh(sqrt(abar) x_t / (1 - abar)): a plan between them moves."""

    def trunk(x, t, c):
        return torch.tanh(share(t) ** 0.5 * x / (1 - share(t)))

    plans, level = torch.tensor([[0.1], [-1.0], [-0.3], [0.99], [0.2]]), LEVELS // 4
    back = float(ABAR[level - 1]) ** 0.5 * plans
    kept = in_distribution(trunk, plans, back, level / LEVELS, plans)
    assert kept[[1, 3]].all()
    assert kept.sum() == 3
    assert in_distribution(trunk, plans[:1], back[:1], level / LEVELS, plans[:1]).all()


def test_a_kept_plan_stays_unless_another_is_better_by_the_margin():
    scores = torch.tensor([0.5, 0.58, 0.2])
    assert choose(scores, kept=0, margin=0.1) == 0
    assert choose(scores, kept=0, margin=0.05) == 1
    assert choose(scores, kept=2, margin=0.1) == 1


def test_the_expectile_of_two_returns_lies_where_its_equation_says():
    """e solves tau p (1 - e) = (1 - tau) (1 - p) e for returns 1 with probability p and else 0."""
    p, tau = 0.8, 0.9
    returns = (torch.arange(100) < 100 * p).double()
    grid = torch.linspace(0, 1, 2001, dtype=torch.float64)
    losses = torch.stack([expectile_loss(returns - e, tau) for e in grid])
    assert grid[losses.argmin()].item() == pytest.approx(tau * p / (tau * p + (1 - tau) * (1 - p)), abs=1e-3)


# ------------------------------------------------------------------------------------ inverse dynamics


def test_inverse_dynamics_of_a_linear_system_is_found_and_walks_along_a_path():
    """s' = s + B a, so that a = B^-1 (s' - s)."""
    rng = generator()
    into = torch.tensor([[1.0, 0.5], [-0.3, 0.8]])
    network = MLP(4, 2, rng, 64)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(400):
        state, action = torch.randn(128, 2, generator=rng), torch.randn(128, 2, generator=rng)
        loss = (network(state, state + action @ into.T) - action).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    actions = 0.7 * torch.randn(1, 5, 2, generator=rng)
    path = torch.cat([torch.zeros(1, 1, 2), (actions @ into.T).cumsum(1)], dim=1) / 2
    found = actions_along(network, path)
    assert found.shape == (1, 5, 2)
    assert (found - actions / 2).abs().max() < 0.15


# ----------------------------------------------------------------------------------------- transformer


def small(kind=PlanTransformer, frames=8, size=3, **options):
    return kind(frames, size, 4, generator(), width=16, blocks=2, **options)


def stirred(network):
    """Give the layers that start at zero some weight."""
    with torch.no_grad():
        network.modulation.weight.normal_(0, 0.3, generator=generator(1))
    return network


def test_an_untrained_transformer_does_not_mix_its_tokens():
    network, x = small(patch=2), torch.randn(2, 24, generator=generator())
    other = x.clone()
    other[:, :6] += 1
    t, c = torch.ones(2), torch.ones(2, 4)
    assert torch.equal(network(x, t, c)[:, 6:], network(other, t, c)[:, 6:])
    stirred(network)
    assert not torch.allclose(network(x, t, c)[:, 6:], network(other, t, c)[:, 6:], atol=1e-3)


@pytest.mark.parametrize("kind", [PlanTransformer, PlanValue])
def test_a_row_of_the_transformer_does_not_depend_on_the_others(kind):
    network = stirred(small(kind, patch=4))
    x, t, c = (torch.randn(16, n, generator=generator(n)) for n in (24, 1, 4))
    whole = network(x, t[:, 0], c)
    order = torch.randperm(16, generator=generator())
    assert torch.equal(network(x[order], t[order, 0], c[order]), whole[order])
    alone = torch.zeros_like(x)
    alone[3] = x[3]
    assert torch.equal(network(alone, t[:, 0], c)[3], whole[3])


def test_the_transformer_hears_the_condition_the_time_and_the_place():
    network = stirred(small())
    x, t, c = torch.zeros(1, 24), torch.zeros(1), torch.zeros(1, 4)
    before = network(x, t, c)
    assert before.shape == (1, 24)
    for changed in (network(x, t + 0.5, c), network(x, t, c + 1)):
        assert (changed - before).abs().max() > 1e-2
    assert (before[:, :3] - before[:, 3:6]).abs().max() > 1e-2


def test_a_value_is_one_number_for_each_plan_and_has_a_gradient_everywhere():
    network, x = stirred(small(PlanValue, patch=2)), torch.randn(5, 24, generator=generator())
    x.requires_grad_()
    value = network(x, torch.zeros(5), torch.zeros(5, 4))
    assert value.shape == (5,)
    value.sum().backward()
    assert x.grad is not None
    assert (x.grad.abs() > 0).all()


def test_frames_that_do_not_fill_their_tokens_are_refused():
    with pytest.raises(ValueError, match="9 frames do not make groups of 2"):
        small(frames=9, patch=2)


def test_networks_draw_their_weights_from_the_generator_alone():
    before = torch.random.get_rng_state()
    one, again = small(), small()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(
        np.array_equal(a.detach(), b.detach())
        for a, b in zip(one.parameters(), again.parameters(), strict=True)
    )
