"""The safety filter: its limits hold whatever a policy asks for, and what was sound is not touched."""

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import WrongUse
from bimodal.envs.frames import to_frame
from bimodal.envs.robot import inverse_kinematics as control
from bimodal.envs.robot import panda as robot
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS, bounds, size
from bimodal.policies import Decision, Episodes, Needs, Policy, load_policy
from bimodal.policies.baselines import Zero
from bimodal.policies.core.policy import PlanRecord
from bimodal.policies.experts import Expert
from bimodal.policies.safety.limits import Limits
from bimodal.policies.safety.safety_filter import SafetyFilter
from bimodal.tasks import load_task, task_names

DUMBBELL, POST, TWO = "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1", "TwoPandaHandover-v1"
LIMITS = Limits()
N, H, EXECUTE = 6, 8, 4


class Given(Policy):
    """Asks for the chunks that it is given."""

    def __init__(self, task, chunks, space="ee_absolute", privileged=False, plan=None):
        super().__init__(task)
        self.chunks, self.space, self.privileged, self.plan = list(chunks), space, privileged, plan

    def needs(self):
        return Needs(("gripper_opening",), self.space, EXECUTE, self.privileged)

    def act(self, observation):
        assert set(observation) == {"gripper_opening"}
        return Decision(self.chunks.pop(0), self.plan)


def wild(space, arms=1, decisions=5):
    """Uniform over the whole action space: far beyond any limit."""
    rng = np.random.Generator(np.random.Philox(key=[7, arms]))
    low, high = (np.tile(bound, arms) for bound in bounds(ACTIONS[space]))
    return rng.uniform(low, high, (decisions, N, H, len(low)))


def filtered(policy, simulation, decisions):
    """Return what comes through a filter: executed actions (N, T, A) and verdicts, without any physics."""
    safe = SafetyFilter(policy)
    safe.reset(Episodes(np.zeros(N, np.uint64), simulation if policy.needs().privileged else None))
    found, verdicts = [], []
    for _ in range(decisions):
        decision = safe.act({name: simulation.observe()[name] for name in safe.needs().observations})
        found.append(decision.actions[:, :EXECUTE])
        verdicts.append(decision.plan.verdict)
    return np.concatenate(found, axis=1), np.array(verdicts)


def reset(name=DUMBBELL):
    simulation = Simulation(load_task(name), N)
    simulation.reset(range(N))
    return simulation


@pytest.mark.parametrize("name", [DUMBBELL, TWO])
def test_targets_of_the_hand_stay_slow_and_in_the_workspace(name):
    task, simulation = load_task(name), reset(name)
    actions, verdicts = filtered(Given(task, wild("ee_absolute", task.arms)), simulation, 5)
    assert all(verdict.startswith("repaired: ") for verdict in verdicts.ravel())
    assert all(rule in verdicts[0, 0] for rule in ("workspace", "speed", "turn"))
    for arm, part in zip(simulation.arms, np.split(actions, task.arms, axis=-1), strict=True):
        path = np.concatenate([arm.tcp_position[:, None], part[..., :3]], axis=1)
        assert np.linalg.norm(np.diff(path, axis=1), axis=-1).max() <= LIMITS.speed + 1e-7
        local = to_frame(part[..., :3].reshape(-1, 3), np.tile(arm.base, (part[..., 0].size, 1)))
        assert (local >= np.array(LIMITS.low) - 1e-7).all() and (local <= np.array(LIMITS.high) + 1e-7).all()
        turned = control.rotation_from_columns(part[..., 3:9])
        turned = np.concatenate([arm.tcp_rotation[:, None], turned], axis=1)
        cosine = (np.einsum("nhij,nhij->nh", turned[:, 1:], turned[:, :-1]) - 1) / 2
        assert np.arccos(np.clip(cosine, -1, 1)).max() <= LIMITS.turn + 1e-6


def test_steps_of_the_hand_stay_short_and_lead_nowhere_else():
    simulation = reset()
    actions, verdicts = filtered(Given(load_task(DUMBBELL), wild("ee_delta"), "ee_delta"), simulation, 5)
    unit = control.DELTA_TRANSLATION
    assert np.linalg.norm(actions[..., :3], axis=-1).max() * unit <= LIMITS.speed + 1e-7
    assert np.linalg.norm(actions[..., 3:6], axis=-1).max() * control.DELTA_ROTATION <= LIMITS.turn + 1e-7
    assert all("speed" in verdict for verdict in verdicts.ravel())
    down = np.zeros((1, N, H, 7))
    down[..., 2] = -0.5
    steps, _ = filtered(Given(load_task(DUMBBELL), np.repeat(down, 4, axis=0), "ee_delta"), simulation, 4)
    lowest = simulation.tcp_position[:, 2] + unit * np.cumsum(steps[:, :EXECUTE, 2], axis=1).min(1)
    assert (lowest >= LIMITS.low[2] - 1e-7).all()


