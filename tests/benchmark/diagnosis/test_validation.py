"""Known faults: what each breaks, how the page counts what the diagnosis said, and the page of the docs.

`python -m bimodal.benchmark.report.pages.diagnosis_page docs/diagnosis.md` renews that page and its figures.
"""

from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.diagnosis.find_causes import Found
from bimodal.benchmark.diagnosis.interfaces import REPAIRS, RESTORED, disturbed
from bimodal.benchmark.diagnosis.rerun import Reruns
from bimodal.benchmark.diagnosis.validation import study
from bimodal.benchmark.diagnosis.validation.known_faults import SINGLE, TASKS, WEAK, WEAK_TASKS, KnownFault
from bimodal.benchmark.diagnosis.validation.study import Diagnosed, diagnosed, load_validation
from bimodal.benchmark.report.pages.diagnosis_page import diagnosis_page
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.seed_ranges import VALIDATION
from bimodal.tasks import load_task

PAGE = Path(__file__).parents[3] / "docs" / "diagnosis.md"


def test_there_is_one_fault_of_every_interface_among_all_suspects():
    assert set(SINGLE) == set(REPAIRS)
    for cause, fault in SINGLE.items():
        assert {*disturbed(fault.variant), cause} == {*RESTORED, cause}
        assert set(Variant(fault.without).name.split("+")) <= set(fault.variant.split("+"))
        assert disturbed(fault.without) == {*RESTORED} - ({cause} if fault.policy == fault.good else set())


@pytest.mark.parametrize(("faults", "tasks"), [(SINGLE, TASKS), (WEAK, WEAK_TASKS)])
def test_every_fault_is_possible_on_its_tasks(faults, tasks):
    for fault in faults.values():
        assert {Variant(fault.variant).impossible(load_task(task)) for task in tasks} == {""}


def test_the_page_counts_what_was_said_by_what_was_broken():
    cells = {
        f"timing on {TASKS[0]}": Diagnosed(
            "timing", 12, 12, 12, 12, 9, {"timing": 4, "chance": 1}, {"chance": 3}, 9.0
        ),
        f"timing on {TASKS[1]}": Diagnosed("timing", 12, 9, 5, 5, 5, {"timing": 4, "control": 1}, {}, 9.0),
    }
    lines = diagnosis_page(cells).splitlines()
    (head,) = [line for line in lines if line.startswith("| broken | perc")]
    (row,) = [line for line in lines if line.startswith("| timing | ") and "**" in line]
    said = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert (said["timing"], said["control"], said["chance"]) == ("**8**", "1", "1")
    assert "80 % [44,98], 8 of 10" in row
    assert "| timing | 4 of 5 (1 chance) | 4 of 5 (1 control) | - | 80 % [44,98], 8 of 10 |" in lines
    assert "otherwise: 3 of 17. Of 3 of them it said: chance 3; 0 name what was broken." in " ".join(lines)


@pytest.mark.slow
def test_a_policy_that_goes_beside_its_plan_fails_of_planning():
    cell = diagnosed(SINGLE["planning"], TASKS[0], 4)
    assert cell.decided >= 1 and cell.found == {"planning": cell.n}


def test_failures_that_other_noise_ends_otherwise_are_not_counted_as_known(monkeypatch):
    """A fault that loses every episode of seed 0, and half of the draws of seed 1."""

    def played(subject, seeds, numbers):
        rows = np.repeat(np.asarray(seeds)[:, None], len(numbers), axis=1)
        lost = (rows == VALIDATION[0]) | ((rows == VALIDATION[1]) & (np.arange(len(numbers)) % 2 == 0))
        won = ~lost if subject.variant == fault.variant else np.ones_like(lost)
        ends = np.where(won, "SUCCESS", "MISS")
        return Reruns(ends, won, won, ends)

    def said(subject, seeds, labels, reruns):
        return [Found("cause" if seed == VALIDATION[0] else "chance", ("timing",), ()) for seed in seeds]

    fault = KnownFault("timing", "sensing.latency:3", "clean")
    monkeypatch.setattr(study, "_played", played)
    monkeypatch.setattr(study, "find_causes", said)
    cell = diagnosed(fault, TASKS[0], 4)
    assert (cell.good, cell.failed, cell.drawn, cell.decided) == (4, 2, 2, 1)
    assert cell.found == {"timing": 1} and cell.otherwise == {"chance": 1}


def test_the_draws_that_decide_are_none_of_the_diagnosis():
    assert study.DRAWS.start > 2 * study.RERUNS and len(study.DRAWS) / 2 < study.DECIDES


def test_the_page_of_the_docs_has_the_measured_figures():
    assert PAGE.read_text() == diagnosis_page(load_validation())
