"""Gates 5 to 7 of a certificate, on results that are made up."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.learning_checks import learning_checks
from bimodal.benchmark.certificate.learning_gates import (
    TRIALS,
    TaskTraining,
    TrialSetting,
    trained_for,
    trials_of,
)
from bimodal.benchmark.certificate.trials import TrialResult
from bimodal.envs.errors import BimodalError
from bimodal.tasks import load_task


def failed(rows):
    return [row.name for row in rows if row.passed is False]


def outcome(first, second, n=100):
    """n episodes with so many successes in the first and in the second mode."""
    success = np.arange(n) < first + second
    mode = np.where(np.arange(n) < first, 0, np.where(success, 1, -1))
    still = np.zeros(n)
    return TrialResult(success, mode, success, still, still, np.full(n, 21), still, still, still)


def learned(changes=None):
    good = {
        "mse": (5, 5),
        "mse_labelled": (49, 50),
        "mip": (0, 40),
        "nearest": (30, 30),
        "flow": (45, 50),
        "mean": (0, 0),
    }
    return {cell: outcome(*good[cell.method]) for cell in TRIALS} | (changes or {})


def test_good_learners_pass_gates_5_to_7():
    rows = learning_checks(load_task("PandaLiftDumbbell-v1"), learned())
    assert not failed(rows)
    values = {row.name: row.value for row in rows}
    assert values["mip, 8 of 16"] == "40 %; 0 %"
    assert values["nearest, 8 of 16"] == "60 %; 60 %"
    assert values["flow, 8 of 16"] == "95 %; 47 %"


@pytest.mark.parametrize(
    ("cell", "wins", "rows"),
    [
        (TrialSetting("mse", 2, 8), (20, 20), ["mse, 8 of 16"]),
        (TrialSetting("mse", 1, 16), (40, 0), ["mse, 16 of 16"]),
        (TrialSetting("mse_labelled", 0, 8), (44, 45), ["labelled mse, 8 of 16"]),
        (TrialSetting("flow", 0, 8), (44, 45), ["flow, 8 of 16"]),
        (TrialSetting("flow", 0, 8), (23, 77), ["flow, 8 of 16"]),
        (TrialSetting("flow", 0, 16), (10, 10), []),
    ],
)
def test_the_worst_training_seed_decides(cell, wins, rows):
    assert failed(learning_checks(load_task("PandaLiftDumbbell-v1"), learned({cell: outcome(*wins)}))) == rows


def test_the_oracle_must_lead_by_fifty_points():
    changes = {TrialSetting("mse", 0, 8): outcome(39, 0), TrialSetting("mse_labelled", 0, 8): outcome(44, 46)}
    task = load_task("PandaLiftDumbbell-v1")
    assert not failed(learning_checks(task, learned(changes)))
    changes[TrialSetting("mse", 0, 8)] = outcome(39, 0, n=97)
    assert failed(learning_checks(task, learned(changes))) == ["mse, 8 of 16", "labelled mse, 8 of 16"]


@pytest.mark.parametrize(
    ("method", "wins", "rows"),
    [
        ("flow", 70, []),
        ("flow", 71, ["flow, 8 of 16"]),
        ("diffusion", 71, ["diffusion, 8 of 16"]),
        ("mse_labelled", 89, ["labelled mse, 8 of 16"]),
    ],
)
def test_a_task_with_headroom_asks_that_the_best_fall_short_of_its_informed_control(method, wins, rows):
    task = load_task("PandaLiftRing-v1")
    usual = {"mse": 10, "mse_labelled": 95, "flow": 40, "diffusion": 30}
    found = {one: outcome(usual.get(one.method, 0), 0) for one in trials_of(task)}
    changes = {TrialSetting(method, 0, 8): outcome(wins, 0)}
    assert failed(learning_checks(task, found | changes)) == rows


@pytest.mark.parametrize(
    ("method", "n", "wins", "rows"),
    [
        ("mse_labelled", 8, 30, []),
        ("mse_labelled", 4, 89, ["labelled mse, 4 of 16"]),
        ("mse", 16, 40, ["mse, 16 of 16"]),
    ],
)
def test_a_control_is_asked_in_the_blocks_that_its_task_states(method, n, wins, rows):
    task = load_task("PandaLiftMovingDumbbell-v1")
    usual = {"mse": 10, "mse_labelled": 95, "flow": 40, "diffusion": 30}
    found = {one: outcome(usual.get(one.method, 0), 0) for one in trials_of(task)}
    assert TrialSetting("mse_labelled", 0, 4) in found and TrialSetting("mse", 0, 4) not in found
    changes = {one: outcome(wins, 0) for one in found if one[0] == method and one[2] == n}
    checks = learning_checks(task, found | changes)
    assert failed(checks) == rows
    asked = {check.name for check in checks if check.name.startswith("labelled") and check.bound}
    assert asked == {"labelled mse, 4 of 16"}


def test_every_trial_of_a_task_has_a_training():
    for name in (
        "PandaLiftDumbbell-v1",
        "PandaLiftRing-v1",
        "PandaLiftMovingDumbbell-v1",
        "PandaPressBothButtons-v1",
    ):
        task = load_task(name)
        assert {(one.method, one.seed) for one in trials_of(task)} == set(trained_for(task))


def test_a_method_with_a_past_is_trained_with_it_beside_the_one_without(tmp_path, monkeypatch):
    asked = []

    def train(method, file, folder, options):
        asked.append((method, options.n_obs_steps, folder))
        raise BimodalError("enough")

    monkeypatch.setattr("bimodal.policies.training.train.train", train)
    (tmp_path / "demonstrations.npz").touch()
    training = TaskTraining(load_task("PandaLiftDumbbell-v1"), tmp_path)
    for method in ("mse:3", "mse"):
        with pytest.raises(BimodalError, match="enough"):
            training.policy(TrialSetting(method, 0, 8))
    assert [one[:2] for one in asked] == [("mse", 3), ("mse", 1)]
    assert asked[0][2] != asked[1][2]
