"""Every episode seed has one purpose: what a policy learned from is never what it is scored on."""

import pytest
from bimodal.benchmark.suites import SUITES
from bimodal.envs.seed_ranges import PANELS, TEST, TRAIN, TRAIN_SET, UNNAMED, VALIDATION
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import schedule


def test_the_three_splits_are_disjoint_and_leave_no_gap():
    assert TEST.start == 0 and TEST.stop == VALIDATION.start and VALIDATION.stop == TRAIN.start


def test_panels_are_test_seeds_and_every_suite_keeps_to_them():
    assert PANELS.start >= TEST.start and PANELS.stop <= TEST.stop
    assert all(set(suite.seeds) <= set(PANELS) for suite in SUITES.values())


def test_unnamed_episodes_are_neither_panels_nor_demonstrations():
    assert PANELS.stop <= UNNAMED.start and UNNAMED.stop <= TRAIN.start


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_set_of_demonstrations_keeps_to_its_own_seeds(number):
    seeds, _ = schedule(load_task("PandaLiftDumbbell-v1"), "bi50", 2000, number)
    own = range(TRAIN.start + number * TRAIN_SET, TRAIN.start + (number + 1) * TRAIN_SET)
    assert all(int(seed) in own and int(seed) in TRAIN for seed in seeds)
