"""What the planners share: pure functions over trunks, plans and the noise they are given.

Symbols: x (B, D) is a flat normalised plan, x_0 a clean one, x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e a
noised one at level t = 1 .. T, c (B, C) a condition. Trunks estimate x_0, and what wraps a trunk is a trunk
again, so that conditions can be combined and used with any sampler.
"""

import torch
from torch import Tensor

from ..generative.samplers import Guide
from ..networks.layers import Trunk


def with_known(trunk: Trunk, known: Tensor, mask: Tensor) -> Trunk:
    """Return a trunk that sees `known` wherever `mask` is true: x <- m known + (1 - m) x.

    The trunk may be of plans or of their values; `known` is (B, D), the mask (D,) bool.
    """

    def filled_in(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        return trunk(torch.where(mask, known, x), t, c)

    return filled_in


def inpainted(trunk: Trunk, known: Tensor, mask: Tensor) -> Trunk:
    """Return a trunk `with_known` values that also answers `known` wherever `mask` is true.

    Every sampler then ends with the known values in place, as if they were written over x before each step:
    Janner et al. 2022 (arXiv 2205.09991), section 3.2, conditioning as inpainting. In a loss the known values
    cost nothing.
    """
    filled_in = with_known(trunk, known, mask)

    def answer(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        return torch.where(mask, known, filled_in(x, t, c))

    return answer


def known_states(frames: int, size: int, both: bool = False) -> Tensor:
    """Return which values (P*C,) of a flat plan of states are known, bool: the first state, or both ends."""
    mask = torch.zeros(frames, size, dtype=torch.bool)
    mask[0] = True
    mask[-1] |= both
    return mask.flatten()


def return_condition(seen: Tensor, returns: Tensor, given: Tensor) -> Tensor:
    """Return conditions (B, C+2): what is seen (B, C), the return in [-1, 1], and whether it is given.

    `returns` (B,) are in [0, 1]; `given` (B,) is 0 where the return is dropped (the unconditional case), else
    1.
    """
    return torch.cat([seen, ((2 * returns - 1) * given)[:, None], given[:, None]], dim=1)


def keep_mask(rows: int, dropout: float, generator: torch.Generator) -> Tensor:
    """Return 1 where a condition stays in a batch, 0 where condition dropout removes it, (B,) float."""
    return (torch.rand(rows, generator=generator) >= dropout).float()


def classifier_free(trunk: Trunk, null: Tensor, weight: float) -> Trunk:
    """Return the trunk f(x, t, null) + w (f(x, t, c) - f(x, t, null)); both passes run as one.

    Ho and Salimans 2022 (arXiv 2207.12598) and Ajay et al. 2022 (arXiv 2211.15657), equation 8, guide the
    estimate of the noise; guiding that of the plan is the same, because x_t is linear in both. The condition
    `null` (B, C) says nothing; the `weight` w = 1 is the plain conditional trunk, 0 the unconditional one.
    """
    if weight == 1:
        return trunk

    def guided(x: Tensor, t: Tensor, c: Tensor) -> Tensor:
        both = trunk(x.repeat(2, 1), t.repeat(2), torch.cat([c, null]))
        conditional, unconditional = both.chunk(2)
        return torch.lerp(unconditional, conditional, weight)

    return guided


def value_guide(value: Trunk, scale: float, steps: int = 1) -> Guide:
    """Return a guide that moves the mean of a step: mu <- mu + scale Sigma grad J(mu, t), `steps` times.

    Janner et al. 2022, algorithm 1: sampling from p(x) exp(scale J(x)). `value` estimates J (B,).
    """

    def guide(mean: Tensor, variance: float, t: Tensor, c: Tensor) -> Tensor:
        for _ in range(steps):
            with torch.enable_grad():
                x = mean.detach().requires_grad_()
                (gradient,) = torch.autograd.grad(value(x, t, c).sum(), x)
            mean = mean + scale * variance * gradient
        return mean

    return guide


def in_distribution(trunk: Trunk, plans: Tensor, noised: Tensor, t: float, condition: Tensor) -> Tensor:
    """Return which half of the plans the trunk would change least, were they noised, (K,) bool.

    A critic has only seen plans that were carried out. Among many sampled ones it likes best what it knows
    least, such as a plan between two modes; but a denoiser pulls such a plan to one of them. So no plan of
    the other half should be chosen: returns lie in [0, 1], and planners take 1 off its score. `plans` and
    what they are `noised` to at time t are (K, D), the condition (K, C).
    """
    moved = (trunk(noised, plans.new_full((len(plans),), t), condition) - plans).square().mean(1)
    kept = torch.zeros(len(plans), dtype=torch.bool)
    kept[moved.argsort()[: (len(plans) + 1) // 2]] = True
    return kept


def choose(scores: Tensor, kept: int | None = None, margin: float = 0.0) -> int:
    """Return the index of the best of the scores (K,); `kept` stays unless another is better by `margin`.

    Without hysteresis a planner that decides anew may flip between modes of equal worth.
    """
    best = int(scores.argmax())
    stays = kept is not None and bool(scores[best] <= scores[kept] + margin)
    return kept if stays else best  # type: ignore[return-value]


def expectile_loss(error: Tensor, expectile: float) -> Tensor:
    """Return the mean of |expectile - [error < 0]| error^2, for errors target - prediction (B,).

    Its minimum lies where a share near 1 of the spread is below: the return that is still within reach of a
    state, not the mean one. Kostrikov et al. 2021, arXiv 2110.06169, equation 5.
    """
    return (torch.where(error < 0, 1 - expectile, expectile) * error.square()).mean()
