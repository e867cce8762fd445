"""Known faults: what each breaks, how the page counts what the diagnosis said, and the page of the docs.

`python -m bimodal.benchmark.report.pages.diagnosis_page docs/diagnosis.md` renews that page and its figures.
"""

from pathlib import Path

import pytest
from bimodal.benchmark.diagnosis.interfaces import REPAIRS, RESTORED, disturbed
from bimodal.benchmark.diagnosis.validation.known_faults import SINGLE, TASKS, WEAK, WEAK_TASKS
from bimodal.benchmark.diagnosis.validation.study import Diagnosed, diagnosed, load_validation
from bimodal.benchmark.report.pages.diagnosis_page import diagnosis_page
from bimodal.envs.perturbations.core.variant import Variant
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
        f"timing on {TASKS[0]}": Diagnosed("timing", 12, 12, 12, {"timing": 4, "chance": 1}, 9.0),
        f"timing on {TASKS[1]}": Diagnosed("timing", 12, 9, 5, {"timing": 4, "control": 1}, 9.0),
    }
    lines = diagnosis_page(cells).splitlines()
    (head,) = [line for line in lines if line.startswith("| broken | perc")]
    (row,) = [line for line in lines if line.startswith("| timing | ") and "**" in line]
    said = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert (said["timing"], said["control"], said["chance"]) == ("**8**", "1", "1")
    assert "80 % [44,98], 8 of 10" in row
    assert "| timing | 4 of 5 (1 chance) | 4 of 5 (1 control) | - | 80 % [44,98], 8 of 10 |" in lines


@pytest.mark.slow
def test_a_policy_that_goes_beside_its_plan_fails_of_planning():
    cell = diagnosed(SINGLE["planning"], TASKS[0], 4)
    assert cell.failed >= 1 and cell.found == {"planning": cell.n}


def test_the_page_of_the_docs_has_the_measured_figures():
    assert PAGE.read_text() == diagnosis_page(load_validation())
