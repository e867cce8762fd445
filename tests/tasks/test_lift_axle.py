"""The axle: two arms lift it by opposite grips, and by no others."""

import numpy as np
import pytest
from bimodal.envs.frames import rotated
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core.hand_path import plan_from_paths
from bimodal.tasks.core.referee import Referee

TASK = load_task("TwoPandaLiftAxle-v1")


@pytest.fixture(scope="module")
def played():
    """What becomes of the axle when the second arm takes the opposite grip, and when one or two further."""
    simulation = Simulation(TASK, 6)
    simulation.reset(np.arange(6))
    starts = np.stack([simulation.in_frame(arm.tcp_position) for arm in simulation.arms])
    first = np.array([0, 1, 3, 0, 1, 3])
    second = (first + [0, 0, 0, 1, 2, 1]) % 8
    paths = [TASK._path(arm, starts[arm], modes) for arm, modes in enumerate((first, second))]
    referee = Referee(TASK, 6)
    risen = []
    for action in np.swapaxes(plan_from_paths(paths, simulation.frame), 0, 1):
        simulation.step(action)
        seen = TASK.measure(simulation)
        referee.see(seen, simulation.diverged)
        risen.append(seen.lift.copy())
    return first, referee.verdict(), np.array(risen)


def test_opposite_grips_lift_the_axle_in_the_mode_of_the_first(played):
    first, verdict, risen = played
    assert verdict.success[:3].all() and (verdict.mode[:3] == first[:3]).all()
    assert (risen[-1, :3] > 0.1).all()


def test_two_grips_that_do_not_agree_are_no_success_however_high_they_lift_it(played):
    _, verdict, risen = played
    assert not verdict.success_ever[3:].any() and (verdict.mode[3:] == -1).all()
    assert (risen.max(0)[3:] > TASK.success_height).any(), "what fails is the agreement, not the lift"


def test_the_plans_of_the_arms_are_each_other_turned_round():
    k = len(TASK.modes)
    starts = np.repeat(TASK.hands()[:, None, :3], k, axis=1)
    one, other = (path.actions(np.zeros((k, 3))) for path in TASK.paths(starts, np.arange(k)))
    x, y = rotated(other[..., 0], other[..., 1], np.array(np.pi))
    np.testing.assert_allclose(np.stack([x, y, other[..., 2]], -1), one[..., :3], atol=1e-9)


def test_both_wheels_must_be_up():
    simulation = Simulation(TASK, 1)
    simulation.reset([0])
    flat = TASK.measure(simulation).lift[0]
    address = simulation.model.joint("axle").qposadr[0]
    simulation.qpos[0, address + 2] += 0.1
    simulation.qpos[0, address + 3 : address + 7] = [np.cos(0.1), np.sin(0.1), 0, 0]
    simulation.batch.forward()
    tilted = TASK.measure(simulation).lift[0]
    ways = simulation.rotation("axle")[0] @ [*TASK.grasps[:, :2].mean(0), 0.0]
    assert flat < 1e-6 and tilted == pytest.approx(0.1 - abs(ways[2]), abs=1e-6) and tilted < 0.08