def test_joints_stay_slow_and_within_their_limits():
    chunks = wild("joint_absolute")
    actions, verdicts = filtered(Given(load_task(DUMBBELL), chunks, "joint_absolute"), reset(), 5)
    model = load_task(DUMBBELL).spec().compile()
    low, high = np.array([model.joint(name).range for name in robot.ARM_JOINTS]).T
    assert (actions[..., :7] >= low - 1e-9).all() and (actions[..., :7] <= high + 1e-9).all()
    assert np.abs(np.diff(actions[..., :7], axis=1)).max() <= LIMITS.joint_speed + 1e-9
    assert set(verdicts.ravel()) <= {"repaired: joints speed", "repaired: speed"}
    asked = np.concatenate([chunk[:, :EXECUTE] for chunk in chunks], axis=1)
    np.testing.assert_array_equal(actions[..., 7], asked[..., 7])


@pytest.mark.parametrize("name", task_names())
def test_an_expert_passes_untouched(name):
    task, shard = load_task(name), Shard(name, "clean", 0, (0, 1, 2))
    plain = run_shard(task, Expert(task), shard, "1")
    safe = run_shard(task, load_policy("safe(expert)", task), shard, "1")
    assert safe.digests.tolist() == plain.digests.tolist()
    assert set(safe.plans.verdict.ravel()) == {"pass"}


@pytest.mark.parametrize("space", list(ACTIONS))
def test_what_is_not_a_number_is_rejected_and_nobody_else_is_concerned(space):
    task, simulation = load_task(DUMBBELL), reset()
    still = np.repeat(simulation.stay(space)[:, None], H, axis=1)
    broken = still.copy()
    broken[2, 1, 0], broken[3, 0, -1] = np.nan, np.inf
    actions, verdicts = filtered(Given(task, [still, broken], space), simulation, 2)
    assert verdicts[1].tolist() == ["pass", "pass", "rejected: finite", "rejected: finite", "pass", "pass"]
    np.testing.assert_allclose(actions[:, EXECUTE:], still[:, :EXECUTE], atol=1e-12)


def test_a_hand_that_presses_on_the_table_retreats():
    class Push(Zero):
        def needs(self):
            return Needs(n_action_steps=EXECUTE, privileged=True)

        def act(self, observation):
            target = super().act(observation).actions
            target[..., 2] -= 0.03
            return Decision(target)

    task, shard = load_task(POST), Shard(POST, "clean", 0, (0, 1))  # nothing is under its hand
    safe = SafetyFilter(Push(task), Limits(low=(0.2, -0.5, -0.1)))
    found = run_shard(task, safe, shard, "1")
    plain = run_shard(task, Push(task), shard, "1")
    for row in range(2):
        pressed = np.flatnonzero(found.plans.verdict[row] == "rejected: force")
        assert len(pressed)
        for decision in pressed:
            rise = np.diff(found.plans.asked[row, decision, :, 2])
            assert (rise == round(1e5 * LIMITS.retreat)).all()
    assert found.trace.actions[..., 2].min() >= plain.trace.actions[..., 2].min()


def test_without_the_simulator_there_is_no_rule_of_force():
    chunks = np.repeat(reset().stay("ee_absolute")[None, :, None], H, axis=2)
    _, verdicts = filtered(Given(load_task(DUMBBELL), chunks), reset(), 1)
    assert set(verdicts.ravel()) == {"pass"}


def test_the_policys_own_record_is_kept_beside_the_verdict():
    task, simulation = load_task(DUMBBELL), reset()
    own = np.array(["pass"] * 3 + ["rejected: forbidden contact"] * 3)
    plan = PlanRecord(scores=np.arange(12.0).reshape(6, 2), verdict=own)
    chunk = np.repeat(simulation.stay("ee_absolute")[:, None], H, axis=1)
    chunk[::2, :, 2] += 1.0  # out of the workspace, and too fast
    safe = SafetyFilter(Given(task, [chunk], plan=plan))
    safe.reset(Episodes(np.zeros(N, np.uint64)))
    record = safe.act(simulation.observe()).plan
    assert record.scores is plan.scores
    repaired = "repaired: workspace speed"
    assert record.verdict.tolist() == [
        repaired,
        "pass",
        repaired,
        "rejected: forbidden contact",
        f"rejected: forbidden contact; {repaired}",
        "rejected: forbidden contact",
    ]


def test_a_filter_is_named_around_what_it_filters(tmp_path):
    task = load_task(DUMBBELL)
    safe = load_policy("safe(random)", task)
    assert isinstance(safe, SafetyFilter) and type(safe.policy).__name__ == "Random"
    assert type(safe).__qualname__ == "safe(random)"
    twice = load_policy("safe(safe(zero))", task)
    assert isinstance(twice.policy, SafetyFilter)
    file = tmp_path / "mine.py"
    file.write_text("from bimodal.policies.baselines import Zero\nclass Mine(Zero): pass\n")
    mine = load_policy(f"safe({file}:Mine)", task)
    assert type(mine).__qualname__ == "safe(Mine)", "no path of a machine is a name"
    assert type(mine.policy).__name__ == "Mine" and list(mine.artifacts()) == ["mine.py"]
    for wrong in ("safe(nothing)", "safe()", "safe(zero"):
        with pytest.raises(WrongUse):
            load_policy(wrong, task)


def test_a_filter_of_a_policy_that_reads_everything_reads_everything():
    task = load_task(DUMBBELL)
    assert SafetyFilter(Zero(task)).needs() == Zero(task).needs()
    needs = SafetyFilter(Given(task, [])).needs()
    assert needs.observations == ("gripper_opening", "tcp_position", "tcp_rotation")
    assert size(ACTIONS[needs.action]) == 10 and needs.n_action_steps == EXECUTE
