"""The statistics against their definitions, brute force and published numbers."""

from itertools import product
from math import comb, log, sqrt

import numpy as np
import pytest
import robostats
from bimodal.benchmark.statistics.modes import (
    commitment,
    coverage,
    minority_share,
    mode_counts,
    mode_shares,
    normalised_entropy,
    total_variation,
)
from bimodal.benchmark.statistics.paired import discordant, mcnemar_mid_p, paired_difference, tango
from bimodal.benchmark.statistics.rates import Interval, clopper_pearson, mean_interval, rate, wilson
from bimodal.benchmark.statistics.tails import binomial_at_least, chi_squared_tail
from peer_records import peer_records
from scipy import stats


def paired(both, only_a, only_b, neither):
    """Return outcomes (a, b) with these counts."""
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


# ----------------------------------------------------------------------------------- one proportion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(k, n, low, high):
    """R. G. Newcombe, Stat. Med. 17 (1998) 857, table I."""
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_bounds_are_the_rates_whose_score_test_just_keeps_the_count(level):
    """(k/n - p)^2 = z^2 p (1 - p) / n at both bounds, the definition of the score interval."""
    z = stats.norm.ppf((1 + level) / 2)
    for n in (1, 2, 7, 50, 200):
        for k in range(0, n + 1, max(n // 7, 1)):
            for p in wilson(k, n, level):
                assert (k / n - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / n, abs=1e-12)


def test_wilson_knows_nothing_without_trials_and_touches_the_ends_exactly():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def test_the_exact_interval_is_scipys():
    for k, n in ((0, 20), (1, 29), (15, 148), (198, 200), (200, 200)):
        theirs = stats.binomtest(k, n).proportion_ci(method="exact")
        assert clopper_pearson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert rate(0, 0) == (0.0, 0.0, 1.0)


def test_tails_are_scipys():
    for x, degrees in ((0.0, 1), (3.84, 1), (9.2, 2), (14.0, 3), (2.0, 7), (300.0, 8)):
        assert chi_squared_tail(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-9)
    for k, n, p in ((0, 5, 0.2), (3, 5, 0.2), (150, 200, 0.7), (999, 1000, 0.9)):
        assert binomial_at_least(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), rel=1e-9)


def test_mean_of_one_estimate_keeps_its_interval():
    assert mean_interval([Interval(0.4, 0.3, 0.6)]) == pytest.approx((0.4, 0.3, 0.6))


def test_mean_of_independent_estimates_narrows_with_the_root_of_their_number():
    parts = [Interval(0.5, 0.4, 0.7)] * 4
    assert mean_interval(parts) == pytest.approx((0.5, 0.5 - 0.1 / 2, 0.5 + 0.2 / 2))


def test_macro_interval_covers_the_truth_about_as_often_as_it_says():
    rng, rates, n, hits = np.random.default_rng(0), np.array([0.2, 0.6, 0.9, 0.97]), 100, 0
    for _ in range(1000):
        ks = rng.binomial(n, rates)
        macro = mean_interval([Interval(k / n, *wilson(int(k), n)) for k in ks])
        hits += macro.low <= rates.mean() <= macro.high
    assert 0.93 <= hits / 1000 <= 0.98


# -------------------------------------------------------------------------------------------- modes


def test_modes_are_counted_over_successes_only():
    modes, success = [0, 0, 1, 1, -1, 0], [True, False, True, True, True, True]
    assert mode_counts(modes, success, 3).tolist() == [2, 2, 0]
    assert mode_shares([2, 2, 0]).tolist() == [0.5, 0.5, 0.0]


def test_minority_share_is_zero_for_a_forgotten_mode_and_none_without_an_answer():
    assert minority_share([30, 10]) == 0.25
    assert minority_share([40, 0]) == 0.0
    assert minority_share([0, 0]) is None
    assert minority_share([40]) is None


def test_commitment_counts_modes_even_of_failures():
    assert commitment([0, 1, -1, 1]) == 0.75


def test_coverage_needs_a_share_of_at_least_the_floor():
    assert coverage([95, 5, 0, 0]) == 0.5
    assert coverage([96, 4]) == 0.5
    assert coverage([0, 0]) == 0.0


def test_total_variation_is_the_largest_difference_of_any_event():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    events = [np.array(event, bool) for event in product([0, 1], repeat=3)]
    assert total_variation(p, q) == pytest.approx(
        max(abs(p[event].sum() - q[event].sum()) for event in events)
    )


def test_entropy_is_corrected_by_miller_and_madow():
    plain = -(0.9 * log(0.9) + 0.1 * log(0.1))
    assert normalised_entropy([9, 1]) == pytest.approx((plain + 1 / 20) / log(2))
    assert normalised_entropy([10, 0]) == 0.0
    assert normalised_entropy([5, 5]) == 1.0
    assert normalised_entropy([0, 0]) is None and normalised_entropy([3]) is None


def test_correction_halves_the_bias_of_the_plug_in_entropy_although_capped():
    """Exact expectation over all outcomes of 8 uniform draws among 2 modes."""
    weights = [comb(8, k) / 2**8 for k in range(9)]
    corrected = sum(w * normalised_entropy([k, 8 - k]) for k, w in enumerate(weights))
    plain = sum(w * stats.entropy([k, 8 - k], base=2) for k, w in enumerate(weights))
    assert plain == pytest.approx(0.90, abs=0.005)
    assert 1 - corrected < 0.55 * (1 - plain)


# ------------------------------------------------------------------------- two policies, same seeds


def test_mid_p_gives_the_published_value():
    """Fagerland, Lydersen and Laake (2013), airway reactivity: 1 against 7 discordant pairs."""
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.039, abs=5e-4)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 1), (3, 3), (2, 9), (40, 61), (0, 30)])
def test_mid_p_is_the_exact_p_less_the_observed_probability(b, c):
    n, x = b + c, min(b, c)
    exact = stats.binomtest(x, n).pvalue if n else 1.0
    assert mcnemar_mid_p(b, c) == pytest.approx(
        min(1.0, exact - stats.binom.pmf(x, n, 0.5) * (1 if b != c else 0))
    )
    assert mcnemar_mid_p(b, c) == mcnemar_mid_p(c, b)


