"""Fixtures that several files of this room share."""

import gymnasium
import pytest
from added_tasks import FILES
from bimodal.cli.new_task import write_task
from bimodal.tasks import load_task, task_names
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.demonstrations.regimes import GRADED
from graded_plays import DUMBBELL
from task_worlds import world_of


@pytest.fixture(scope="module", params=task_names())
def world(request):
    """Every task in turn, with the rollouts that several tests share."""
    return world_of(request.param)


@pytest.fixture(scope="module")
def few():
    """Twelve graded demonstrations of the dumbbell."""
    return collect(load_task(DUMBBELL), GRADED, 12)


@pytest.fixture
def nothing_stays_known(monkeypatch):
    """Forget, after a test, the files that it made known."""
    monkeypatch.setenv(FILES, "")
    before = set(gymnasium.registry)
    yield
    for name in set(gymnasium.registry) - before:
        del gymnasium.registry[name]


@pytest.fixture
def stool(tmp_path, monkeypatch):
    """The template's file, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_task("PandaLiftStool", tmp_path)
