"""Observed poses scatter, are off, are missing or come late by what is claimed."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from perturbed_episodes import TASK, begin


def sensed(variant, n=30, steps=60):
    """Return what is there and what is seen, lists over steps of dicts of (n, d): cubes that wander."""
    simulation, rng = begin(variant, range(n)), np.random.default_rng(0)
    true, seen = [], []
    for step in range(steps):
        now = {name: value.copy() for name, value in simulation.observe().items()}
        for body in TASK.objects:
            now[f"{body}_position"] += 0.1 * rng.standard_normal(3)
        true.append(now)
        seen.append(simulation.variant.perturb_observation(dict(now), step))
    return true, seen


def stacked(frames, name):
    return np.array([frame[name] for frame in frames])


@pytest.mark.parametrize("level", [1, 2, 3])
def test_observed_poses_scatter(level):
    true, seen = sensed(f"sensing.noise:{level}")
    spread = perturbations()["sensing.noise"].levels[level]
    for body in TASK.objects:
        error = stacked(seen, f"{body}_position") - stacked(true, f"{body}_position")
        assert 1e3 * error.std((0, 1)) == pytest.approx([spread] * 3, rel=0.08)
        (c, s), (x, y) = (np.moveaxis(stacked(some, f"{body}_heading"), -1, 0) for some in (true, seen))
        assert np.rad2deg(np.arctan2(c * y - s * x, c * x + s * y)).std() == pytest.approx(
            0.6 * spread, rel=0.08
        )
    assert (stacked(seen, "tcp_position") == stacked(true, "tcp_position")).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_observed_poses_are_off_by_one_length_all_episode(level):
    true, seen = sensed(f"sensing.bias:{level}", steps=5)
    error = [stacked(seen, f"{body}_position") - stacked(true, f"{body}_position") for body in TASK.objects]
    assert np.linalg.norm(error, axis=-1) == pytest.approx(
        1e-3 * perturbations()["sensing.bias"].levels[level]
    )
    assert np.ptp(np.array(error), axis=(0, 1)).max() < 1e-12
    assert np.abs(error[0][0].mean(0)).max() < 0.5e-3 * perturbations()["sensing.bias"].levels[level]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_share_of_the_measurements_is_missing_and_the_last_one_seen_again(level):
    true, seen = sensed(f"sensing.dropout:{level}")
    real, found = (stacked(some, "left_cube_position") for some in (true, seen))
    missing = (real != found).any(-1)
    assert missing[1:].mean() == pytest.approx(perturbations()["sensing.dropout"].levels[level], abs=0.04)
    assert not missing[0].any() and (found[1:][missing[1:]] == found[:-1][missing[1:]]).all()
    assert (stacked(seen, "tcp_position") == stacked(true, "tcp_position")).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_everything_is_seen_so_many_control_steps_late(level):
    late = perturbations()["sensing.latency"].levels[level]
    true, seen = sensed(f"sensing.latency:{level}", n=2, steps=9)
    for name in true[0]:
        real, found = stacked(true, name), stacked(seen, name)
        assert (found[late:] == real[:-late]).all() and (found[: late + 1] == real[0]).all()
