"""A dumbbell on a swaying tray: experts know where it will be, others can foresee it for a moment only."""

import re

import numpy as np
import pytest
from bimodal.benchmark.certificate.feasibility import InMode
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.envs.errors import BimodalError
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import CONTROL_HZ
from bimodal.tasks import load_task
from bimodal.tasks.core.validation import problems
from bimodal.tasks.lift_moving_dumbbell import BAR, MOVED, RATES, STOPS, WAYS, LiftMovingDumbbell

TASK = load_task("PandaLiftMovingDumbbell-v1")
FREE = (0.08 - BAR[0]) / 2
"""Room between the bar and a finger of the open gripper [m]."""


@pytest.fixture(scope="module")
def begun():
    """Many episodes at their first step."""
    simulation = Simulation(TASK, 1000)
    simulation.reset(np.arange(1000))
    return simulation


def along(simulation, way):
    """Return what ways (N, 2) in the world are along the rail, (N,)."""
    yaw = simulation.frame[:, 2]
    return way[:, 0] * np.cos(yaw) + way[:, 1] * np.sin(yaw)


def test_the_tray_goes_where_drift_says_from_the_start_and_from_the_midst():
    simulation = Simulation(TASK, 8)
    simulation.reset(np.arange(8))
    stay = simulation.stay("ee_absolute")
    for _ in range(2):
        steps = np.arange(1, 31)
        told = TASK.drift(simulation, steps)
        first = simulation.position("dumbbell")[:, :2].copy()
        for step in steps:
            simulation.step(stay)
            moved = simulation.position("dumbbell")[:, :2] - first
            np.testing.assert_allclose(moved, told[:, step - 1], atol=5e-4)


def test_what_is_shown_of_its_velocity_is_how_fast_it_moves():
    simulation = Simulation(TASK, 8)
    simulation.reset(np.arange(8))
    seen = simulation.observe()["dumbbell_velocity"]
    next_step = TASK.drift(simulation, np.array([0.01]))[:, 0] * CONTROL_HZ / 0.01
    np.testing.assert_allclose(seen[:, :2], next_step, atol=2e-3)
    assert (seen[:, 2] == 0).all() and np.ptp(along(simulation, seen)) > 0.1


def test_present_place_and_velocity_tell_two_steps_ahead_and_not_eight(begun):
    """The best linear forecast from all that a policy without a past sees."""
    seen = np.concatenate([part.reshape(begun.n, -1) for part in begun.observe().values()], 1)
    known = np.column_stack([seen, np.ones(begun.n)])
    missed = {}
    for steps in (2, 4, 8):
        way = along(begun, TASK.drift(begun, np.array([steps]))[:, 0])
        forecast = known @ np.linalg.lstsq(known, way, rcond=None)[0]
        missed[steps] = float((np.abs(way - forecast) > FREE).mean())
    assert missed[2] == 0.0
    assert missed[4] < 0.01
    assert missed[8] > 0.4


def test_the_slides_have_too_little_energy_to_reach_their_stops():
    carriage, tray = MOVED
    ways, speeds = WAYS, WAYS * RATES  # the most with which they begin
    springs = MOVED * RATES**2
    motion = carriage * speeds[0] ** 2 + 2 * tray * speeds[0] * speeds[1] + tray * speeds[1] ** 2
    energy = (motion + springs @ ways**2) / 2
    assert (np.sqrt(2 * energy / springs) < STOPS).all()


def test_the_average_start_is_still_for_scenes_are_checked_in_it():
    class Middle:
        def uniform(self, low=0.0, high=1.0, size=None):
            return np.broadcast_to((np.asarray(low) + np.asarray(high)) / 2, size or ())

    start = TASK.start(Middle())
    assert not any(start.ways.values())
    assert not any(np.any(velocity) for velocity in start.velocities.values())


def test_an_expert_follows_a_dumbbell_that_drifts_and_is_knocked():
    """It must tell a knock from the drift that its plan knows of, or it would follow the drift twice."""
    for variant in ("clean", "contact.knock:2"):
        assert run_trial(TASK, InMode(TASK, 1), range(6), variant=variant).success.all(), variant


@pytest.mark.parametrize(
    ("begins", "text"),
    [
        ({"ways": {"dumbbell": 0.1}}, "'dumbbell', which does not slide"),
        ({"ways": {"shelf": 0.1}}, "unknown moving body 'shelf'"),
        ({"velocities": {"tray": np.zeros(3)}}, "'tray' a velocity of shape (3,); it must be (1,)"),
        ({"velocities": {"dumbbell": np.zeros(1)}}, "it must be (3,)"),
        ({"velocities": {"rail": np.zeros(1)}}, "unknown moving body 'rail'"),
    ],
)
def test_a_start_that_moves_what_does_not_move_so_is_refused(begins, text):
    simulation = Simulation(TASK, 1)
    start = TASK.start(np.random.default_rng(0))._replace(**begins)
    with pytest.raises(BimodalError, match=re.escape(text)):
        simulation.begin([start])


def test_a_task_whose_drift_is_wrong_is_refused():
    class Still(LiftMovingDumbbell):
        """As the task, but it says that nothing moves.

        **Goal**: -
        **Randomised**: -
        **Success**: -
        """

        def drift(self, simulation, steps):
            return np.zeros((simulation.n, len(steps), 2))

    found = problems(Still())
    assert len(found) == 1 and "'dumbbell' moves" in found[0]
