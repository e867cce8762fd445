"""Studies of controls and limits: what is changed, kept and shown; and certificates on disk."""

import json
import pickle
from io import StringIO

import numpy as np
import pytest
from bimodal.benchmark.certificate import causal_controls as validity
from bimodal.benchmark.certificate import store as certificates
from bimodal.benchmark.certificate.causal_controls import (
    CONTROLS,
    FORM,
    FORM_TASK,
    LIMITS,
    ControlResult,
    changed,
    measure_controls,
)
from bimodal.benchmark.certificate.certificate import Certificate, Check
from bimodal.benchmark.certificate.physics_gates import average_checks
from bimodal.benchmark.report.pages.validity_page import control_rows, validity_page, validity_tables
from bimodal.envs.random_streams import stream
from bimodal.tasks import load_task
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.demonstrations.regimes import REGIMES, UNPAIRED, schedule
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from rich.console import Console

POST = "PandaPickAroundPost-v1"


# ------------------------------------------------------------------------------------- side by side


def test_a_task_travels_by_id_and_an_impostor_does_not():
    task = load_task(FORM_TASK)
    assert pickle.loads(pickle.dumps(task)) is task
    with pytest.raises(TypeError, match="another task"):
        pickle.dumps(type("Impostor", (LiftDumbbell,), {})())


# --------------------------------------------------------------------------------------- what is changed


def test_controls_show_every_regime_and_change_nothing_else():
    for method in ("mse", "flow"):
        mine = [setting for setting in CONTROLS if setting.method == method]
        assert [setting.regime for setting in mine] == list(REGIMES)
        assert len({setting._replace(condition="", regime="") for setting in mine}) == 1


def test_every_limit_changes_one_thing_or_how_often_another_recipe_looks_again():
    base = LIMITS[0]
    changes = []
    for setting in LIMITS[1:]:
        differing = {name for name in setting._fields if getattr(setting, name) != getattr(base, name)}
        changes.append(differing - {"condition"})
    assert [one for one in changes if len(one) > 1] == [{"recipe", "n_action_steps"}] * 2
    assert set().union(*changes) >= {"regime", "ensembled", "change", "forgiving", "episodes", "steps"}


def test_a_limit_is_the_policy_that_its_column_says(monkeypatch):
    """By its class and the actions that it executes."""
    made = []

    def tried(task, policy, seeds, forgiving=False):
        made.append((type(policy).__name__, policy.needs().n_action_steps))
        return type("Result", (), {"rate": 0.5, "minority": lambda self, k: 0.25})()

    limits = {setting.condition: setting for setting in LIMITS}
    monkeypatch.setattr(validity, "run_trial", tried)
    short = validity.PLAIN_L1._replace(steps=2)
    for name in ("ensembled", "plain L1, executes 4"):
        recipe = limits[name].recipe and short
        found = validity.try_controls(FORM_TASK, [limits[name]._replace(steps=2, episodes=4, recipe=recipe)])
        assert [one.condition for one in found] == [name]
    assert made == [("TemporalEnsemble", 1), ("Regression", 4)]
    assert (short.error, short.averaged) == ("absolute", False)


