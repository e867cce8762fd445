"""The study of samplers that re-plan: its cells name real policies, and the page shows what was measured."""

import pytest
from bimodal.benchmark.studies import replanning
from bimodal.benchmark.studies.replanning import PLAN, SETTINGS, Cell, Replanned, ReplanningStudy
from bimodal.cli.replanning import replanning_page, replanning_rows
from bimodal.policies import load_policy
from bimodal.tasks import load_task

DUMBBELL, CUBE = replanning.TASKS


@pytest.mark.parametrize("cell", [cell for cell in PLAN if cell.n_action_steps == 8], ids=lambda one: one.uri)
def test_a_cell_is_a_policy_that_is_told_its_length_and_delay(cell):
    policy = load_policy(cell.uri, load_task(DUMBBELL))
    assert policy.needs().n_action_steps == 8 and policy.delay == cell.setting.delay


def test_one_candidate_is_the_plain_policy_on_whole_episodes():
    cell = Cell("regression", SETTINGS[0], 8)
    mine, plain = (
        replanning.try_cell(DUMBBELL, uri, "clean", range(7000, 7004)) for uri in (cell.uri, "mse")
    )
    assert mine == plain


def test_what_is_known_is_not_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(replanning, "_measured_on", lambda task: {"task": task})
    plan = [Cell("flow", SETTINGS[1], 1), Cell("bid(flow)", SETTINGS[1], 1)]
    monkeypatch.setattr(replanning, "PLAN", plan)
    asked = []

    def measured(task, uri, variant, seeds):
        asked.append((task, variant, len(seeds)))
        return Replanned(len(seeds), 0.5, 0.25, 0.0)

    monkeypatch.setattr(replanning, "try_cell", measured)
    found = replanning.measure_replanning((DUMBBELL, CUBE), workers=0, folder=tmp_path)
    assert asked == [(t, "sensing.latency:2", n) for n in (50, 25) for t in (DUMBBELL, CUBE)]
    assert replanning.measure_replanning((DUMBBELL, CUBE), workers=0, folder=tmp_path) == found
    assert len(asked) == 4 and list(found[0].cells) == plan


def test_the_page_shows_success_with_its_interval_and_a_dash_for_the_rest():
    study = ReplanningStudy(DUMBBELL, {Cell("bid(flow)", SETTINGS[1], 4): Replanned(50, 0.5, 0.2, 0.0)})
    rows = {row[0]: row[1:] for row in replanning_rows([study], SETTINGS[1])}
    assert rows["bid(flow)"] == ("–", "–", "50 [35,65], 20", "–")
    assert rows["flow"] == ("–",) * 4
    assert "| bid(flow) | – | – | 50 [35,65], 20 | – |" in replanning_page([study])


def test_two_studies_at_once_are_refused(bimodal):
    code, _, err = bimodal("results", "--replanning", "--sampling")
    assert code == 2 and "a study of its own" in err[0]
