"""Between policy and harness: what a policy does to what it was given, or gave, reaches nobody else."""

import faulthandler
import signal
import threading
import time

import numpy as np
import pytest
from bimodal.benchmark.rollout.latency import measure
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.benchmark.rollout.timeouts import Deadline, PolicyTimeout
from bimodal.envs.errors import WrongUse
from bimodal.policies import Needs
from bimodal.policies.baselines import Zero
from bimodal.policies.core.policy import plain_needs
from bimodal.policies.core.registry import load_policy
from bimodal.policies.experts import Expert
from bimodal.policies.safety.safety_filter import SafetyFilter
from bimodal.tasks import load_task
from perturbed_episodes import SEEDS, TASK, Ruins, Watching
from scoring import DUMBBELL


def test_the_safety_filter_shares_nothing_with_the_policy_inside():
    def filtered(policy):
        return SafetyFilter(load_policy(policy, TASK))

    shard = Shard(TASK.id, "clean", 0, SEEDS)
    ruins, polite = (run_shard(TASK, filtered(policy), shard, "1") for policy in (Ruins, Watching))
    assert ruins.digests.tolist() == polite.digests.tolist()


# ------------------------------------------------------------------------------------- what it says it needs


class Sly(Needs):
    """Says that it reads the simulator only to who changes it."""

    def _replace(self, **_):
        return Needs(privileged=True)


@pytest.mark.parametrize(
    ("needs", "wrong"),
    [
        (Sly(), "must be a Needs"),
        ("everything", "must be a Needs"),
        (Needs(observations="tcp_position"), "must be a tuple of names"),
        (Needs(observations=("tcp_position", 3)), "must be a tuple of names"),
        (Needs(action=b"ee_absolute"), "must be the name of an action space"),
        (Needs(n_action_steps=2.5), "must be a whole number"),
        (Needs(n_action_steps=True), "must be a whole number"),
        (Needs(privileged="no"), "must be True or False"),
    ],
)
def test_needs_are_refused_unless_they_are_plain_values(needs, wrong):
    with pytest.raises(WrongUse, match=wrong):
        plain_needs(needs)


def test_needs_of_numpy_and_lists_become_plain_ones():
    said = Needs(["tcp_position"], "ee_delta", np.int64(4), np.bool_(False), np.int64(128))
    plain = plain_needs(said)
    assert plain == Needs(("tcp_position",), "ee_delta", 4, False, 128)
    assert [type(value) for value in plain] == [tuple, str, int, bool, int, int, int]


def test_a_policy_that_was_not_announced_as_privileged_never_has_the_simulator():
    class Later(Zero):
        given = []  # noqa: RUF012

        def needs(self):
            return Needs(privileged=True)

        def reset(self, episodes):
            self.given.append(episodes.simulation)

    task = load_task(DUMBBELL)
    policy = load_policy(Later, task)
    run_shard(task, policy, Shard(DUMBBELL, "clean", 0, (0,)), "1", privileged=False)
    measure(task, policy, Deadline(), privileged=False)
    assert Later.given == [None, None]


# ------------------------------------------------------------------------------ how long it takes


def cancel_the_alarms():
    signal.setitimer(signal.ITIMER_REAL, 0)
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize(
    "trick", [cancel_the_alarms, lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN)], ids=["T1", "T2"]
)
def test_a_decision_over_the_deadline_is_late_whatever_became_of_the_alarm(trick):
    class Late(Expert):
        def act(self, observation):
            trick()
            time.sleep(0.15)
            return super().act(observation)

    task = load_task(DUMBBELL)
    shard = Shard(DUMBBELL, "clean", 0, (0, 1))
    found = run_shard(task, load_policy(Late, task), shard, "1", deadline=Deadline(0.1))
    assert found.verdict.label.tolist() == ["POLICY_TIMEOUT"] * 2
    assert found.faults.tolist() == ["no decision within 0.1 s"] * 2


def test_a_call_outside_the_main_thread_is_timed_too():
    raised = []

    def call():
        try:
            with Deadline(0.01).watch():
                time.sleep(0.03)
        except PolicyTimeout:
            raised.append(True)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert raised
