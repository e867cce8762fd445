"""Smoothness and times: known answers, and an independent computation of the spectral arc length."""

import numpy as np
import pytest
from bimodal.benchmark.measures.motion import (
    CUTOFF_HZ,
    THRESHOLD,
    mean_squared_jerk,
    spectral_arc_length,
    time_to_commit,
    time_to_success,
)

RATE = 200.0


def minimum_jerk(seconds, distance=0.3):
    """Speed of the smoothest straight movement: 30 d / T (s^2 - 2 s^3 + s^4)."""
    s = np.arange(0, seconds, 1 / RATE) / seconds
    return 30 * distance / seconds * (s**2 - 2 * s**3 + s**4)


def arc_by_brute_force(speed):
    """The length of the normalised spectrum, term by term, from the sum that defines a Fourier transform."""
    samples = 1
    while samples < len(speed):
        samples *= 2
    samples *= 16
    spectrum = []
    bin_ = 0
    while bin_ * RATE / samples <= CUTOFF_HZ:
        turns = np.exp(-2j * np.pi * bin_ * np.arange(len(speed)) / samples)
        spectrum.append(abs(complex((speed * turns).sum())))
        bin_ += 1
    spectrum = [value / max(spectrum) for value in spectrum]
    last = max(i for i, value in enumerate(spectrum) if value >= THRESHOLD)
    return -sum(np.hypot(1 / last, spectrum[i + 1] - spectrum[i]) for i in range(last))


@pytest.mark.parametrize("seed", range(3))
def test_the_arc_length_is_that_of_a_brute_force_computation(seed):
    speed = np.abs(np.convolve(np.random.default_rng(seed).normal(size=300), np.ones(40) / 40, "valid"))
    assert spectral_arc_length(speed, RATE) == pytest.approx(arc_by_brute_force(speed), rel=1e-9)


def test_one_smooth_movement_has_the_arc_length_of_the_literature():
    assert spectral_arc_length(minimum_jerk(1.0), RATE) == pytest.approx(-1.41, abs=0.03)


def test_the_arc_length_does_not_depend_on_speed_or_length():
    once = spectral_arc_length(minimum_jerk(1.0), RATE)
    assert spectral_arc_length(7 * minimum_jerk(1.0), RATE) == pytest.approx(once)
    assert spectral_arc_length(minimum_jerk(2.0), RATE) == pytest.approx(once, abs=0.03)


def test_stops_on_the_way_are_less_smooth():
    scores = [spectral_arc_length(np.tile(minimum_jerk(0.6), parts), RATE) for parts in (1, 2, 4)]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("speed", [[], [1.0], np.zeros(50), [np.nan, 1.0, 1.0]])
def test_what_does_not_move_has_no_smoothness(speed):
    assert np.isnan(spectral_arc_length(np.array(speed), RATE))


def test_the_jerk_of_a_cubic_is_exact_and_of_a_parabola_none():
    t = np.arange(60)[:, None] / RATE
    assert mean_squared_jerk(t**3 * [1.0, 2.0, 0.0], RATE) == pytest.approx(36 + 144, rel=1e-6)
    assert mean_squared_jerk(t**2 * [1.0, 2.0, 0.0], RATE) == pytest.approx(0, abs=1e-6)
    assert np.isnan(mean_squared_jerk(np.zeros((3, 3)), RATE))


def test_commitment_is_the_first_step_on_the_last_side():
    sides = {
        "stays": ([-1, -1, 0, 0, -1, 0], 0, 6, 0.15),
        "changes": ([0, 0, -1, 1, 1, 1], 1, 6, 0.20),
        "from the first step on": ([1, 1, 1, 1, 1, 1], 1, 6, 0.05),
        "changes after its end": ([-1, 0, 0, 1, 1, 1], 0, 3, 0.10),
        "no mode": ([0, 0, 0, 0, 0, 0], -1, 6, np.nan),
        "never on a side": ([-1] * 6, 0, 6, np.nan),
    }
    columns, modes, steps, wanted = (np.array(column) for column in zip(*sides.values(), strict=True))
    assert np.array_equal(time_to_commit(columns.T, modes, steps), wanted, equal_nan=True)


def test_success_takes_until_the_end_of_its_first_step_and_failures_never():
    found = time_to_success(np.array([0, 9, 9, -1]), np.array([True, True, False, False]))
    assert np.array_equal(found, [0.05, 0.5, np.nan, np.nan], equal_nan=True)
