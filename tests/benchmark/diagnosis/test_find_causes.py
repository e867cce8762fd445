"""Causes of failures whose cause is known: one fault put into an otherwise good loop."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import Blend
from bimodal.benchmark.diagnosis.arms import Subject
from bimodal.benchmark.diagnosis.find_causes import find_causes
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.policies import Policy, load_policy
from bimodal.policies.core.policy import Decision
from bimodal.policies.experts import Expert
from bimodal.tasks import load_task
from scoring import DUMBBELL

VERSION = "1.0"


class Averaging(Blend):
    """Executes the mean of both experts' plans; its sibling is told which one to take."""

    labelled_sibling = Expert

    def __init__(self, task):
        super().__init__(task, [0.5, 0.5])


class Second(Expert):
    """An expert that always takes the second mode."""

    def modes(self, episodes):
        return np.ones(len(episodes.noise_keys), int)


class Short(Expert):
    """An expert that stops half-way down."""

    def plan(self, simulation, episodes):
        return super().plan(simulation, episodes)[:, :20]


class Lucky(Expert):
    """An expert that gives up in one of four episodes, by its noise."""

    def plan(self, simulation, episodes):
        self._idle = episodes.noise_keys % 4 == 0
        self._stay = simulation.stay("ee_absolute")
        return super().plan(simulation, episodes)

    def act(self, observation):
        actions = super().act(observation).actions
        return Decision(np.where(self._idle[:, None, None], self._stay[:, None], actions))


def diagnosed(policy, variant="clean", count=40, most=2, reruns=5, task=DUMBBELL):
    """Return the labels and findings of the first failures of a policy."""
    task = load_task(task)
    shard = Shard(task.id, variant, 0, tuple(range(count)))
    verdict = run_shard(task, load_policy(policy, task), shard, VERSION).verdict
    failed = np.flatnonzero(~verdict.success)[:most]
    assert len(failed)
    labels = verdict.label[failed]
    return labels, find_causes(Subject(task, policy, variant, VERSION), failed, labels, reruns)


@pytest.fixture(scope="module")
def short():
    return diagnosed(Short, count=2)


def test_a_disturbed_interface_is_found_among_others_which_are_not_run_to_their_end():
    slow_fingers = "actuation.gripper_speed:3+contact.friction:1"
    _, (one,) = diagnosed(Second, slow_fingers, count=1, task="PandaLiftMug-v1")
    assert (one.finding, one.causes) == ("cause", ("control",))
    assert {tried.repair: tried.n for tried in one.tried} == {
        "nothing": 5,
        "control": 5,
        "dynamics": 3,
        "evaluation": 5,
    }


def test_a_policy_that_averages_wants_a_choice():
    _, found = diagnosed(Averaging, count=2)
    assert [(one.finding, one.causes) for one in found] == [("cause", ("representation",))] * 2


def test_luck_is_not_called_a_cause():
    _, found = diagnosed(Lucky, reruns=8, most=4)
    assert {one.finding for one in found} == {"chance"}
    assert {one.tried[0].n for one in found} == {16}
    assert all(not one.causes for one in found)


def test_the_baseline_repeats_the_failure_to_its_label_and_comes_first(short):
    labels, found = short
    assert set(labels) == {"NO_ATTEMPT"}
    assert [one.causes for one in found] == [("planning",)] * 2
    for one in found:
        assert one.tried[0].repair == "nothing" and not one.tried[0].same_noise
        assert (one.tried[0].successes, one.tried[0].n) == (0, 5)


def test_an_episode_that_does_not_come_out_as_recorded_has_no_cause():
    task = load_task(DUMBBELL)
    (one,) = find_causes(
        Subject(task, Short, "clean", VERSION), np.array([0]), np.array(["COLLISION_MID"]), 5
    )
    assert (one.finding, one.causes) == ("not repeated", ())


def test_a_policy_is_not_asked_to_be_two_at_once():
    class Deaf(Policy):
        """Does nothing at all, and cannot be told a mode."""

        def needs(self):
            return super().needs()._replace(action="joint_absolute")

        def act(self, observation):
            n = len(observation["tcp_position"])
            return Decision(np.tile([0, 0, 0, -1.5, 0, 1.5, 0, 0.08], (n, 8, 1)))

    _, found = diagnosed(Deaf, count=2)
    assert [one.causes for one in found] == [("planning",)] * 2
    assert all("representation" not in [tried.repair for tried in one.tried] for one in found)
