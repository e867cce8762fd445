"""Tasks of several choices: modes are orders, which the referee reads from the parts that were taken."""

import numpy as np
import pytest
from bimodal.tasks import load_task
from bimodal.tasks.core.modes import last_part, parts_in_order, runs
from bimodal.tasks.core.stated_attributes import stated
from bimodal.tasks.press_three_buttons import PressThreeButtons

PARTS = np.array([[-1, 2, 2, -1, 2, 0, 0, 1], [1, 1, -1, -1, -1, -1, -1, -1]]).T
"""What two episodes take, step by step, (T, N)."""


def test_a_run_is_how_long_a_part_is_taken_without_a_break():
    assert runs(PARTS).T.tolist() == [[0, 1, 2, 0, 1, 1, 2, 1], [1, 2, 0, 0, 0, 0, 0, 0]]


def test_the_last_part_and_the_order_of_parts_count_only_what_lasts():
    once = PARTS >= 0
    assert last_part(PARTS, once).tolist() == [1, 1]
    assert parts_in_order(PARTS, once, 3).tolist() == [[2, 0, 1], [1, -1, -1]]
    assert parts_in_order(PARTS, once, 2).tolist() == [[2, 0], [1, -1]]
    twice = runs(PARTS) >= 2
    assert last_part(PARTS, twice).tolist() == [0, 1]
    assert parts_in_order(PARTS, twice, 3).tolist() == [[2, 0, -1], [1, -1, -1]]


def test_a_mode_is_a_whole_order_and_a_part_that_is_taken_again_changes_nothing():
    task = load_task("PandaPressThreeButtons-v1")
    modes = task.realised_mode(PARTS, PARTS >= 0)
    assert task.modes[modes[0]] == "far, left, near" and modes[1] == -1
    assert task.first_choices().tolist() == [0, 0, 1, 1, 2, 2]


def test_hands_at_a_first_choice_are_at_a_mode_and_those_between_two_in_the_dead_zone():
    task = load_task("PandaPressThreeButtons-v1")
    np.testing.assert_allclose(task.mixture(task.grasps), 0, atol=1e-9)
    between = (task.grasps[0] + task.grasps[2]) / 2
    assert task.mixture(between) == pytest.approx(0.5) and task.in_dead_zone(task.mixture(between))
    assert task.side(task.grasps).tolist() == [0, 0, 2, 2, 4, 4]


@pytest.mark.parametrize(
    ("sequences", "said"),
    [
        (((0, 1, 2),) * 6, "a different one of each mode"),
        (((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1, 0)), "all equally long"),
        (((0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)), "names a part twice"),
        (((0, 1), (1, 2), (1, 0), (0, 2), (2, 0), (2, 1)), "the same row in grasps exactly if"),
    ],
)
def test_wrong_sequences_are_refused_in_a_line_that_says_what_they_must_be(sequences, said):
    kind = type("Wrong", (PressThreeButtons,), {"sequences": sequences, "__doc__": PressThreeButtons.__doc__})
    found = list(stated(kind()))
    assert len(found) == 1 and said in found[0]
    assert list(stated(PressThreeButtons())) == []
