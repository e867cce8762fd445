"""The results of all methods side by side: known runs in, known figures out."""

import json

import pytest
from bimodal.benchmark.certificate.causal_controls import ControlResult, TaskControls
from bimodal.benchmark.report.pages.results_page import (
    choice_rows,
    overview_rows,
    results_page,
    sampling_rows,
    seed_rows,
    task_rows,
)
from bimodal.benchmark.rollout import latency
from bimodal.benchmark.scoring.perturbation_effects import mean_effects, measure_effect
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.studies import samplers as sampling
from bimodal.benchmark.studies.method_results import (
    decision_ms,
    method_result,
    most_frequent_failure,
    runs_of,
    seed_runs,
)
from bimodal.benchmark.studies.mode_choice import PANEL, ModeChoices, load_choices, measure_choices
from bimodal.benchmark.studies.samplers import LENGTHS, SAMPLERS, SamplerCell, SamplerStudy
from bimodal.benchmark.suites import find_suite
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.tasks import load_task
from episode_columns import columns
from fabricated import run_folder

DUMBBELL, POST = "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"
WON, OTHER, MID, AIR = ("SUCCESS", 0, 0.0, 60), ("SUCCESS", 1, 1.0, 60), ("COLLISION_MID", -1, 0.5, 20), (
    "AIR_GRASP", -1, 0.1, 90)  # fmt: skip
OUTCOMES = {
    DUMBBELL: [WON] * 6 + [OTHER] * 2 + [MID] * 4 + [AIR] * 4,
    POST: [WON] * 16,
}
"""Sixteen seeds of each task of the suite `smoke`."""


@pytest.fixture
def run(tmp_path):
    return read_run(run_folder(tmp_path / "smoke-flow", OUTCOMES))


def test_a_method_is_counted_task_by_task_and_on_average(run):
    found = method_result(run)
    assert found.success.estimate == (0.5 + 1.0) / 2
    assert found.averaging.estimate == (0.25 + 0.0) / 2
    assert found.commitment == (0.5 + 1.0) / 2
    assert found.coverage == (1.0 + 0.5) / 2  # both modes of the dumbbell, one way around the post
    assert found.rarest == 0.0
    assert found.switches == 0.5
    assert [cell.successes for cell in found.cells] == [8, 16]


def test_the_most_frequent_failure_names_a_seed_at_which_to_see_it(run):
    clean = {task: rows for (task, variant), rows in run.cells.items() if variant == "clean"}
    label, share, task, seed = most_frequent_failure(clean)
    assert (label, share, task) == ("COLLISION_MID", 0.5, DUMBBELL)
    assert OUTCOMES[DUMBBELL][seed] == MID
    assert most_frequent_failure({POST: clean[POST]}).label == ""


def test_only_finished_runs_of_the_present_suite_count(tmp_path):
    run_folder(tmp_path / "smoke-flow", OUTCOMES)
    old = json.loads((run_folder(tmp_path / "smoke-mse", OUTCOMES, "mse") / "run.json").read_text())
    old["suite"]["hash"] = "0" * 16
    (tmp_path / "smoke-mse" / "run.json").write_text(json.dumps(old))
    assert [found.record.policy.name for found in runs_of("smoke", tmp_path)] == ["flow"]


def test_a_run_of_the_clean_episodes_counts_where_there_is_no_whole_one(tmp_path):
    run_folder(tmp_path / "smoke-part-mse", OUTCOMES, "mse", suite=find_suite("smoke", variants=()))
    run_folder(tmp_path / "smoke-flow", OUTCOMES)
    run_folder(tmp_path / "smoke-part-flow", OUTCOMES, suite=find_suite("smoke", variants=()))
    assert [found.folder.name for found in runs_of("smoke", tmp_path)] == ["smoke-part-mse", "smoke-flow"]


def test_other_training_seeds_count_on_the_clean_suite_alone(tmp_path):
    run_folder(tmp_path / "smoke-flow-seed-1", OUTCOMES)  # with variants: not what is asked for
    assert seed_runs("flow", "smoke", tmp_path) == []
    run_folder(tmp_path / "smoke-flow-seed-2", OUTCOMES, suite=find_suite("smoke", variants=()))
    found = [method_result(run) for run in seed_runs("flow", "smoke", tmp_path)]
    assert [one.success.estimate for one in found] == [0.75]


