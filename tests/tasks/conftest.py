"""Fixtures that several files of this room share."""

import gymnasium
import pytest
from added_tasks import FILES
from bimodal.cli.new_task import write_task
from bimodal.tasks import load_task, task_names
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.demonstrations.regimes import GRADED
from graded_plays import DUMBBELL
from slow_cases import DIFFERENT_TASKS, OTHER_GOALS, mostly_slow
from task_worlds import world_of


@pytest.fixture(scope="module", params=task_names())
def world(request):
    """Every task in turn, with the rollouts that several tests share."""
    return world_of(request.param)


@pytest.fixture(scope="module", params=mostly_slow(task_names(), *DIFFERENT_TASKS, *OTHER_GOALS))
def played_world(request):
    """As `world`, for files whose tests play episodes: the fast ones leave out tasks that are like others.

    Every task's physics stands in its golden digests all the same, see `test_every_task.py`.
    """
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
