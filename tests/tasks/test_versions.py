"""Versions of a task: the later names the one before, asks for the same, and its average fails soon."""

import pytest
from bimodal.benchmark.certificate.grace import LateExpert
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.envs.images import ANY
from bimodal.tasks import load_task
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.core.registry import own_names

LATER = [name for name in own_names() if load_task(name).supersedes]
GRACE = {"PandaPressCuedSide-v2": 1}
"""Executed blocks of the average after which experts still succeed, where not 0."""


@pytest.mark.parametrize("name", LATER)
def test_a_later_version_is_another_task_with_the_modes_and_the_words_of_the_one_before(name):
    task = load_task(name)
    before = load_task(task.supersedes)
    assert fingerprint(task) != fingerprint(before)
    assert (task.modes, task.goal, task.observation) == (before.modes, before.goal, before.observation)
    assert all(task.wording(mode) == before.wording(mode) for mode in (ANY, *task.modes))


@pytest.mark.parametrize("name", LATER)
def test_some_blocks_of_the_average_are_fatal_in_a_later_version_and_harmless_in_the_one_before(name):
    task = load_task(name)
    seeds = range(1000, 1004)
    fatal = GRACE.get(name, 0) + 1
    rates = [run_trial(task, LateExpert(task, blocks), seeds).rate for blocks in range(fatal + 1)]
    assert rates == [*[1.0] * fatal, 0.0]
    earlier = load_task(task.supersedes)
    assert run_trial(earlier, LateExpert(earlier, fatal), seeds).rate == 1.0


def test_what_a_version_supersedes_is_no_part_of_it(monkeypatch):
    task = load_task(LATER[0])
    before = fingerprint(task)
    monkeypatch.setattr(type(task), "supersedes", "")
    assert fingerprint(task) == before
