"""Press two buttons in the order that a pointer shows: what it shows and when, and which presses count."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.envs.simulation import Simulation
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task
from bimodal.tasks.core.hand_path import plan_from_paths
from bimodal.tasks.press_cued_order import RISE_STEPS, PressCuedOrder
from bimodal.tasks.sides import DECISION_Z

TASK = load_task("PandaPressCuedOrder-v1")
SEEDS = range(500_000, 500_006)
NEAR_FIRST, FAR_FIRST, NEAR_SECOND, FAR_SECOND = range(4)


def test_the_pointer_shows_both_sides_in_order_and_rests_in_the_middle_when_the_hand_must_choose():
    assert isinstance(TASK, PressCuedOrder)
    simulation = Simulation(TASK, len(SEEDS))
    simulation.reset(SEEDS)
    cued = TASK.cued(simulation)
    assert set(cued.tolist()) == {-1, 1}
    way = []
    plan = TASK.plan(simulation, np.zeros(len(SEEDS), int))
    for step in range(49):
        shown = simulation.in_frame(TASK.observe(simulation)["pointer_position"])
        way.append(shown[:, 1] * cued)
        simulation.step(plan[:, step])
    assert np.allclose(way[0], 0.07, atol=1e-6), "it starts on the first side"
    assert (np.array(way[1:3]) < -0.06).all(), "then it is on the second"
    assert np.abs(way[TASK.shared_steps]).max() < 5e-6
    assert np.abs(way[48]).max() < 1e-8


class Presses(Planned):
    """Presses two buttons, one after the other, each at the side of the pointer's order."""

    order = (NEAR_FIRST, NEAR_SECOND)

    def plan(self, simulation, episodes):
        task = self.task
        assert isinstance(task, PressCuedOrder)
        path = task.begin(simulation.in_frame(simulation.tcp_position), DECISION_Z)
        side = task.cued(simulation)
        for part in self.order:
            along = side if part in (NEAR_FIRST, FAR_FIRST) else -side
            button = task.grasps[part % 2, :3] * np.column_stack([side**2, along, side**2])
            path = task.press_and_return(path, button, DECISION_Z, RISE_STEPS)
        return plan_from_paths([path], simulation.frame)


@pytest.mark.parametrize(
    ("order", "mode", "ends"),
    [
        ((NEAR_FIRST, NEAR_SECOND), 0, False),
        ((FAR_FIRST, FAR_SECOND), 1, False),
        ((NEAR_SECOND, NEAR_FIRST), -1, True),
        ((FAR_SECOND, FAR_FIRST), -1, True),
        ((NEAR_FIRST, FAR_SECOND), -1, True),
        ((NEAR_FIRST, FAR_FIRST), -1, True),
        ((NEAR_FIRST, NEAR_FIRST), -1, False),
    ],
)
def test_only_both_buttons_of_a_row_in_the_order_shown_succeed_and_a_wrong_one_ends_it(order, mode, ends):
    kind = type("Wanted", (Presses,), {"order": order})
    result = run_trial(TASK, kind(TASK), SEEDS)
    assert (result.success == (mode >= 0)).all() and (result.mode == mode).all()
    assert ((result.illegal > 1) == ends).all()


def test_without_the_rule_the_wrong_order_is_no_success_either():
    kind = type("Reversed", (Presses,), {"order": (NEAR_SECOND, NEAR_FIRST)})
    assert not run_trial(TASK, kind(TASK), SEEDS, forgiving=True).success.any()
