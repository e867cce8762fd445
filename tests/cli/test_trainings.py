"""`evaluate flow@seed0..2`: the weights of several training seeds, each in a run of its own."""

import json
import shutil
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.suites import find_suite
from bimodal.cli.main import main
from bimodal.cli.trainings import trainings_of
from bimodal.policies.core.registry import SHIPPED_CHECKPOINTS

DUMBBELL = "PandaLiftDumbbell-v1"
PART = (
    "--suite",
    "smoke",
    "--task",
    DUMBBELL,
    "--seeds",
    "2",
    "--variant",
    "clean",
    "--no-videos",
    "--workers",
    "0",
)


def test_a_seed_has_the_weights_that_train_all_gives_it_and_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/checkpoints/seed-1", "mine/seed-1"):
        (tmp_path / folder / DUMBBELL).mkdir(parents=True)
        (tmp_path / folder / DUMBBELL / "mse.safetensors").touch()
    panel = find_suite("smoke", (DUMBBELL,))
    found = [
        (name, way.checkpoints, way.out) for name, way in trainings_of("mse@seed0..1", panel, EvalOptions())
    ]
    first, second = (Path(f"runs/smoke-part-mse-seed-{seed}") for seed in (0, 1))
    assert found == [("mse", None, first), ("mse", Path("runs/checkpoints/seed-1"), second)]
    own = EvalOptions(out=Path("here"), checkpoints=Path("mine"))
    ((_, way),) = trainings_of("mse@seed1", panel, own)
    assert (way.checkpoints, way.out) == (Path("mine/seed-1"), Path("here/seed-1"))
    assert trainings_of("file.py:Mine", panel, own) == [("file.py:Mine", own)]


@pytest.mark.slow
def test_each_training_has_a_run_and_the_spread_is_told(tmp_path, capsys, monkeypatch):
    """With the shipped weights under another seed: equal successes, no spread."""
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "runs" / "checkpoints" / "seed-1" / DUMBBELL
    other.mkdir(parents=True)
    for kind in ("safetensors", "json"):
        shutil.copy(SHIPPED_CHECKPOINTS / DUMBBELL / f"mse.{kind}", other)
    config = json.loads((other / "mse.json").read_text())
    config["training"]["seed"] = 1
    (other / "mse.json").write_text(json.dumps(config))
    assert main(["evaluate", "mse@seed0..1", *PART, "--json"]) == 0
    out, err = capsys.readouterr()
    one, two = json.loads(out).values()
    assert one[0]["labels"] == two[0]["labels"]
    assert "mse: 0.0 %" in err and "over 2 trainings, standard deviation 0.0 points" in err
    told = next(line for line in err.splitlines() if line.startswith("compare"))
    assert main(["compare", "expert-free=" + told.partition("=")[2], told.split()[1]]) == 2


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("mse@seed1..2", "train --all --methods mse --seeds 1..2 --suite smoke --task PandaLiftDumbbell-v1"),
        ("safe(mse)@seed3", "no weights of training seed 3"),
        ("mse@seed2..1", "1 is before 2"),
        ("mse@seeds", "names no training seeds"),
        ("expert@seed0", "no training seeds"),
        ("nobody@seed0", "nobody"),
    ],
)
def test_what_has_no_weights_is_refused_with_the_command_that_makes_them(
    tmp_path, capsys, monkeypatch, policy, told
):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", policy, *PART]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) == 1 and not (tmp_path / "runs").exists()


def test_an_entry_is_of_one_training(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "mse@seed0..1", "--entry"]) == 2
    assert "of one training" in capsys.readouterr().err
