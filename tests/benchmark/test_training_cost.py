"""The table of what training costs: every method on one task, and all of them on the suite."""

import pytest
from bimodal.benchmark.speed import training_cost as costs
from bimodal.benchmark.speed.training_cost import TrainingCost, measured_methods
from bimodal.benchmark.suites import SUITES
from bimodal.cli.training_cost import MARK, write_training_cost
from bimodal.envs.errors import WrongUse
from bimodal.policies.training.train import METHODS

PRETENDED = [TrainingCost("mse", 1000, 1.0, 0.005), TrainingCost("flow", 2500, 2.0, 0.01)]


def test_a_line_through_two_small_trainings_is_the_cost_of_a_whole_one(monkeypatch, tmp_path):
    """A training that takes 3 s and 0.01 s a step, of all stages."""
    now = [0.0]
    monkeypatch.setattr(costs.time, "process_time", lambda: now[0])

    def train(method, demonstrations, folder, options):
        now[0] += 3 + 0.01 * sum(METHODS[method].stage_steps(options.steps))

    monkeypatch.setattr("bimodal.policies.training.train.train", train)
    for method in ("mse", "reflow"):
        one = costs.training_cost(method, tmp_path)
        assert one.steps == sum(METHODS[method].stage_steps(METHODS[method].training_steps))
        assert (one.start_s, one.step_s) == pytest.approx((3, 0.01))
        assert one.task_s == pytest.approx(3 + 0.01 * one.steps)
    assert costs.training_cost("nearest", tmp_path).task_s == pytest.approx(3.01), "a single step"


def test_what_every_task_can_teach_is_measured():
    named = measured_methods()
    assert {"mse", "flow", "bet", "flow_history", "shortcut", "mars"} <= set(named)
    assert not {"critic", "diffuser", "vision_flow"} & set(named)


def test_the_page_sums_over_methods_and_tasks_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- {MARK} -->\nold\n<!-- /{MARK} -->\nafter\n")
    asked = []
    write_training_cost(page, print, lambda task, tell: (asked.append(task) or 4.0, PRETENDED))
    text = page.read_text()
    assert asked == [SUITES["hard"].tasks[0]]
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| `flow` | 2,500 | 27 s |" in text and "| **all** | 3,500 | **37 s** |" in text
    hours = len(SUITES["hard"].tasks) * 37 / 3600
    assert f"take {hours:.1f} core-hours, about {hours / 2:.1f} hours on 2 cores" in text


def test_a_page_without_the_place_is_refused_before_anything_is_measured(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no marks")
    with pytest.raises(WrongUse, match="has no part between"):
        write_training_cost(page, print, lambda task, tell: pytest.fail("measured"))
