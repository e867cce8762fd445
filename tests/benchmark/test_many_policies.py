"""Several policies on one panel, and repeated draws: against another package, brute force and definitions."""

from itertools import combinations, product

import numpy as np
import pytest
import robostats
from bimodal.benchmark.statistics.many_policies import (
    Ranks,
    better_pairs,
    cochran_q,
    groups_alike,
    holm,
    pair_tests,
    rank_intervals,
)
from bimodal.benchmark.statistics.modes import (
    conditional_entropy,
    entropy_ceiling,
    minority_ceiling,
    normalised_entropy,
    stuart_maxwell,
    total_variation,
)
from bimodal.benchmark.statistics.resampling import seed_and_scene_mean, stratified_mean, swap_p
from peer_records import peer_records
from scipy import stats


def panel(*rates, n=120, seed=0):
    """Return outcomes (N, K) of policies on scenes of different difficulty."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=(n, 1))
    return stats.norm.cdf(hard) < stats.norm.cdf(
        stats.norm.ppf(rates) + 0.7 * rng.normal(size=(n, len(rates)))
    )


def test_holm_is_the_step_down_of_bonferroni():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("rates", [(0.5, 0.5, 0.5), (0.9, 0.7, 0.4, 0.4)])
def test_cochrans_q_is_that_of_another_package(rates):
    outcomes = panel(*rates)
    theirs = robostats.cochran_q(
        robostats.align(*(peer_records(f"p{k}", row) for k, row in enumerate(outcomes.T)))
    )
    assert cochran_q(outcomes) == pytest.approx((theirs.q_statistic, theirs.p_value))


def test_cochrans_q_of_two_is_mcnemars_test_and_of_equal_policies_nothing():
    outcomes = panel(0.8, 0.5)
    only_a, only_b = (outcomes[:, 0] & ~outcomes[:, 1]).sum(), (outcomes[:, 1] & ~outcomes[:, 0]).sum()
    assert cochran_q(outcomes)[0] == pytest.approx((only_a - only_b) ** 2 / (only_a + only_b))
    assert cochran_q(np.ones((30, 4), bool)) == (0.0, 1.0)


def test_ranks_are_those_of_another_package():
    outcomes = panel(0.95, 0.93, 0.7, 0.66, 0.2, seed=2)
    names = [f"p{k}" for k in range(5)]
    better = better_pairs(pair_tests(dict(zip(names, outcomes.T, strict=True))))
    ours = rank_intervals(names, better)
    aligned = robostats.align(*(peer_records(name, row) for name, row in zip(names, outcomes.T, strict=True)))
    theirs = robostats.rank_intervals(aligned)
    assert [tuple(ours[name]) for name in theirs.policy_ids] == list(
        zip(theirs.lower, theirs.upper, strict=True)
    )
    best = {name for name in names if ours[name].best == 1}
    members = robostats.indistinguishable_set(aligned)
    assert best == {members.policy_ids[i] if isinstance(i, int) else i for i in members.members}


def test_equal_policies_share_all_ranks_and_one_policy_has_the_first():
    same = {name: np.arange(50) < 30 for name in "abc"}
    assert rank_intervals("abc", better_pairs(pair_tests(same))) == dict.fromkeys("abc", Ranks(1, 3))
    assert rank_intervals("a", better_pairs(pair_tests({"a": same["a"]}))) == {"a": Ranks(1, 1)}


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_the_largest_sets_of_which_no_two_are_told_apart(seed):
    names = "abcdefg"
    rng = np.random.default_rng(seed)
    better = {(a, b) for a, b in combinations(names, 2) if rng.random() < 0.4}
    alike = [
        set(some)
        for n in range(1, len(names) + 1)
        for some in combinations(names, n)
        if not better & set(combinations(some, 2))
    ]
    largest = [some for some in alike if not any(some < other for other in alike)]
    found = groups_alike(names, better)
    assert sorted(map(sorted, largest)) == sorted(map(list, found)) and found == sorted(found)


def test_no_policies_are_no_group_and_equal_ones_are_one():
    assert groups_alike("", set()) == [] and groups_alike("ba", set()) == [("b", "a")]


# ------------------------------------------------------------------------------------------- modes


def test_the_ceiling_of_entropy_is_what_an_even_choice_reaches():
    rng = np.random.default_rng(5)
    drawn = [normalised_entropy(row) for row in rng.multinomial(8, [0.25] * 4, size=4_000)]
    assert entropy_ceiling(4, 8) == pytest.approx(np.mean(drawn), abs=0.01)
    two = sum(stats.binom.pmf(k, 12, 0.5) * (normalised_entropy([k, 12 - k]) or 0) for k in range(13))
    assert entropy_ceiling(2, 12) == pytest.approx(two, abs=0.005)
    assert entropy_ceiling(1, 12) is None and entropy_ceiling(2, 0) is None
    one_of_two = sum(stats.binom.pmf(i, 9, 0.5) * min(i, 9 - i) / 9 for i in range(10))
    assert minority_ceiling(2, 9) == pytest.approx(one_of_two, abs=0.005)


def test_conditional_entropy_tells_a_choice_by_the_scene_from_a_choice_in_the_scene():
    by_scene, in_scene = np.array([[25, 0], [0, 25]] * 10), np.array([[12, 13], [13, 12]] * 10)
    assert conditional_entropy(by_scene) == (0.0, 0.0, 0.0)
    assert conditional_entropy(in_scene) == pytest.approx((1.0, 1.0, 1.0))
    assert normalised_entropy(by_scene.sum(0)) == normalised_entropy(in_scene.sum(0)) == 1.0
    half = conditional_entropy(np.concatenate([by_scene, in_scene, [[0, 0]]]))
    assert half is not None and half.estimate == pytest.approx(0.5) and 0.3 < half.low < half.high < 0.7
    assert conditional_entropy([[0, 0]]) is None


def test_stuart_maxwell_of_two_modes_is_mcnemars_test_and_of_three_fleiss_figure():
    """Fleiss (1981, page 121), three categories: with n_ij the mean of both discordant cells,
    chi-squared = (n_23 d_1^2 + n_13 d_2^2 + n_12 d_3^2) / 2 (n_12 n_23 + n_12 n_13 + n_13 n_23) = 14.00.
    """
    a, b = np.repeat([0, 0, 1, 1], [30, 14, 5, 20]), np.repeat([0, 1, 0, 1], [30, 14, 5, 20])
    assert stuart_maxwell(a, b, 2) == pytest.approx(stats.chi2.sf((14 - 5) ** 2 / 19, 1))
    table = np.array([[35, 5, 0], [15, 20, 5], [10, 5, 5]])
    rows, columns = np.indices(table.shape)
    pairs = [np.repeat(place.ravel(), table.ravel()) for place in (rows, columns)]
    assert stuart_maxwell(*pairs, 3) == pytest.approx(stats.chi2.sf(14.0, 2))
    assert stuart_maxwell(*pairs, 5) == pytest.approx(stuart_maxwell(*pairs, 3))
    assert stuart_maxwell(a, a, 2) == 1.0


# ------------------------------------------------------------------------------------- drawing again


def test_the_mean_over_tasks_keeps_every_tasks_weight_and_its_interval_covers():
    assert stratified_mean([np.ones(10), np.zeros(1000)]).estimate == 0.5
    rng, hits = np.random.default_rng(0), 0
    for _ in range(150):
        low, high = stratified_mean([rng.normal(m, 1, 60) for m in (0.2, 0.5, -0.1)])[1:]
        hits += low <= 0.2 <= high
    assert 0.90 <= hits / 150 <= 0.99


def test_the_interval_of_a_method_widens_with_the_spread_of_its_training_seeds():
    scenes = np.arange(200) < 100
    alike = seed_and_scene_mean([np.array([scenes, scenes, scenes])])
    apart = seed_and_scene_mean([np.array([scenes, np.ones(200), np.zeros(200)])])
    assert alike.estimate == apart.estimate == 0.5
    assert apart.high - apart.low > 3 * (alike.high - alike.low)


def test_exchanging_at_random_gives_the_exact_p_value():
    a, b = np.array([0, 0, 1, 0, 1, 0, 0]), np.array([1, 1, 1, 1, 1, 1, 1])

    def distance(x, y):
        return total_variation(np.bincount(x, minlength=2) / len(x), np.bincount(y, minlength=2) / len(y))

    every = [
        distance(np.where(swaps, b, a), np.where(swaps, a, b))
        for swaps in product([False, True], repeat=len(a))
    ]
    exact = np.mean(np.array(every) >= distance(a, b) - 1e-12)
    counts = [np.eye(2, dtype=int)[modes] for modes in (a, b)]

    def apart(x, y):
        return np.abs(x - y).sum(1)

    assert swap_p(*counts, apart) == pytest.approx(exact, abs=0.01)
    assert swap_p(counts[0], counts[0], apart) == 1.0
