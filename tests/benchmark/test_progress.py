"""Progress: milestones in their order, without those of the first control step and what follows the end."""

from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.benchmark.measures.progress import progress
from bimodal.tasks import load_task

STEPS = 4
AWAY = (0.0, 0.0, 0.3, 0.0)


def measured(task, rows):
    """Progress of episodes of four steps: rows of hands, in hand, way, goal reached, success, length."""
    hand, in_hand, way, ever, success, steps = (list(column) for column in zip(*rows, strict=True))
    seen = np.moveaxis(np.array(hand, float), 0, 1), np.array(in_hand).T, np.array(way, float).T
    verdict = SimpleNamespace(success_ever=np.array(ever), success=np.array(success), steps=np.array(steps))
    return progress(task, *seen, verdict).tolist()


def test_every_milestone_is_a_fifth_and_holds_those_before():
    task = load_task("PandaLiftDumbbell-v1")
    grasp = task.grasps[1]
    turned = grasp + [0.02, 0.0, 0.0, np.pi]
    no, far, near = [False] * STEPS, [AWAY] * STEPS, [AWAY, AWAY, turned, AWAY]
    held, still = [False, False, True, False], [0.0] * STEPS
    raised = [0.0, 0.0, 0.0, 0.6 * task.success_height]
    rows = [
        (far, no, still, False, False, STEPS),
        (near, no, still, False, False, STEPS),
        (near, held, still, False, False, STEPS),
        (far, no, raised, False, False, STEPS),
        (near, held, raised, True, False, STEPS),
        (far, no, still, True, True, STEPS),
    ]
    assert measured(task, rows) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    ended = [(near, held, raised, False, False, steps) for steps in (0, 2, 3)]
    assert measured(task, ended) == pytest.approx([0.0, 0.0, 0.4]), "what comes after the end does not count"


def test_what_is_passed_at_the_start_does_not_count():
    task = load_task("PandaPlaceEitherNest-v1")
    held, still, half = [True] * STEPS, [0.0] * STEPS, [0.0, 0.0, 0.0, 0.6 * task.success_height]
    rows = [([AWAY] * STEPS, held, way, False, False, STEPS) for way in (still, half)]
    rows.append(([AWAY] * STEPS, held, half, True, True, STEPS))
    assert measured(task, rows) == pytest.approx([0.0, 1 / 3, 1.0])
