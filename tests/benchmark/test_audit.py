"""The audit: known episodes in, so that it is known which shortcuts, pairs and fresh seeds come out."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.causal_controls import ControlResult, TaskControls
from bimodal.benchmark.comparison.audit import Audited, audit
from bimodal.benchmark.report.pages.audit_page import audit_page, audit_tables, source_rows
from bimodal.benchmark.statistics.rates import Interval, independent_difference
from bimodal.benchmark.suites import SUITES
from fabricated_arms import CREATED, N, arm, columns
from rich.console import Console

FRESH = SUITES["smoke"]._replace(seeds=range(1000, 1000 + N))


def audited(name, wins, ranked=True, files="a", start=0, **changes):
    """A policy that succeeds in the first so many episodes of every task."""
    clean = columns(np.arange(N) < wins, seeds=range(start, start + N))
    suite = FRESH if start else SUITES["smoke"]
    side = arm(name, clean, suite=suite, **changes)._replace(source=f"{name}-{start}")
    return Audited(side, name, {"weights": files}, ranked)


ENTRIES = (
    audited("expert", N, ranked=False),
    audited("mine", N),
    audited("yours", N - 1),
    audited("nearest", 8),
    audited("zero", 0),
)


def test_the_best_shortcut_stands_beside_the_best_policy_that_is_none():
    runs = [audited("time_only", 2, ranked=False), audited("mean_action", 0, ranked=False)]
    found = audit(ENTRIES, runs)
    assert found.best.uri == "mine", "the expert is not ranked"
    assert [one.uri for one in found.shortcuts] == ["nearest", "time_only", "mean_action"]
    assert found.missing == ("proprioception_only",)
    text = audit_page(found, [])
    assert f"The best shortcut is `nearest` with {100 * 8 / N:.1f}" in text
    assert f"Without seeing an object, {100 * 2 / N:.1f}" in text
    assert "| proprioception_only |  | no entry and no run |" in text
    assert "nan" not in text.lower() and "None" not in text


def test_neighbours_are_told_apart_where_the_board_ranks_one_above_the_other():
    found = audit(ENTRIES, [])
    told = {(pair.better.uri, pair.worse.uri): pair.told_apart for pair in found.pairs}
    assert told == {("mine", "yours"): False, ("yours", "nearest"): True, ("nearest", "zero"): True}
    assert (found.all_pairs, found.all_told_apart) == (6, 5)
    assert (
        "of 3 pairs of neighbours on the board the panel tells 2 apart (67 %)"
        in audit_page(found, []).lower()
    )


def test_fresh_seeds_count_for_the_same_policy_alone():
    runs = [
        audited("mine", N - 4, start=1000),
        audited("yours", N, start=1000, files="other weights"),
        audited("nobody", N, start=1000),
        audited("mine", N),
        audited("zero", 0, start=1000, versions={"mujoco": "2"}),
    ]
    found = audit(ENTRIES, runs)
    (only,) = found.fresh
    assert (only.public.uri, only.difference.estimate) == ("mine", -4 / N)
    assert only.difference.low < -4 / N < only.difference.high
    assert found.without_fresh == ("yours", "nearest", "zero")
    reasons = ("yours has other files", "no entry of this suite is of nobody", "public panel", "mujoco 2")
    assert len(found.left_out) == 4
    assert all(reason in line for reason, line in zip(reasons, found.left_out, strict=True))
    assert "| mine | 100.0" in audit_page(found, []) and "1000 to 1015" in audit_page(found, [])


def test_the_difference_of_independent_rates_is_that_of_newcombe():
    """Newcombe's example of method 10: 56/70 and 48/80, from their Wilson intervals."""
    one, other = Interval(0.8, 0.6915, 0.8779), Interval(0.6, 0.4904, 0.7000)
    assert independent_difference(one, other) == pytest.approx((0.2, 0.0527, 0.3345), abs=2e-3)


def test_success_by_demonstrations_is_the_mean_over_the_tasks_that_were_measured():
    assert source_rows([]) == []
    found = [
        TaskControls("One-v1", "", (ControlResult("controls", "uni", "mse", 1.0, 0.0),)),
        TaskControls("Two-v1", "", (ControlResult("controls", "uni", "mse", 0.5, 0.0),)),
    ]
    assert source_rows(found) == [("300, one mode alone", "75", "not measured", "2")]


def test_a_board_without_a_ranked_policy_is_no_board_to_audit():
    assert audit([audited("expert", N, ranked=False), audited("nearest", 3)], []) is None


def test_every_table_is_as_wide_as_its_head():
    console = Console(width=200)
    with console.capture() as out:
        for table in audit_tables(audit(ENTRIES, [audited("mine", 3, start=1000)]), []):
            console.print(table)
    assert out.get().count("told apart") == 1 and CREATED not in out.get()
