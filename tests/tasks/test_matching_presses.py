"""Tasks in which the second press depends on the first, which nothing shows when the hand must choose."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task
from bimodal.tasks.core.hand_path import plan_from_paths
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.press_matching_pair import DECISION_Z, PressMatchingPair
from bimodal.tasks.press_same_side import PressSameSide

SEEDS = range(500_000, 500_002)
CHOICES = {"PandaPressMatchingPair-v1": 48, "TwoPandaPressSameSide-v1": 57, "PandaPressCuedOrder-v1": 48}
"""Control step at which the second press is chosen."""
FAR, LEFT, NEAR = range(3)


@pytest.mark.parametrize(("name", "step"), CHOICES.items())
def test_when_the_second_press_is_chosen_nothing_shows_the_first(name, step):
    task = load_task(name)
    k = len(task.modes)
    demos = collect(task, episodes=k, process_noise=0.0)
    assert demos.success.all()
    for part, seen in demos.observations.items():
        assert np.ptp(seen[:, step], axis=0).max() < 1e-3, f"{part} tells the modes apart at the choice"
    assert (
        np.ptp(demos.actions[:, step - 1], axis=0).max() < 1e-6 < np.ptp(demos.actions[:, step], axis=0).max()
    )


class PressesTwo(Planned):
    """Presses two buttons of four, one after the other."""

    first, second = FAR, NEAR

    def plan(self, simulation, episodes):
        task = self.task
        assert isinstance(task, PressMatchingPair)
        start = simulation.in_frame(simulation.tcp_position)
        path = task.begin(start, DECISION_Z)
        path = task.press_and_return(path, np.tile(task.grasps[self.first, :3], (len(start), 1)), DECISION_Z)
        return plan_from_paths([path.arc(task.grasps[self.second, :3], 8).wait(20)], simulation.frame)


@pytest.mark.parametrize(("second", "mode", "ends"), [(NEAR, 0, False), (LEFT, -1, True), (FAR, -1, False)])
def test_only_the_other_button_of_the_colour_counts_and_one_of_the_other_colour_ends_it(second, mode, ends):
    kind = type("Presses", (PressesTwo,), {"second": second})
    task = load_task("PandaPressMatchingPair-v1")
    result = run_trial(task, kind(task), SEEDS)
    assert (result.success == (mode >= 0)).all() and (result.mode == mode).all()
    assert ((result.illegal > 1) == ends).all()


class PressesAtOnce(Planned):
    """Presses with the second arm as `follows` says, from the start or after the first."""

    follows = 1
    waits = True

    def plan(self, simulation, episodes):
        plans = [self.task.plan(simulation, np.full(simulation.n, mode)) for mode in range(2)]
        second = plans[self.follows][..., 10:]
        if not self.waits:  # from where it goes down, at the step at which the first does
            second = np.concatenate([second[:, 41:], np.repeat(second[:, -1:], 41, 1)], 1)
        return np.concatenate([plans[0][..., :10], second], -1)


@pytest.mark.parametrize(
    ("follows", "waits", "succeeds"), [(0, True, True), (1, True, False), (0, False, False)]
)
def test_the_second_arm_must_take_the_side_of_the_first_and_wait_for_it(follows, waits, succeeds):
    kind = type("Presses", (PressesAtOnce,), {"follows": follows, "waits": waits})
    task = load_task("TwoPandaPressSameSide-v1")
    assert isinstance(task, PressSameSide)
    result = run_trial(task, kind(task), SEEDS)
    assert (result.success == succeeds).all()
    assert ((result.illegal > 1) == (not succeeds)).all()