def test_mid_p_survives_many_pairs():
    assert mcnemar_mid_p(5000, 5000) == pytest.approx(1.0, abs=0.01)
    assert 0 < mcnemar_mid_p(4800, 5200) < 1e-4


def test_discordant_pairs_are_counted_and_unpaired_outcomes_refused():
    assert discordant(*paired(4, 3, 2, 1)) == (3, 2)
    with pytest.raises(ValueError, match="same seeds"):
        discordant([True], [True, False])


def test_paired_difference_gives_the_published_interval():
    """Fagerland, Lydersen and Laake (2014), airway reactivity: (-0.517, -0.026) by Tango's score."""
    found = paired_difference(*paired(1, 1, 7, 12))
    assert found.estimate == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_paired_difference_is_antisymmetric_and_stays_within_one():
    for table in ((5, 0, 0, 5), (0, 10, 0, 0), (3, 1, 4, 2), (0, 0, 0, 9)):
        a, b = paired(*table)
        one, other = paired_difference(a, b), paired_difference(b, a)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert -1 <= one.low <= one.estimate <= one.high <= 1


def test_both_bounds_are_the_differences_that_a_brute_force_likelihood_just_keeps():
    """The best rate of "only b" under a difference d, found by search instead of Tango's closed form."""

    def score(x, y, n, d):
        q = np.linspace(max(0.0, -d), (1 - d) / 2, 200_001)[1:-1]
        likelihood = x * np.log(q + d) + y * np.log(q) + (n - x - y) * np.log1p(-2 * q - d)
        best = q[np.argmax(likelihood)]
        return (x - y - n * d) / sqrt(n * (2 * best + d * (1 - d)))

    for x, y, n in ((14, 5, 200), (3, 9, 40), (1, 7, 21), (30, 28, 100)):
        _, low, high = tango(x, y, n)
        assert score(x, y, n, low) == pytest.approx(1.95996, abs=2e-3)
        assert score(x, y, n, high) == pytest.approx(-1.95996, abs=2e-3)


def test_paired_interval_agrees_with_another_package():
    for x, y, n in ((14, 5, 200), (0, 0, 50), (0, 6, 50), (1, 7, 21), (40, 1, 41)):
        a, b = (
            peer_records(name, outcomes)
            for name, outcomes in zip("ab", paired(n - x - y, x, y, 0), strict=True)
        )
        theirs = robostats.paired_difference(robostats.pair(a, b))
        assert tango(x, y, n)[1:] == pytest.approx((theirs.lower, theirs.upper), abs=1e-6)


def test_pairing_narrows_the_interval_of_policies_that_fail_on_the_same_seeds():
    together = paired_difference(*paired(120, 20, 10, 50))
    apart = paired_difference(*paired(95, 45, 35, 25))
    assert together.estimate == apart.estimate
    assert together.high - together.low < apart.high - apart.low


def test_paired_interval_covers_the_truth_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(1), 0
    for counts in rng.multinomial(100, [0.5, 0.2, 0.1, 0.2], size=1000):
        found = paired_difference(*paired(*counts))
        hits += found.low <= 0.1 <= found.high
    assert 0.93 <= hits / 1000 <= 0.98