def test_decisions_are_timed_once_for_the_same_weights(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(latency, "measure", lambda task, policy, guard: asked.append(1) or [3.0, 1.0, 2.0])
    for _ in range(2):
        assert decision_ms(["zero"], folder=tmp_path) == {"zero": 2.0}
    assert len(asked) == 1


def test_rows_show_rates_their_intervals_and_the_rate_that_is_needed(run):
    row = overview_rows([method_result(run)], {"flow": 4.0})[0]
    assert row[0] == "flow"
    assert row[1].startswith("75.0 [")
    assert row[-3:] == ("4", "250", "2.5")  # 8 actions a decision at 20 Hz
    assert overview_rows([method_result(run)], {})[0][-3:] == ("–", "–", "2.5")
    assert task_rows([method_result(run)])[0][1].startswith("50.0 [")


def test_training_seeds_are_shown_where_there_are_several(run):
    found = method_result(run)
    assert seed_rows({"flow": [found, found], "mse": [found]}) == [("flow", "75, 75", "0, 0")]


def test_samplings_show_what_was_measured_and_a_dash_for_the_rest():
    name = SAMPLERS[0].name
    rows = sampling_rows(SamplerStudy(DUMBBELL, (SamplerCell(name, 8, 0.05, 0.2, 0.0),), {name: 0.4}))
    assert rows[0] == (name, "0.4", *("5, 20, 0.00" if length == 8 else "–" for length in LENGTHS))
    assert len(rows) == len(SAMPLERS)


def test_choices_show_who_takes_the_mode_or_changes_it():
    task = load_task(DUMBBELL)
    aims = [Variant("start.bias:1").targeted_mode(task, seed) for seed in range(4)]
    clean = columns(["SUCCESS"] * 4, [0] * 4)
    aimed = columns(["SUCCESS"] * 4, aims)
    names = [f"{axis}:{level}" for axis in ("start.bias", "contact.knock_after") for level in (1, 2, 3)]
    shifts = [measure_effect(DUMBBELL, name, clean, aimed) for name in names]
    asked = [ModeChoices("flow", {one.variant: one for one in mean_effects(shifts)})]
    changed = f"{100 * aims.count(1) / 4:.0f} (100)"
    assert choice_rows(asked, "start.bias")[0][1] == f"{100 * aims.count(0) / 4:.0f} → 100 (100)"
    assert choice_rows(asked, "contact.knock_after") == [("flow", changed, changed, changed)]


def test_choices_count_only_for_the_present_panel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel = PANEL._replace(tasks=(DUMBBELL,), seeds=range(2), variants=("clean", "start.bias:3"))
    (found,) = measure_choices(("expert",), workers=0, panel=panel)
    assert found.answers["start.bias:3"].success == 1.0
    assert load_choices(("expert", "mse"), panel) == [found]
    assert load_choices(("expert",), panel._replace(seeds=range(3))) == []


def test_a_kept_cell_counts_only_for_the_weights_it_was_measured_with(tmp_path, monkeypatch):
    on = {"fingerprint": "f", "versions": {}, "weights": {"mse": "a"}}
    monkeypatch.setattr(sampling, "_measured_on", lambda task: on)
    cell = SamplerCell(SAMPLERS[0].name, 8, 0.5, 0.5, 0.0)
    cells, times = sampling._stores(DUMBBELL, tmp_path)
    cells.put(f"{cell.name}, executing 8", cell)
    times.put(cell.name, 1.0)
    assert sampling.load_sampler_studies((DUMBBELL,), tmp_path) == [
        SamplerStudy(DUMBBELL, (cell,), {cell.name: 1.0})
    ]
    on["weights"] = {"mse": "b"}
    assert sampling.load_sampler_studies((DUMBBELL,), tmp_path) == []


def test_the_page_holds_every_table(run):
    found = method_result(run)
    shares = {"uni": 1.0, "bi50": 0.1}
    taught = [
        ControlResult("controls", r, method, shares[r], 0.5) for r in shares for method in ("mse", "flow")
    ]
    page = results_page(
        [found],
        {"flow": 4.0},
        {"flow": [found, found]},
        [],
        [TaskControls(DUMBBELL, "f", tuple(taught))],
        [],
        "A processor",
    )
    assert "| Lift Dumbbell | 100 | 10 | +90 | 100 | 10 | +90 |" in page
    assert "| flow | 75, 75 | 0, 0 |" in page
    assert "`COLLISION_MID`" in page
    assert "None" not in page
