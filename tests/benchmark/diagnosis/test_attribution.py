"""The exact tests behind a cause, against SciPy and numbers worked out by hand."""

import pytest
from bimodal.benchmark.diagnosis.attribution import adjusted, fisher, hopeless
from scipy import stats


@pytest.mark.parametrize(("saved", "baseline"), [(8, 0), (7, 1), (8, 4), (0, 0), (8, 8), (3, 5)])
def test_fishers_p_is_that_of_scipy(saved, baseline):
    table = [[saved, 8 - saved], [baseline, 8 - baseline]]
    assert fisher(saved, 8, baseline, 8) == pytest.approx(stats.fisher_exact(table, "greater").pvalue)


def test_fishers_p_of_groups_of_different_size():
    table = [[4, 1], [2, 9]]
    assert fisher(4, 5, 2, 11) == pytest.approx(stats.fisher_exact(table, "greater").pvalue)


def test_holm_counts_the_tests_that_were_not_made_and_keeps_the_order():
    found = adjusted({"a": 0.03, "b": 0.01, "c": 0.9}, 5)
    assert found == pytest.approx({"a": 0.12, "b": 0.05, "c": 1.0})
    assert adjusted({"a": 0.02, "b": 0.02}, 2) == pytest.approx({"a": 0.04, "b": 0.04})


@pytest.mark.parametrize(
    ("saved", "left", "baseline", "expected"),
    [(0, 5, 0, True), (1, 5, 0, False), (0, 8, 3, True), (0, 8, 2, False), (8, 0, 0, False)],
)
def test_a_repair_is_hopeless_once_all_successes_that_are_left_prove_nothing(saved, left, baseline, expected):
    n, tests = 8, 4
    best = stats.fisher_exact([[saved + left, n - saved - left], [baseline, n - baseline]], "greater").pvalue
    assert hopeless(saved, left, n, baseline, tests) == (best > 0.05 / tests) == expected
