"""Fixtures of the command line's tests."""

import pytest
from bimodal.cli import main as cli
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations import collect as demonstrations


@pytest.fixture
def bimodal(bimodal, tmp_path, monkeypatch):
    """Run a command as everywhere, but in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return bimodal


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Eight demonstrations of the dumbbell."""
    task = load_task("PandaLiftDumbbell-v1")
    return demonstrations.save(
        demonstrations.collect(task, "bi50", 8), tmp_path_factory.mktemp("demos") / "demos.npz"
    )


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """The expert's entry on the smoke suite, as the command line writes it."""
    folder = tmp_path_factory.mktemp("entry")
    arguments = ["evaluate", "expert", "--suite", "smoke", "--workers", "0", "--no-videos"]
    assert cli.main([*arguments, "--out", str(folder / "run"), "--entry", str(folder)]) == 0
    return folder / "smoke-expert.json"
