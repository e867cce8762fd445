"""The pegs: what the pointer shows and when, which insertions count, and how exact they must be."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.envs.simulation import Simulation
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task
from bimodal.tasks.core.grasp_distance import grasp_distance
from bimodal.tasks.core.hand_path import plan_from_paths
from bimodal.tasks.insert_cued_peg import CLEARANCE, InsertCuedPeg
from bimodal.tasks.pointer import POINTER_Y

TASK = load_task("PandaInsertCuedPeg-v1")
SEEDS = range(500_000, 500_006)
LEFT = 0
RIGHT = 1


def test_the_pointer_shows_a_side_and_rests_in_the_middle_when_the_hand_must_choose():
    assert isinstance(TASK, InsertCuedPeg)
    simulation = Simulation(TASK, len(SEEDS))
    simulation.reset(SEEDS)
    cued = TASK.cued(simulation)
    assert set(cued.tolist()) == {-1, 1}
    plan = TASK.plan(simulation, np.zeros(len(SEEDS), int))
    way = []
    for step in range(TASK.shared_steps + 1):
        way.append(simulation.in_frame(TASK.observe(simulation)["pointer_position"])[:, 0] * cued)
        simulation.step(plan[:, step])
    assert np.allclose(way[0], POINTER_Y, atol=1e-6), "it starts on the side of the peg"
    assert np.abs(way[-1]).max() < 2e-6


@pytest.mark.parametrize("end", [LEFT, RIGHT])
def test_a_hand_that_closes_at_an_end_of_either_peg_has_reached_a_grasp(end):
    simulation = Simulation(TASK, len(SEEDS))
    simulation.reset(SEEDS)
    plan = TASK.plan(simulation, np.full(len(SEEDS), end))
    closing = int((plan[0, :, 9] < plan[0, 0, 9] / 2).argmax())
    for step in range(closing):
        simulation.step(plan[:, step])
    hand = TASK.measure(simulation).hand
    assert set(np.sign(hand[:, 0])) == {-1, 1} and grasp_distance(TASK, hand).max() < 0.02
    assert (TASK.side(hand) == end).all()


class Inserts(Planned):
    """Takes a peg as the experts do, but the other one, or past the hole, or not far enough."""

    end = LEFT
    wrong_peg = False
    aside = 0.0
    share = 1.0

    def plan(self, simulation, episodes):
        task = self.task
        assert isinstance(task, InsertCuedPeg)
        start = simulation.in_frame(simulation.tcp_position)
        side = task.cued(simulation) * (-1 if self.wrong_peg else 1)
        path = task.cued_path(start, np.full(len(start), self.end), side)
        plan = plan_from_paths([path], simulation.frame)
        # the last 30 steps push: aside from the hole, or a share of the way
        push = plan[:, -30:, :3]
        push[:] = plan[:, -31:-30, :3] + self.share * (push - plan[:, -31:-30, :3])
        across = np.column_stack([np.cos(simulation.frame[:, 2]), np.sin(simulation.frame[:, 2])])
        push[..., :2] += self.aside * across[:, None]
        return plan


@pytest.mark.parametrize("end", [LEFT, RIGHT])
@pytest.mark.parametrize(
    ("different", "succeeds"),
    [
        ({}, True),
        ({"aside": 0.6 * CLEARANCE}, True),
        ({"aside": 2 * CLEARANCE}, False),
        ({"share": 0.5}, False),
        ({"wrong_peg": True}, False),
    ],
)
def test_only_the_cued_peg_deep_in_its_socket_counts(end, different, succeeds):
    kind = type("Wanted", (Inserts,), {"end": end, **different})
    result = run_trial(TASK, kind(TASK), SEEDS)
    assert (result.success == succeeds).all()
    assert ((result.illegal > 1) == different.get("wrong_peg", False)).all()
    if not different.get("wrong_peg"):
        assert (result.mode == end).all(), "the end that is held is the mode"


def test_without_the_rule_the_other_peg_is_no_success_either():
    kind = type("Reversed", (Inserts,), {"wrong_peg": True})
    assert not run_trial(TASK, kind(TASK), SEEDS, forgiving=True).success.any()
