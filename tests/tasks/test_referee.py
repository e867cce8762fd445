"""The referee against verdicts derived by hand from hand-made measurements."""

from itertools import repeat

import numpy as np
import pytest
from bimodal.tasks import Measurement, load_task
from bimodal.tasks.core.outcomes import OUTCOMES
from bimodal.tasks.core.referee import Referee

TASK = load_task("PandaLiftDumbbell-v1")
"""Bars at y = 9.5 cm and -9.5 cm; lifted from 6 cm; held for 10 steps; committed after 3."""
LEFT, RIGHT, MIDDLE = 0.095, -0.095, 0.0
DECIDED, SHUT = 0.05, 0.002
"""Openings at which the hand has shown where it acts, and at which it is shut on nothing [m]."""


def frame(y=MIDDLE, opening=0.08, lift=0.0, settled=True, held=False, part=-1, illegal=0.0, diverged=False):
    """What is measured of one episode after one control step."""
    hand = np.array([0.0, y, 0.1, np.pi])
    goal = lift >= TASK.success_height and settled and held
    return (hand, opening, lift, goal, held, part, illegal, 0.0), diverged


HOVER = frame()
HOLD = frame(LEFT, 0.026, 0.08, held=True, part=0)
"""Up, settled and held by the left bar."""


def judge(*stories, asked=None):
    """Play stories, lists of frames, side by side; each goes on with its last frame to the end."""
    referee = Referee(TASK, len(stories), asked=None if asked is None else np.array(asked))
    for step in range(TASK.max_episode_steps):
        if referee.done.all():
            break
        rows = [story[min(step, len(story) - 1)] for story in stories]
        columns = zip(*(values for values, _ in rows), strict=True)
        referee.see(
            Measurement(*map(np.array, columns)),
            np.array([diverged for _, diverged in rows]),
        )
    return referee.verdict()


def steps(n, what):
    return list(repeat(what, n))


def only(verdict):
    """Return the verdict of the only episode."""
    return type(verdict)(*(column[0] for column in verdict))


STORIES = {
    "SUCCESS": [*steps(20, HOVER), *steps(10, HOLD)],
    "SIM_DIVERGED": [*steps(4, HOVER), frame(diverged=True)],
    "COLLISION_MID": [*steps(9, HOVER), frame(MIDDLE, illegal=5.0)],
    "COLLISION_OTHER": [*steps(9, HOVER), frame(LEFT, illegal=5.0)],
    "AIR_GRASP_MID": [*steps(9, HOVER), frame(MIDDLE, DECIDED), frame(MIDDLE, SHUT)],
    "AIR_GRASP": [*steps(9, HOVER), frame(RIGHT, DECIDED), frame(RIGHT, SHUT)],
    "SLIP": [*steps(9, HOVER), *steps(3, frame(LEFT, 0.026, held=True, part=0)), frame(LEFT, SHUT)],
    "DROP": [*steps(9, HOVER), *steps(4, HOLD), frame(LEFT, SHUT)],
    "NO_ATTEMPT": [HOVER],
    "TIMEOUT": [*steps(9, HOVER), frame(LEFT, 0.026, 0.03, held=True, part=0)],
}


@pytest.mark.parametrize("label", STORIES)
def test_every_story_has_its_label(label):
    verdict = only(judge(STORIES[label]))
    assert verdict.label == label
    assert verdict.success == (label == "SUCCESS")


@pytest.mark.parametrize("label", ["POLICY_ERROR", "POLICY_TIMEOUT", "POLICY_INVALID_ACTION"])
def test_a_fault_of_the_policy_is_the_label(label):
    referee = Referee(TASK, 2)
    referee.see(Measurement(*(np.array([a, a]) for a in frame(LEFT, DECIDED)[0])), np.zeros(2, bool))
    referee.policy_fault(np.array([False, True]), label)
    assert referee.done.tolist() == [False, True]
    verdict = referee.verdict()
    assert verdict.label[1] == label and not verdict.success[1] and verdict.steps[1] == 1


def test_every_label_is_covered_here():
    others = {"OTHER_MODE", "POLICY_ERROR", "POLICY_TIMEOUT", "POLICY_INVALID_ACTION"}
    assert {*STORIES, *others} == set(OUTCOMES)


