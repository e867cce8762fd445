"""`bimodal diagnose`: a run's failures in, a table and causes.json out; wrong use in one line."""

import json
import shutil

import pytest
from bimodal.benchmark.diagnosis.causes import Causes, read_causes
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.checksums import changed_files
from bimodal.envs.errors import BimodalError
from scoring import DUMBBELL, bimodal, panel


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("failed") / "run"
    evaluate("mse", panel(4, (DUMBBELL,)), EvalOptions(out=run, workers=0))
    return run


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def diagnose(*words, capsys):
    return bimodal("diagnose", *words, "--reruns", 5, "--workers", 0, capsys=capsys)


def test_regression_fails_for_want_of_a_choice(run, capsys):
    code, out, _ = diagnose(run, "--failures", 2, "--episodes", capsys=capsys)
    causes = read_causes(run)
    assert code == 0
    assert "representation" in out and "Lift Dumbbell" in out
    assert [one.causes for one in causes.episodes] == [("representation",)] * 2
    assert all(one.label.endswith("_MID") and one.alpha is not None for one in causes.episodes)
    assert changed_files(run, ("causes.json", "run.json")) == []


def test_json_is_the_file(run, capsys):
    _, out, _ = diagnose(run, "--failures", 1, "--json", capsys=capsys)
    assert Causes.model_validate_json(out) == read_causes(run)
    assert len(json.loads(out)["episodes"]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--failures", 0), "--failures is at least 1"),
        (("--reruns", 4), "--reruns 5 to 1000"),
        (("--task", "PandaLiftPot-v1"), "unknown task of the run"),
    ],
)
def test_wrong_use_is_refused_in_one_line(run, words, told, capsys):
    code, _, err = bimodal("diagnose", run, *words, "--workers", 0, capsys=capsys)
    assert code == 2 and len(err) == 1 and told in err[0]
    assert not (run / "causes.json").exists()


def test_what_is_no_run_is_refused(tmp_path, capsys):
    code, _, err = bimodal("diagnose", tmp_path / "nowhere", capsys=capsys)
    assert code == 2 and len(err) == 1


def test_damaged_causes_are_refused(run):
    (run / "causes.json").write_text('{"schema_version": 1}')
    with pytest.raises(BimodalError, match="is damaged"):
        read_causes(run)
