"""Many trainings: each once, side by side, and what fails stops no other."""

import multiprocessing

import numpy as np
import pytest
import torch
from bimodal.benchmark import train_all as training
from bimodal.benchmark.train_all import Training, TrainingOptions, train_all
from bimodal.cli import main as cli
from bimodal.policies.core.chunk_policy import ChunkPolicy
from bimodal.policies.core.devices import find_device
from bimodal.policies.flow import Flow
from bimodal.policies.mse import MSE
from bimodal.policies.planning.planner import Planner
from bimodal.policies.training.presets import PRESETS
from bimodal.policies.training.train import METHODS
from bimodal.tasks.demonstrations import collect as demonstrations
from short_trainings import bits
from toy import train

DUMBBELL = "PandaLiftDumbbell-v1"


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Six demonstrations are enough; work in an empty folder."""
    monkeypatch.setattr(ChunkPolicy, "episodes", 6)
    monkeypatch.setattr(Planner, "episodes", 6)
    monkeypatch.chdir(tmp_path)


def test_the_usual_demonstrations_show_whole_scenes():
    assert (
        training.episodes_of(DUMBBELL, "mse") == 300
        and training.episodes_of("PandaLiftRing-v1", "mse") == 296
    )


@pytest.fixture
def bimodal(capsys, few):
    """Run a command in this process, in an empty folder; returns (exit code, output, lines of errors)."""

    def run(*arguments):
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), err.splitlines()

    return run


ALL = ("train", "--all", "--task", DUMBBELL, "--methods", "mse,flow", "--preset", "tiny", "--steps", 20)


BUTTONS = ("train", "--all", "--task", "PandaPressBothButtons-v1", "--preset", "tiny", "--steps", 5)


def test_all_leaves_out_what_a_task_cannot_teach_and_says_so(bimodal, monkeypatch):
    both = {name: METHODS[name] for name in ("mse", "critic")}
    monkeypatch.setattr("bimodal.policies.training.train.METHODS", both)
    code, out, _ = bimodal(*BUTTONS, "--workers", 0)
    assert code == 0 and "1 trained, 0 there already, 0 failed" in out
    assert (
        "left out, what learns from graded demonstrations: PandaPressBothButtons-v1 cannot be graded" in out
    )
    code, out, _ = bimodal(*BUTTONS, "--workers", 0, "--methods", "critic")
    assert code == 1 and "left out" not in out and "failed: critic on Press Both Buttons" in out


def test_many_are_trained_once_and_again_only_when_something_changed(bimodal, tmp_path):
    code, out, err = bimodal(*ALL, "--seeds", "0..1", "--workers", 0)
    assert code == 0 and "4 trained, 0 there already, 0 failed" in out
    assert err == []
    folder = tmp_path / "runs" / "checkpoints"
    files = {
        seed: {method: folder / place / DUMBBELL / f"{method}.safetensors" for method in ("mse", "flow")}
        for seed, place in ((0, "."), (1, "seed-1"))
    }
    before = {path: bits(path) for found in files.values() for path in found.values()}
    assert len({weights for weights, _ in before.values()}) == 4
    single = ("train", "mse", "--task", DUMBBELL, "--preset", "tiny", "--steps", 20, "--seed", 1)
    assert bimodal(*single, "--out", "single")[0] == 0
    assert bits(tmp_path / "single" / DUMBBELL / "mse.safetensors") == before[files[1]["mse"]]

    assert "0 trained, 4 there already" in bimodal(*ALL, "--seeds", "0..1", "--workers", 0)[1]
    files[1]["mse"].write_bytes(b"damaged")
    assert "1 trained, 3 there already" in bimodal(*ALL, "--seeds", "0..1", "--workers", 0)[1]
    assert "2 trained, 0 there already" in bimodal(*ALL[:-1], 21, "--workers", 0)[1], "other steps"
    assert "2 trained, 0 there already" in bimodal(*ALL, "--workers", 0, "--fresh")[1]
    assert {path: bits(path) for path in before} == before

    shown = training.Path("runs") / "demos" / DUMBBELL / "bi50-6-s0.npz"
    shown.unlink()
    assert "0 trained, 2 there already" in bimodal(*ALL, "--workers", 0)[1] and not shown.exists()
    other = demonstrations.collect(demonstrations.load_task(DUMBBELL), "bi50", 6, seed=1)
    demonstrations.save(other, shown)
    assert "2 trained, 0 there already" in bimodal(*ALL, "--workers", 0)[1], "other demonstrations"


def test_a_training_that_fails_stops_no_other_and_is_named_at_the_end(bimodal, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Flow, "loss", staticmethod(lambda network, batch, rng: MSE.loss(network, batch, rng) * np.nan)
    )
    code, out, err = bimodal(*ALL, "--workers", 0)
    assert (code, err) == (1, [])
    assert "failed: flow on Lift Dumbbell: training of flow broke down at step 0" in out
    assert "1 trained, 0 there already, 1 failed" in out
    assert [f.name for f in sorted((tmp_path / "runs" / "checkpoints" / DUMBBELL).iterdir())] == [
        "mse.json",
        "mse.safetensors",
    ]


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_its_training_goes_on_the_next_time(few, tmp_path):
    task, steps = demonstrations.load_task(DUMBBELL), 1600
    shown = demonstrations.save(demonstrations.collect(task, "bi50", 6), tmp_path / "demos.npz")
    jobs, setting = [Training(DUMBBELL, "mse")], TrainingOptions(tmp_path / "out", "tiny", steps=steps)
    state = tmp_path / "out" / DUMBBELL / ".mse.resume.safetensors"

    def kill(done, total, note):
        assert total == steps
        for process in multiprocessing.active_children() if state.exists() else ():
            process.kill()

    outcome = train_all(jobs, setting, lambda *what: shown, 1, kill)
    assert list(outcome.failed) == jobs and "died (exit code -9)" in outcome.failed[jobs[0]]
    assert state.exists() and not state.with_name("mse.safetensors").exists()
    seen = []
    outcome = train_all(jobs, setting, lambda *what: shown, 0, lambda *report: seen.append(report))
    assert outcome.trained == tuple(jobs) and seen[-1][:2] == (steps, steps)
    assert not state.exists()
    whole = train("mse", shown, tmp_path / "whole", steps=steps, preset="tiny")
    assert bits(whole) == bits(state.with_name("mse.safetensors"))


@pytest.mark.parametrize(
    ("there", "asked", "preset", "device"),
    [
        (False, (), "cpu", "cpu"),
        (True, (), "gpu", "cuda"),
        (True, ("--preset", "cpu"), "cpu", "cpu"),
        (True, ("--device", "cpu"), "cpu", "cpu"),
        (True, ("--preset", "cpu", "--device", "cuda"), "cpu", "cuda"),
    ],
)
def test_all_uses_a_cuda_device_and_says_so(there, asked, preset, device, bimodal, monkeypatch):
    settings = []

    def nothing(trainings, setting, *rest):
        settings.append(setting)
        return training.TrainingSummary((), (), {})

    monkeypatch.setattr(training, "train_all", nothing)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    code, out, err = bimodal("train", "--all", *asked)
    assert (code, err) == (0, []) and f"preset {preset} on {device}" in out
    assert settings[0].preset == preset
    assert find_device(settings[0].device, wide=not PRESETS[preset].ships) == device


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("train",), "--all"),
        (("train", "mse"), "--task"),
        (("train", "mse", "--all"), "--methods"),
        (("train", "mse", "--task", DUMBBELL, "--task", DUMBBELL), "--all"),
        (("train", "mse", "--task", DUMBBELL, "--seeds", "3"), "--seed"),
        (("train", "mse", "--task", DUMBBELL, "--preset", "tinny"), "did you mean tiny"),
        (("train", "--all", "--methods", "mse,flw"), "did you mean flow"),
        (("train", "--all", "--seeds", "2..0"), "START..END"),
        (("train", "--all", "--workers", "-1"), "0 or more"),
        (("train", "--all", "--device", "cuda"), "no CUDA device"),
        (("train", "mse", "--task", DUMBBELL, "--demos", "none.npz"), "bimodal demos"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments, text, bimodal, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, err = bimodal(*arguments)
    assert (code, len(err)) == (2, 1) and text in err[0], err
    assert list(tmp_path.iterdir()) == []