@pytest.mark.parametrize("label", STORIES)
def test_a_success_in_a_mode_that_nobody_asked_for_is_none_and_all_else_is_as_ever(label):
    plain, right, wrong = (only(judge(STORIES[label], asked=asked)) for asked in (None, [0], [1]))
    assert right == plain or label in ("SIM_DIVERGED", "NO_ATTEMPT")  # NaN equals nothing
    assert wrong.label == ("OTHER_MODE" if label == "SUCCESS" else label) == wrong.label
    assert (wrong.success, wrong.mode, wrong.steps) == (False, plain.mode, plain.steps)


def test_a_verdict_does_not_depend_on_the_other_episodes():
    together = judge(*STORIES.values())
    assert together.label.tolist() == list(STORIES)
    for row, story in enumerate(STORIES.values()):
        alone = judge(story)
        for ours, theirs in zip(alone, together, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[row])


# ------------------------------------------------------------------------------------------------ success


def test_success_needs_ten_steps_and_ends_the_episode():
    nine = only(judge([*steps(5, HOVER), *steps(9, HOLD), frame(LEFT, 0.026)]))
    assert (nine.label, nine.success, nine.steps) == ("DROP", False, TASK.max_episode_steps)
    assert nine.success_ever and not nine.success_final and nine.first_success == 5
    ten = only(judge([*steps(5, HOVER), *steps(10, HOLD), frame(LEFT, 0.026)]))
    assert (ten.label, ten.success, ten.steps, ten.first_success) == ("SUCCESS", True, 15, 5)
    assert ten.success_ever and ten.success_final


def test_an_interrupted_hold_starts_again():
    verdict = only(judge([*steps(9, HOLD), frame(LEFT, 0.026, 0.059, held=True, part=0), *steps(10, HOLD)]))
    assert (verdict.success, verdict.steps, verdict.first_success) == (True, 20, 0)


@pytest.mark.parametrize(
    "flaw",
    [
        frame(LEFT, 0.026, 0.0599, held=True, part=0),
        frame(LEFT, 0.026, 0.08, held=False, part=-1),
        frame(LEFT, 0.026, 0.08, settled=False, held=True, part=0),
    ],
    ids=["too low", "not held", "too fast"],
)
def test_up_means_high_still_and_held(flaw):
    assert not only(judge(steps(60, flaw))).success_ever


@pytest.mark.parametrize(("held", "label"), [(9, "TIMEOUT"), (10, "SUCCESS")])
def test_the_last_step_cuts_a_hold_that_came_too_late(held, label):
    verdict = only(judge([*steps(TASK.max_episode_steps - held, HOVER), *steps(held, HOLD)]))
    assert (verdict.label, verdict.steps) == (label, TASK.max_episode_steps)
    assert verdict.success_final and verdict.success_ever
    assert verdict.first_success == TASK.max_episode_steps - held


# ------------------------------------------------------------------------------------------------ the end


def test_nothing_after_the_end_counts():
    after = frame(MIDDLE, SHUT, illegal=50.0, part=1, diverged=True)
    ended = judge([*steps(10, HOLD), *steps(20, after)], [HOVER])
    assert (ended.label[0], ended.steps[0], ended.mode[0]) == ("SUCCESS", 10, 0)
    assert ended.alpha[0] == pytest.approx(0.0)
    assert ended.success_final[0]


def test_a_fault_after_the_end_is_not_blamed():
    referee = Referee(TASK, 1)
    for _ in range(10):
        referee.see(Measurement(*(np.array([a]) for a in HOLD[0])), np.zeros(1, bool))
    assert referee.done[0]
    referee.policy_fault(np.ones(1, bool), "POLICY_ERROR")
    assert referee.verdict().label[0] == "SUCCESS"


def test_the_first_fault_stays():
    referee = Referee(TASK, 1)
    referee.policy_fault(np.ones(1, bool), "POLICY_TIMEOUT")
    referee.policy_fault(np.ones(1, bool), "POLICY_ERROR")
    verdict = referee.verdict()
    assert (verdict.label[0], verdict.steps[0], verdict.mode[0]) == ("POLICY_TIMEOUT", 0, -1)
    assert np.isnan(verdict.alpha[0]) and verdict.first_success[0] == -1


