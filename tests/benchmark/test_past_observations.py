"""Policies that see a past: every control step as it was shown then, in every place that plays episodes."""

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.evaluation.trial import try_policy
from bimodal.benchmark.isolation import channel
from bimodal.benchmark.isolation.box import BoxedPolicy
from bimodal.benchmark.isolation.source import Here
from bimodal.benchmark.records.contract_card import known
from bimodal.benchmark.report.run_origin import facts
from bimodal.benchmark.rollout.observation import Observer
from bimodal.benchmark.rollout.shard import Shard, check_needs, run_shard
from bimodal.benchmark.rollout.timeouts import Deadline
from bimodal.benchmark.suites import find_suite
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import from_grid, to_grid
from bimodal.policies import Decision, Needs, Policy
from bimodal.policies.core.registry import load_policy
from bimodal.policies.safety.safety_filter import SafetyFilter
from bimodal.tasks import load_task
from bimodal.tasks.core.referee import Referee

TASK = load_task("PandaLiftDumbbell-v1")
SEEDS = (4, 5, 6)
STEPS = 17
"""Control steps that are looked at: three decisions of a policy that executes eight."""
SHIFTED = ("clean", "sensing.noise:2", "sensing.dropout:2", "sensing.latency:2")


def moves(simulation):
    """Return the expert's actions (N, T, A) as the robot is commanded them."""
    return from_grid(to_grid(TASK.plan(simulation, np.arange(simulation.n) % 2)))


def decisions(variant, seeds=SEEDS, **needs):
    """Return what a policy is shown at each of its decisions while the expert moves."""
    simulation = Simulation(TASK, len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    observer = Observer(TASK, simulation, Needs(**needs))
    plan = moves(simulation)
    shown = {}
    for step in range(STEPS):
        shown[step] = observer.see(step, np.ones(len(seeds), bool))
        simulation.step(plan[:, step])
    return {step: seen for step, seen in shown.items() if seen}


@pytest.mark.parametrize("variant", SHIFTED)
def test_the_past_is_what_was_shown_in_every_control_step_and_the_first_is_repeated(variant):
    every = decisions(variant, n_action_steps=1)
    past = decisions(variant, n_obs_steps=11)
    assert list(past) == [0, 8, 16]
    for step, seen in past.items():
        for name, values in seen.items():
            frames = [every[max(0, step - back)][name] for back in range(10, -1, -1)]
            assert np.array_equal(values, np.stack(frames, axis=1)), (step, name)
    alone = decisions(variant, seeds=SEEDS[1:2], n_obs_steps=11)
    assert all(np.array_equal(past[16][name][1:2], alone[16][name]) for name in past[16])


def test_gymnasiums_stack_of_frames_is_the_same_past():
    env = gymnasium.wrappers.FrameStackObservation(
        gymnasium.make(f"bimodal/{TASK.id}"), 11, padding_type="reset"
    )
    seen, _ = env.reset(seed=SEEDS[0])
    simulation = Simulation(TASK, 1)
    simulation.reset(SEEDS[:1])
    plan = moves(simulation)
    past = decisions("clean", SEEDS[:1], n_obs_steps=11)
    for step in range(STEPS):
        if step in past:
            assert all(np.array_equal(past[step][name][0], seen[name]) for name in past[step])
        seen, *_ = env.step(plan[0, step])


@pytest.mark.parametrize("wrong", [0, 65, 2.0, True])
def test_a_past_that_is_none_is_refused_in_one_line(wrong):
    with pytest.raises(WrongUse, match=r"^needs\(\)\.n_obs_steps is .*; it must be 1 to 64$"):
        check_needs(TASK, Needs(n_obs_steps=wrong))


class Newest(Policy):
    """`random`, asked with a past, of which it takes the present: the same episodes."""

    def __init__(self, task):
        super().__init__(task)
        self.inner = load_policy("random", task)

    def needs(self):
        return self.inner.needs()._replace(n_obs_steps=3)

    def reset(self, episodes):
        self.inner.reset(episodes)

    def act(self, observation):
        assert all(values.shape[:2] == (len(SEEDS), 3) for values in observation.values())
        return self.inner.act({name: values[:, -1] for name, values in observation.items()})


def played(policy):
    shard = Shard(TASK.id, "clean", 0, SEEDS)
    return run_shard(TASK, policy, shard, "past", referee=Referee(TASK, 3, STEPS)).digests.tolist()


def test_a_past_changes_no_episode_and_the_safety_filter_takes_the_present():
    assert played(Newest(TASK)) == played(load_policy("random", TASK))
    assert played(SafetyFilter(Newest(TASK))) == played(SafetyFilter(load_policy("random", TASK)))


def test_the_record_and_the_card_say_how_much_is_seen():
    options = EvalOptions(workers=0)
    suite = find_suite("core", (TASK.id,), range(2), ())
    record = describe(Newest, suite, options)
    assert record.policy.plain()["n_obs_steps"] == 3
    assert "of the last 3 control steps; once every 8" in known(record).observation_stream
    assert facts(record)["Reads"].endswith("of the last 3 control steps")
    assert "n_obs_steps" not in describe("random", suite, options).policy.plain()


class Wire:
    """What a shut-in policy answers, through the words of the channel."""

    def ask(self, say, arrays=None):
        if say["ask"] == "needs":
            return channel.Message({"needs": [["tcp_position"], *Needs(n_obs_steps=2)[1:]]}, {})
        self.shape = arrays["tcp_position"].shape
        return channel.Message({}, {"actions": np.zeros((3, 8, 10))})


def test_a_shut_in_policy_is_sent_its_past():
    wire = Wire()
    boxed = BoxedPolicy(TASK, wire, clip=True)
    assert boxed.needs() == Needs(("tcp_position",), n_obs_steps=2)
    assert isinstance(boxed.act(decisions("clean", **boxed.needs()._asdict())[8]), Decision)
    assert wire.shape == (3, 2, 3)


@pytest.mark.parametrize(("name", "wrong"), [("Holds", 0), ("HoldsWithRows", 1)])
def test_a_trial_compares_what_is_asked_with_the_present(name, wrong, tmp_path):
    file = tmp_path / "with_a_past.py"
    file.write_text(
        "from bimodal.policies import Needs\n"
        f"from flawed_policies import {name} as Inner\n"
        f"class {name}(Inner):\n"
        "    def needs(self):\n"
        "        return Needs(n_obs_steps=2)\n"
        "    def act(self, observation):\n"
        "        return super().act({part: past[:, -1] for part, past in observation.items()})\n"
    )
    found = try_policy(Here(f"{file}:{name}", None), TASK, Deadline(300.0), 300.0)
    assert len(found.problems) == wrong and all("transpose" in line for line in found.problems)
