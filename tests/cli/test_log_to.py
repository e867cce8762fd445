"""`--log-to`: the numbers of a training and of a run reach a tracker; a wrong one is refused at once."""

import contextlib
import importlib.machinery
import sys
import types

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.policies.training.run_log import check_target, logged


@pytest.fixture
def trackers(monkeypatch):
    """Modules of the trackers' names, which note what they are told."""
    told = {"wandb": [], "trackio": [], "tensorboard": []}
    for name, calls in told.items():
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        for call in ("init", "log", "finish"):
            monkeypatch.setattr(
                module,
                call,
                lambda *args, _call=call, _calls=calls, **named: _calls.append((_call, args, named)),
                raising=False,
            )
        monkeypatch.setitem(sys.modules, name, module)
    return told


@pytest.mark.parametrize(
    ("target", "project"), [("wandb", "bimodal"), ("trackio:ours", "ours"), ("wandb:a:b", "a:b")]
)
def test_a_tracker_is_told_what_was_done_and_every_number(trackers, target, project):
    with logged(target, "mse", {"steps": 20}) as numbers:
        numbers(10, {"loss": 0.5})
        numbers(20, {"loss": 0.25})
    assert trackers[target.partition(":")[0]] == [
        ("init", (), {"project": project, "name": "mse", "config": {"steps": 20}}),
        ("log", ({"loss": 0.5},), {"step": 10}),
        ("log", ({"loss": 0.25},), {"step": 20}),
        ("finish", (), {}),
    ]


def test_the_log_is_finished_where_the_training_breaks_off(trackers):
    with contextlib.suppress(ZeroDivisionError), logged("wandb", "mse", {}):
        1 / 0  # noqa: B018
    assert trackers["wandb"][-1][0] == "finish"


def test_tensorboard_writes_event_files(trackers, monkeypatch, tmp_path):
    written = []

    class SummaryWriter(contextlib.nullcontext):
        def __init__(self, folder):
            super().__init__(self)
            written.append(folder)

        def add_text(self, name, text):
            written.append((name, text))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with logged(f"tensorboard:{tmp_path}", "mse", {"steps": 20}) as numbers:
        numbers(3, {"loss": 0.5})
    assert written == [f"{tmp_path}/mse", ("config", "    steps: 20"), ("loss", 0.5, 3)]


@pytest.mark.parametrize(
    ("target", "words"), [("wnadb", "wandb, trackio, tensorboard"), ("", "can be wandb"), (":x", "wandb")]
)
def test_a_wrong_target_names_the_right_ones(target, words):
    with pytest.raises(WrongUse, match=words):
        check_target(target)


def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("bimodal.policies.training.run_log.find_spec", lambda name: None)
    with pytest.raises(WrongUse, match="pip install trackio"):
        check_target("trackio:ours")


TASK = ("--task", "PandaLiftDumbbell-v1")


def test_a_training_sends_its_loss(trackers, bimodal, demos, tmp_path):
    options = ("--demos", demos, "--steps", 12, "--out", tmp_path / "weights")
    code, _, err = bimodal("train", "mse", *TASK, *options, "--log-to", "wandb:ours")
    assert (code, err) == (0, [])
    calls = trackers["wandb"]
    assert calls[0][2]["project"] == "ours" and calls[0][2]["config"]["steps"] == 12
    sent = [(call, named.get("step")) for call, _, named in calls[1:]]
    assert sent == [("log", 10), ("log", 12), ("finish", None)]
    assert 0 < calls[1][1][0]["loss"] < 10


@pytest.mark.slow
def test_a_run_sends_its_success_and_averaging(trackers, bimodal, tmp_path):
    run = ("--suite", "smoke", *TASK, "--seeds", 1, "--variant", "clean", "--workers", 0)
    out = ("--no-videos", "--out", tmp_path / "run", "--log-to", "trackio")
    code, _, err = bimodal("evaluate", "expert", *run, *out)
    assert (code, err) == (0, [])
    (_, (rates,), _) = trackers["trackio"][1]
    assert rates["success/PandaLiftDumbbell-v1/clean"] == 1.0
    assert rates["averaging/PandaLiftDumbbell-v1/clean"] == 0.0


@pytest.mark.parametrize("command", [("train", "mse", "--all"), ("evaluate", "expert", "--shard", "1/2")])
def test_what_has_no_numbers_of_its_own_is_refused(trackers, bimodal, command):
    code, _, err = bimodal(*command, "--log-to", "wandb")
    assert code == 2 and "--log-to" in " ".join(err)
