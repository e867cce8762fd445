"""Power and early stopping: against simulation, brute force and the definition of an e-value."""

from math import comb, exp

import numpy as np
import pytest
from bimodal.benchmark.statistics.paired import mcnemar_mid_p
from bimodal.benchmark.statistics.power import POWER, detectable_difference, episodes_to_decide, power
from bimodal.benchmark.statistics.sequential import anytime_p, is_decided, log_evidence
from scipy import stats


def brute_power(n, p, q):
    """Return the power by summing over every table of n pairs."""
    total = 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            if mcnemar_mid_p(x, y) <= 0.05:
                total += comb(n, x) * comb(n - x, y) * p**x * q**y * (1 - p - q) ** (n - x - y)
    return total


@pytest.mark.parametrize(("n", "p", "q"), [(40, 0.2, 0.05), (25, 0.1, 0.1), (30, 0.5, 0.0), (60, 0.01, 0.02)])
def test_power_is_the_sum_over_every_table(n, p, q):
    assert power(n, p, q) == pytest.approx(brute_power(n, p, q), abs=1e-9)


def test_the_test_keeps_its_level_on_a_panel_of_200():
    """Simulated size of McNemar's mid-p at 200 pairs: .038 to .051, whatever the discordance."""
    assert all(power(200, p, p) <= 0.052 for p in (0.005, 0.02, 0.05, 0.1, 0.25))


def test_the_smallest_detectable_difference_is_just_detected():
    for n, rate in ((50, 0.99), (200, 0.9), (200, 0.5)):
        d = detectable_difference(n, rate)
        assert d is not None

        def seen(d, n=n, rate=rate):
            return power(n, rate * (1 - rate + d), (rate - d) * (1 - rate))

        assert seen(d) >= POWER > seen(d - 2e-3)
    assert detectable_difference(200, 0.99) < detectable_difference(50, 0.99)  # type: ignore[operator]
    assert detectable_difference(5, 0.2) is None and detectable_difference(0, 0.5) is None


def test_the_number_of_episodes_that_decides_does_and_fewer_do_not():
    n = episodes_to_decide(0.12, 0.04)
    assert n is not None and power(n, 0.12, 0.04) >= POWER > power(int(0.95 * n), 0.12, 0.04)
    assert episodes_to_decide(0.1, 0.1) is None
    assert episodes_to_decide(0.0, 0.0) is None


def test_evidence_is_the_mean_likelihood_ratio_over_every_bias():
    """E = integral over p of p^x (1 - p)^y / (1/2)^(x + y)."""
    grid = (np.arange(100_000) + 0.5) / 100_000
    for x, y in ((0, 0), (3, 1), (9, 0), (12, 12)):
        ratio = np.mean(grid**x * (1 - grid) ** y) * 2.0 ** (x + y)
        assert exp(log_evidence(x, y)) == pytest.approx(ratio, rel=1e-6)


def test_looking_after_every_episode_errs_no_more_often_than_alpha():
    rng, stopped = np.random.default_rng(0), 0
    for _ in range(1500):
        draws = rng.random(200)
        x, y = np.cumsum(draws < 0.15), np.cumsum(draws > 0.85)
        stopped += any(is_decided(int(a), int(b)) for a, b in zip(x, y, strict=True))
    assert stopped / 1500 <= 0.05 + 3 * stats.binom.std(1500, 0.05) / 1500


def test_a_clear_difference_stops_early_and_none_never_does():
    assert next(n for n in range(1, 200) if is_decided(n, 0)) == 8
    assert not is_decided(0, 0)
    assert anytime_p(log_evidence(0, 0)) == 1.0 and anytime_p(log_evidence(9, 0)) < 0.05
