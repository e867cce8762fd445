"""The slalom: each post on the other side than the one before, of which nothing shows at the choice."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task
from bimodal.tasks.core.hand_path import HandPath, plan_from_paths
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.pass_slalom import TOP, PassSlalom

SEEDS = range(500_000, 500_002)
CHOICES = (42, 76)
"""Control steps at which the sides of the second and of the third post are chosen."""
NEAR = False
FAR = True


@pytest.mark.parametrize("step", CHOICES)
def test_when_a_side_is_chosen_nothing_shows_that_of_the_post_before(step):
    demos = collect(load_task("PandaPassSlalom-v1"), episodes=2, process_noise=0.0)
    assert demos.success.all()
    for part, seen in demos.observations.items():
        assert np.ptp(seen[:, step], axis=0).max() < 1e-3, f"{part} tells the modes apart at the choice"
    assert (
        np.ptp(demos.actions[:, step - 1], axis=0).max() < 1e-6 < np.ptp(demos.actions[:, step], axis=0).max()
    )


class Passes(Planned):
    """Passes the posts on given sides, higher by `above` [m]."""

    sides = (NEAR, FAR, NEAR)
    above = 0.0

    def plan(self, simulation, episodes):
        task = self.task
        assert isinstance(task, PassSlalom)
        start = simulation.in_frame(simulation.tcp_position)
        plan = plan_from_paths(
            [task.path_along(start, np.tile(self.sides, (len(start), 1)))], simulation.frame
        )
        plan[:, task.shared_steps : -26, 2] += self.above
        return plan


@pytest.mark.parametrize(
    ("sides", "above", "mode"),
    [
        ((NEAR, FAR, NEAR), 0.0, 0),
        ((FAR, NEAR, FAR), 0.0, 1),
        ((NEAR, NEAR, FAR), 0.0, -1),
        ((NEAR, FAR, FAR), 0.0, -1),
        ((FAR, FAR, FAR), 0.0, -1),
        ((NEAR, FAR, NEAR), TOP, -1),
    ],
)
def test_only_alternate_sides_below_the_tops_count_though_the_button_is_pressed(sides, above, mode):
    kind = type("Passes", (Passes,), {"sides": sides, "above": above})
    task = load_task("PandaPassSlalom-v1")
    result = run_trial(task, kind(task), SEEDS)
    assert (result.success == (mode >= 0)).all() and (result.mode == mode).all()
    assert (result.illegal == 0).all()


def test_a_hand_that_stays_low_behind_a_post_is_stopped_by_the_hurdle():
    task = load_task("PandaPassSlalom-v1")
    assert isinstance(task, PassSlalom)

    class StaysLow(Planned):
        def plan(self, simulation, episodes):
            start = simulation.in_frame(simulation.tcp_position)
            beside = task.grasps[0, :3]
            path = HandPath(start, task.hand_yaw, 0.02).line(beside, 30).line(beside + [0, 0.135, 0], 20)
            return plan_from_paths([path], simulation.frame)

    result = run_trial(task, StaysLow(task), SEEDS)
    assert (result.illegal > 1).all()
