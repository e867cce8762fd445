"""What `bimodal probe` shows: an example of diffusion planning, by hand and with a trained denoiser."""

from typing import NamedTuple

import numpy as np
from rich.table import Table

from ...policies.worked_example.forward_reverse import (
    GOAL,
    SCHEDULE,
    endpoint_distance,
    example_noise,
    forward,
    reverse,
    stand_in,
    straight_plan,
)
from ..number_text import percent
from ..rich_table import plain_table

SAMPLES = 1000
"""Plans drawn by the trained denoiser."""
SAMPLE_SEED = 7
"""Of the noise they start from."""


class Example(NamedTuple):
    """The worked example; row t is noise level t."""

    noised: np.ndarray
    """(T + 1, H, 2): the plan, then noisier and noisier."""
    denoised: np.ndarray
    """(T + 1, H, 2): the end of the walk back, up to its start, the noisiest plan."""


class Learned(NamedTuple):
    """The example with a trained denoiser, in the scene c = 0: N plans, L levels."""

    scenes: np.ndarray
    """c (N,), all 0."""
    noised: np.ndarray
    """(L + 1, N, H, 2): demonstrations, then noisier and noisier."""
    denoised: np.ndarray
    """(L + 1, N, H, 2): sampled plans, up to the noise they come from."""
    plans: dict[str, np.ndarray]
    """By the name of who made them: the demonstrations' plans, sampled and regressed ones, (N, H, 2)."""


def run_example() -> Example:
    """Run the worked example."""
    noised = forward(straight_plan(), example_noise())
    return Example(noised, reverse(noised[-1], stand_in))


def example_table(found: Example) -> Table:
    """Return the two columns: distance of the endpoint to the goal at every noise level."""
    table = plain_table("Plan's end to the goal", "start at the top left, go round")
    for column in ("t", "abar", "noised ↓", "denoised ↑"):
        table.add_column(column, justify="right")
    columns = endpoint_distance(found.noised), endpoint_distance(found.denoised)
    for t, (abar, noised, denoised) in enumerate(zip((1.0, *SCHEDULE), *columns, strict=True)):
        table.add_row(str(t), f"{abar:.2f}", f"{noised:.3f}", f"{denoised:.3f}")
    return table


def run_learned(samples: int = SAMPLES) -> Learned:
    """Train a denoiser and a regression on the same demonstrations, and ask both for plans."""
    from ...policies.worked_example import two_grasps as toy

    rng = np.random.default_rng(SAMPLE_SEED)
    data = toy.demonstrations(np.random.default_rng(0))
    trunk = toy.train_denoiser(data)
    regression = toy.train_regression(data)
    scenes = np.zeros(samples)
    shown = toy.plans_to(scenes, np.arange(samples) % 2, rng)
    noise = rng.standard_normal((samples, toy.WAYPOINTS, 2))
    denoised = toy.sample(trunk, scenes, noise)
    plans = {
        "demonstrations": shown,
        f"diffusion, {len(toy.LEVELS)} steps": denoised[0],
        f"diffusion, {len(toy.COARSE)} steps": toy.sample(trunk, scenes, noise, toy.COARSE)[0],
        "diffusion, 1 step": toy.sample(trunk, scenes, noise, toy.COARSE[-1:])[0],
        "regression": toy.regress(regression, scenes),
    }
    return Learned(scenes, forward(shown, rng.standard_normal(shown.shape), toy.LEVELS), denoised, plans)


def learned_tables(found: Learned) -> list[Table]:
    """Return the two columns again, and where the plans end."""
    return [_levels_table(found), _shares_table(found)]


def _levels_table(found: Learned) -> Table:
    from ...policies.worked_example.two_grasps import COARSE, FINER, grasp_distances

    table = plain_table("Plan's end to the nearer grasp", f"medians of {len(found.scenes)} plans")
    for column in ("t", "abar", "noised ↓", "denoised ↑"):
        table.add_column(column, justify="right")
    for t, abar in enumerate((1.0, *COARSE)):
        cells = [
            np.median(grasp_distances(plans[FINER * t], found.scenes).min(-1))
            for plans in (found.noised, found.denoised)
        ]
        table.add_row(str(t), f"{abar:.2f}", *(f"{cell:.3f}" for cell in cells))
    return table


def _shares_table(found: Learned) -> Table:
    from ...policies.worked_example.two_grasps import AT_GRASP, GRASPS, shares

    table = plain_table(
        "Where the plans end", f"above, below: within {AT_GRASP:g} of that grasp; to the object: median"
    )
    table.add_column("plans of")
    for column in (*GRASPS, "neither", "to the object"):
        table.add_column(column, justify="right")
    for name, plans in found.plans.items():
        away = np.median(endpoint_distance(plans, GOAL))
        table.add_row(
            name, *(f"{percent(share, 1)}%" for share in shares(plans, found.scenes)), f"{away:.3f}"
        )
    return table
