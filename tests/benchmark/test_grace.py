"""The grace of a task: an expert makes good some blocks of the mean plan, and no more."""

from pathlib import Path

import pytest
from bimodal.benchmark.certificate.grace import (
    GraceResult,
    LateExpert,
    grace_checks,
    measure_grace,
    try_grace,
)
from bimodal.benchmark.certificate.trials import Blend, run_trial
from bimodal.benchmark.report.pages.grace_page import grace_page
from bimodal.benchmark.report.pages.markdown import table_rows
from bimodal.benchmark.suites import SUITES
from bimodal.policies import load_policy
from bimodal.tasks import load_task

DUMBBELL = "PandaLiftDumbbell-v1"

SEEDS = range(7000, 7006)


@pytest.fixture(scope="module")
def measured():
    return try_grace(load_task(DUMBBELL), SEEDS)


def test_two_blocks_of_the_mean_plan_of_a_dumbbell_are_harmless_and_three_are_fatal(measured):
    assert measured.success == (1, 1, 1, 0, 0, 0) and measured.grace == 2


@pytest.mark.parametrize(
    ("name", "value", "bound", "passed"),
    [(DUMBBELL, "2", "", None), ("PandaLiftDumbbell-v2", "0", "<= 1", True)],
)
def test_the_certificate_tells_the_grace_and_asks_it_of_a_next_version(name, value, bound, passed):
    (check,) = grace_checks(load_task(name), SEEDS)
    assert (check.gate, check.name, check.value, check.bound, check.passed) == (
        2,
        "grace",
        value,
        bound,
        passed,
    )


def test_a_next_version_with_more_grace_is_not_certified(monkeypatch):
    task = load_task(DUMBBELL)
    monkeypatch.setattr(type(task), "supersedes", "PandaLiftDumbbell-v0")
    (check,) = grace_checks(task, SEEDS)
    assert check.passed is False


def test_without_the_mean_plan_it_is_the_expert_and_with_all_of_it_the_mean():
    task = load_task(DUMBBELL)
    for late, other in ((0, load_policy("expert", task)), (99, Blend(task, [0.5, 0.5]))):
        assert (
            run_trial(task, LateExpert(task, late), SEEDS).acted.tolist()
            == run_trial(task, other, SEEDS).acted.tolist()
        )
    assert set(run_trial(task, LateExpert(task, 1), SEEDS).mode) == {0, 1}


@pytest.mark.parametrize(
    ("success", "grace"), [((1, 1, 0.98, 0.97, 1), 2), ((0.5, 1), -1), ((1, 1, 1), 2), ((1, 0), 0)]
)
def test_grace_ends_before_the_first_number_of_blocks_that_is_not_made_good(success, grace):
    assert GraceResult(DUMBBELL, "f" * 64, success).grace == grace


def test_what_is_known_is_not_measured_again_and_the_page_shows_it(tmp_path, monkeypatch, measured):
    monkeypatch.setattr("bimodal.benchmark.certificate.grace.try_grace", lambda task: measured)
    first = measure_grace([DUMBBELL], workers=0, folder=tmp_path)
    monkeypatch.setattr("bimodal.benchmark.certificate.grace.try_grace", None)
    assert measure_grace([DUMBBELL], workers=0, folder=tmp_path) == first == [measured]
    assert f"| {DUMBBELL} | 100 | 100 | 100 | 0 | 0 | 0 | 2 |" in grace_page(first)


def test_a_next_version_and_a_task_of_hard_have_a_grace_of_one_block_at_most():
    page = (Path(__file__).parents[2] / "docs" / "grace.md").read_text()
    known = {row[0]: int(row[-1]) for row in table_rows(page[page.index("| task") : page.index("\n\nRead")])}
    late = {name for name in known if load_task(name).supersedes}
    asked = late | {*SUITES["hard"].tasks}
    assert late and {name: known.get(name) for name in asked if known.get(name) not in (0, 1)} == {}


def test_two_studies_at_once_are_refused(bimodal):
    code, _, err = bimodal("certify", DUMBBELL, "--grace", "--variants")
    assert code == 2 and "name one of them" in err[0]
