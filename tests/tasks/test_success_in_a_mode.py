"""A sequence succeeds in a mode: who reaches the goal so that nobody can say how goes on to the end."""

import numpy as np
import pytest
from bimodal.leaderboard.episode_block import ModeName
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.modes import Measurement
from bimodal.tasks.core.referee import Referee
from pydantic import TypeAdapter

TASK = load_task("PandaPressThreeButtons-v1")


def judged(parts):
    """Judge episodes that are at the goal from step 12 on and choose `parts`, (T, N)."""
    n = parts.shape[1]
    referee = Referee(TASK, n)
    nothing = np.zeros(n)
    for step in range(TASK.max_episode_steps):
        if referee.done.all():
            break
        part = parts[step] if step < len(parts) else np.full(n, -1)
        hand = np.tile([0.0, 0.0, 0.5, 0.0], (n, 1))
        at_goal = np.full(n, step >= 12)
        seen = Measurement(hand, nothing + 0.02, nothing, at_goal, at_goal, part, nothing, nothing)
        referee.see(seen, np.zeros(n, bool))
    return referee.verdict()


def test_a_press_that_no_step_saw_is_no_success_and_the_episode_goes_on():
    parts = np.full((13, 3), -1)
    parts[2], parts[6], parts[10] = 0, 1, 2
    parts[6, 1] = -1  # its second press fell between two steps
    parts[10, 2] = -1
    parts[12, 2] = 2
    verdict = judged(parts)
    assert verdict.success.tolist() == [True, False, True]
    assert (verdict.mode >= 0).tolist() == [True, False, True]
    assert verdict.label[1] in ("TIMEOUT", "NO_ATTEMPT")
    end = 12 + TASK.hold_steps
    assert verdict.steps.tolist() == [end, TASK.max_episode_steps, end]


@pytest.mark.parametrize("name", task_names())
def test_the_modes_of_every_task_can_stand_in_an_entry(name):
    modes = load_task(name).modes
    assert TypeAdapter(tuple[ModeName, ...]).validate_python(modes) == modes