def test_unpaired_demonstrations_show_every_scene_once_and_every_mode_equally_often():
    for name, k in ((FORM_TASK, 2), ("PandaLiftTrefoil-v1", 3)):
        seeds, modes = schedule(load_task(name), UNPAIRED, 30, 0)
        assert len(set(seeds.tolist())) == 30 and np.bincount(modes).tolist() == [30 // k] * k
        runs = np.diff(modes) != 0
        assert 0 < runs.sum() < len(runs), "in an order that is drawn"


def test_the_form_study_covers_branch_times_and_noises():
    assert {setting.noise for setting in FORM} == {0.0, 0.001, 0.002, 0.005}
    assert {setting.change for setting in FORM} == {"", "early"}


def test_the_early_form_parts_at_the_first_step_and_is_still_bimodal():
    task = changed(load_task(FORM_TASK), "early")
    demos = collect(task, episodes=8, process_noise=0.0)
    assert demos.success.all()
    first, second = demos.actions[0, 0], demos.actions[1, 0]
    assert demos.seeds[0] == demos.seeds[1] and np.abs(first - second)[1] > 0.01
    assert all(row.passed for row in average_checks(task, range(500_000, 500_004)) if row.name == "average")


def test_the_wide_start_is_wide():
    task = changed(load_task(POST), "wide")
    starts = [task.start(stream("start", task.id, seed)) for seed in range(200)]
    aside = [
        -np.sin(s.frame[2]) * (s.tcp[0, 0] - s.frame[0]) + np.cos(s.frame[2]) * (s.tcp[0, 1] - s.frame[1])
        for s in starts
    ]
    assert 0.018 < np.abs(aside).max() <= 0.02
    assert fingerprint(task) != fingerprint(load_task(POST))
    assert changed(load_task(POST), "") is load_task(POST)


# ----------------------------------------------------------------------------------------- what is kept


@pytest.fixture
def taught(monkeypatch):
    """Make teaching quick: success is the number of letters of the condition, in percent."""
    lessons = []

    def try_controls(name, settings):
        lessons.append((name, len(settings)))
        return [ControlResult(*setting[:3], len(setting.condition) / 100, 0.5) for setting in settings]

    monkeypatch.setattr(validity, "try_controls", try_controls)
    return lessons


def test_a_study_is_measured_once_and_goes_on_where_it_was_killed(taught, tmp_path):
    tasks = [load_task(FORM_TASK), load_task(POST)]
    found = measure_controls(tasks, limits=False, folder=tmp_path)
    assert [len(one.results) for one in found] == [len(CONTROLS) + len(FORM), len(CONTROLS)]
    taught.clear()
    file = tmp_path / f"{POST}.json"
    kept = json.loads(file.read_text())
    kept["values"] = dict([*kept["values"].items()][:4])
    file.write_text(json.dumps(kept))
    again = measure_controls(tasks, limits=False, folder=tmp_path)
    assert again == found and {name for name, _ in taught} == {POST}
    assert sum(n for _, n in taught) == len(CONTROLS) - 4


def test_results_of_an_older_form_are_measured_again(taught, tmp_path):
    measure_controls([load_task(POST)], limits=False, folder=tmp_path)
    file = tmp_path / f"{POST}.json"
    file.write_text(file.read_text().replace(fingerprint(load_task(POST)), "0" * 64))
    taught.clear()
    measure_controls([load_task(POST)], limits=False, folder=tmp_path)
    assert sum(n for _, n in taught) == len(CONTROLS)


def test_tables_and_page_show_what_was_measured(taught, tmp_path):
    found = measure_controls([load_task(FORM_TASK), load_task(POST)], folder=tmp_path)
    assert control_rows(found, "mse")[1] == (POST, "3", "3", "4", "4", "4", "-1")
    page = validity_page(found)
    assert f"{POST} `{fingerprint(load_task(POST))[:16]}`" in page
    assert "| early, 1 mm | 11 | 11 |" in page
    text = StringIO()
    for table in validity_tables(found):
        Console(width=170, file=text).print(table)
    assert "executes 4" in text.getvalue() and "uni - bi50" in text.getvalue()
    only = measure_controls([load_task(POST)], controls=False, folder=tmp_path / "other")
    assert [table.title for table in validity_tables(only)] == ["regression: success [%] when it may escape"]


# ---------------------------------------------------------------------------------- certificates on disk


def certificate(task, **changes):
    check = Check(1, "left", "successes", "3/3", ">= 98 %", True)
    values = {
        "task": task.id,
        "quick": False,
        "checks": (check,),
        "fingerprint": fingerprint(task),
        "versions": certificates.versions(),
        "machine": {"cpu": "abacus"},
        "seconds": 1.0,
    }
    return Certificate(**(values | changes))


def test_a_certificate_is_kept_and_found_again(tmp_path):
    task = load_task(POST)
    assert certificates.load_certificate(task, tmp_path) is None
    certificates.save_certificate(certificate(task), tmp_path)
    assert certificates.load_certificate(task, tmp_path) == certificate(task)
    assert certificates.load_certificates([load_task(FORM_TASK), task], tmp_path) == [certificate(task)]


@pytest.mark.parametrize("stale", [{"fingerprint": "0" * 64}, {"versions": {"mujoco": "3"}}, {"quick": True}])
def test_a_certificate_of_something_else_does_not_count(tmp_path, stale):
    task = load_task(POST)
    certificates.save_certificate(certificate(task, **stale), tmp_path)
    assert certificates.load_certificate(task, tmp_path) is None
    (tmp_path / f"{task.id}.json").write_text("{")
    assert certificates.load_certificate(task, tmp_path) is None
