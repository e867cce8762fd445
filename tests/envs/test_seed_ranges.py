"""Every episode seed has one purpose: what a policy learned from is never what it is scored on."""

import numpy as np
import pytest
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import WrongUse
from bimodal.envs.seed_ranges import (
    PANELS,
    REPEATED,
    TEST,
    TRAIN,
    TRAIN_SET,
    UNNAMED,
    VALIDATION,
    checked_seed,
    scene_seed,
)
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import schedule
from bimodal.tasks.gym.env import TaskEnv


def test_the_three_splits_are_disjoint_and_leave_no_gap():
    assert TEST.start == 0 and TEST.stop == VALIDATION.start and VALIDATION.stop == TRAIN.start


def test_panels_are_test_seeds_and_every_suite_keeps_to_them():
    assert PANELS.start >= TEST.start and PANELS.stop <= TEST.stop
    assert all(seed in PANELS or seed in REPEATED for suite in SUITES.values() for seed in suite.seeds)
    assert REPEATED.start >= TRAIN.stop, "no seed that somebody used has become another scene's"


def test_repeated_seeds_share_the_scenes_of_the_panel_and_all_others_are_their_own():
    first = REPEATED.start
    assert [scene_seed(first + i) for i in (0, 24, 25, 499)] == [0, 0, 1, 19]
    assert scene_seed(REPEATED.stop - 1) in PANELS
    assert [scene_seed(seed) for seed in (0, 199, first - 1, REPEATED.stop)] == [
        0,
        199,
        first - 1,
        REPEATED.stop,
    ]


def test_unnamed_episodes_are_neither_panels_nor_demonstrations():
    assert PANELS.stop <= UNNAMED.start and UNNAMED.stop <= TRAIN.start


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_set_of_demonstrations_keeps_to_its_own_seeds(number):
    seeds, _ = schedule(load_task("PandaLiftDumbbell-v1"), "bi50", 2000, number)
    own = range(TRAIN.start + number * TRAIN_SET, TRAIN.start + (number + 1) * TRAIN_SET)
    assert all(int(seed) in own and int(seed) in TRAIN for seed in seeds)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**20, 3.0, "3", None, np.int64(-5)])
def test_what_is_no_seed_is_refused_in_one_line(seed):
    with pytest.raises(WrongUse, match="a seed is a whole number from 0 to") as error:
        checked_seed(seed)
    assert "\n" not in str(error.value)


def test_seeds_of_numpy_are_taken_and_training_has_room_for_fewer():
    assert [checked_seed(seed) for seed in (np.int64(4), np.uint8(4), 2**63 - 1)] == [4, 4, 2**63 - 1]
    assert checked_seed(2**32 - 1, 32) == 2**32 - 1
    with pytest.raises(WrongUse, match="not 4294967296"):
        checked_seed(2**32, 32)


def test_a_refused_seed_leaves_the_episode_as_it_was():
    env, twin = (TaskEnv("PandaLiftDumbbell-v1", variant="sensing.bias:3") for _ in range(2))
    for one in (env, twin):
        one.reset(seed=np.int64(3))
    with pytest.raises(WrongUse):
        env.reset(seed=2**63)
    action = env.simulation.stay("ee_absolute")[0]
    seen, unhurt = env.step(action)[0], twin.step(action)[0]
    assert all((seen[name] == unhurt[name]).all() for name in unhurt)
