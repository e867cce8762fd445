"""The certificate of a task of several choices: modes that part late look alike until then."""

import numpy as np
from bimodal.benchmark.certificate.hidden_mode_gate import hidden_mode_checks
from bimodal.benchmark.certificate.physics_gates import LATEST_ACT
from bimodal.benchmark.certificate.trials import Blend, parting, run_trial
from bimodal.envs.specs import Spec
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.press import PRESS_Z
from bimodal.tasks.press_three_buttons import PressThreeButtons

SEEDS = range(500_000, 500_003)
SAME_START = (0, 1)
"""Two modes that press the same button first."""


class Telltale(PressThreeButtons):
    """While the first button is pressed, an observed number tells the whole mode."""

    @property
    def observation(self):
        return (*super().observation, Spec("hint", (1,), "1", "-", -1, 6, "The mode."))

    def plan(self, simulation, modes):
        self.told = np.asarray(modes, float)
        return super().plan(simulation, modes)

    def observe(self, simulation):
        pressing = simulation.hand[:, 2] < PRESS_Z + 0.005
        return super().observe(simulation) | {"hint": np.where(pressing, self.told, -1.0)[:, None]}


def test_two_modes_part_where_their_plans_first_differ():
    task = load_task("PandaPressThreeButtons-v1")
    assert parting(task, (0, 2), SEEDS[0]) == task.shared_steps
    assert parting(task, SAME_START, SEEDS[0]) > task.shared_steps + 16


def test_the_average_of_two_modes_that_part_late_fails_at_the_later_choice():
    task = load_task("PandaPressThreeButtons-v1")
    late = parting(task, SAME_START, SEEDS[0])
    blend = Blend(task, np.eye(6)[list(SAME_START)].mean(0))
    acted = run_trial(task, blend, SEEDS, acts_from=late).acted - late
    assert (acted >= 0).all() and (acted <= LATEST_ACT).all()
    first = run_trial(task, blend, SEEDS)
    assert (first.acted < late).all() and not first.success.any()  # the first button, which both press


def test_a_later_choice_that_can_be_read_before_it_comes_fails_gate_4():
    kinds = {PressThreeButtons: [], Telltale: ["twins of a later choice"]}
    for kind, wanted in kinds.items():
        demos = collect(kind(), episodes=60, process_noise=0.0)
        failed = [check.name for check in hidden_mode_checks(kind(), demos, demos) if not check.passed]
        assert failed == wanted