def test_a_forbidden_touch_in_the_last_held_step_spoils_it():
    touch = frame(LEFT, 0.026, 0.08, held=True, part=0, illegal=1.5)
    verdict = only(judge([*steps(9, HOLD), touch]))
    assert (verdict.label, verdict.success, verdict.steps) == ("COLLISION_OTHER", False, 10)


@pytest.mark.parametrize(("force", "ends"), [(1.0, False), (1.0001, True)])
def test_a_light_touch_is_forgiven(force, ends):
    verdict = only(judge([frame(MIDDLE, illegal=force), HOVER]))
    assert (verdict.steps == 1) == ends
    assert verdict.label == ("COLLISION_MID" if ends else "NO_ATTEMPT")


def test_divergence_ends_the_episode_and_outranks_what_it_touched():
    verdict = only(judge([HOVER, frame(MIDDLE, illegal=9.0, diverged=True)]))
    assert (verdict.label, verdict.steps) == ("SIM_DIVERGED", 2)


# --------------------------------------------------------------------------------------- modes and alpha


@pytest.mark.parametrize(
    ("parts", "mode"),
    [
        ([0, 0], -1),
        ([0, 0, 0], 0),
        ([1, 1, 1], 1),
        ([0, 0, -1, 0, 0], -1),
        ([0, 0, 1, 1, 0, 0], -1),
        ([0, 0, 0, 1, 1], 0),
        ([0, 0, 0, 1, 1, 1], 1),
        ([0, 0, 0, -1, -1, -1, -1], 0),
        ([-1, -1, -1, -1], -1),
    ],
)
def test_a_mode_is_realised_after_three_steps_in_a_row_and_the_last_one_counts(parts, mode):
    verdict = only(judge([*(frame(LEFT, 0.03, part=part) for part in parts), HOVER]))
    assert verdict.mode == mode


@pytest.mark.parametrize(
    ("story", "alpha"),
    [
        ([HOVER], np.nan),
        ([HOVER, frame(LEFT, DECIDED), frame(MIDDLE, DECIDED)], 0.0),
        ([HOVER, frame(RIGHT, DECIDED), frame(MIDDLE, illegal=5.0)], 1.0),
        ([HOVER, frame(0.019, illegal=5.0)], 0.4),
        ([HOVER, frame(0.152, DECIDED)], -0.3),
        ([frame(LEFT, 0.0601), frame(MIDDLE, 0.0599)], 0.5),
    ],
)
def test_alpha_is_where_the_hand_first_acted(story, alpha):
    np.testing.assert_allclose(only(judge(story)).alpha, alpha, atol=1e-12)


@pytest.mark.parametrize(
    ("alpha", "middle"), [(0.24, False), (0.26, True), (0.5, True), (0.74, True), (0.76, False)]
)
def test_only_the_dead_zone_counts_as_averaging(alpha, middle):
    y = LEFT + alpha * (RIGHT - LEFT)
    hit = only(judge([frame(y, illegal=5.0)])).label
    air = only(judge([frame(y, DECIDED), frame(y, SHUT)])).label
    assert (hit, air) == (("COLLISION_MID", "AIR_GRASP_MID") if middle else ("COLLISION_OTHER", "AIR_GRASP"))


@pytest.mark.parametrize(
    ("ways", "switches"),
    [
        ([MIDDLE], 0),
        ([MIDDLE, LEFT], 0),
        ([LEFT, MIDDLE, LEFT], 0),
        ([LEFT, MIDDLE, RIGHT], 1),
        ([LEFT, RIGHT, MIDDLE, LEFT], 2),
    ],
)
def test_a_switch_is_going_over_to_another_side(ways, switches):
    story = [frame(y) for y in ways for _ in range(3)]
    assert only(judge(story)).switches == switches


def test_a_switch_after_the_end_does_not_count():
    story = [*steps(4, frame(LEFT)), frame(LEFT, illegal=5.0), *steps(4, frame(RIGHT))]
    assert judge(story, [HOVER]).switches.tolist() == [0, 0]


def test_the_referee_keeps_copies():
    referee = Referee(TASK, 1)
    live = Measurement(*(np.array([a]) for a in HOLD[0]))
    for _ in range(10):
        referee.see(live, np.zeros(1, bool))
    for column in live:
        column[:] = 0
    assert referee.verdict().success[0]
