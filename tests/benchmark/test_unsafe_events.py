"""Every unsafe event is made to happen, experts have none; forces and energy are known."""

from itertools import pairwise

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.measures import signals as signals_module
from bimodal.benchmark.measures.episode_measures import measures_of
from bimodal.benchmark.measures.signals import read_signals
from bimodal.benchmark.measures.unsafe_events import (
    FORCE_LIMIT,
    KINDS,
    UnsafeEvents,
    count_events,
    find_events,
    recovered,
)
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.robot import panda
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import from_grid
from bimodal.policies.core.policy import CHUNK_SIZE, Needs
from bimodal.policies.experts import Expert, Planned
from bimodal.tasks import load_task, task_names
from slow_cases import DIFFERENT_TASKS, mostly_slow

CUBES, HANDOVER = "PandaPickEitherCube-v1", "TwoPandaHandover-v1"
SEEDS = (0, 1, 2)
SIDE = np.array([0.35, 0.25, 0.2])
"""A place beside every object of CUBES [m]."""


def poses(task, points, opening=0.08):
    """A plan of a hand that points down along points (T, 3) [m], for every seed."""
    turn = panda.down(np.full(len(points), np.pi))
    columns = np.concatenate([turn[..., 0], turn[..., 1]], axis=-1)
    plan = np.concatenate([points, columns, np.full((len(points), 1), opening)], axis=1)
    return np.repeat(plan[None], len(SEEDS), axis=0)


def ways(*points, steps=20):
    """Straight lines through points, so many control steps each."""
    return np.concatenate([np.linspace(a, b, steps) for a, b in pairwise(points)])


def flown(make, task=CUBES, action="ee_absolute"):
    """Run a plan of `make(task, simulation)`; return the shard's result and its signals."""

    class Flown(Planned):
        def needs(self):
            return Needs(action=action, n_action_steps=CHUNK_SIZE, privileged=True)

        def plan(self, simulation, episodes):
            return make(self.task, simulation)

    found = load_task(task)
    result = run_shard(found, Flown(found), Shard(task, "clean", 0, SEEDS), "1")
    assert not any(result.faults)
    return result, read_signals(result.shard, result.trace, result.verdict.steps, action)


def presses(task, _):
    down = SIDE * [1, 1, 0] - [0, 0, 0.05]
    return poses(task, ways(SIDE, SIDE, down, down, SIDE))


def leaves(task, _):
    return poses(task, ways(SIDE, SIDE, SIDE + [0, 0.25, 0.1], SIDE))


def drops(task, simulation):
    plan = task.plan(simulation, np.zeros(simulation.n, int))
    plan[:, 55:, 9] = 0.08
    return plan


def turns(joint, angle):
    def make(task, simulation):
        plan = np.tile([*panda.HOME, 0.08], (simulation.n, 60, 1))
        plan[:, :, joint] = np.linspace(panda.HOME[joint], angle, 60)
        return plan

    return make


def meets(task, simulation):
    """Both hands go to the same point high over the crate."""
    plan = task.plan(simulation, np.zeros(simulation.n, int))
    middle = simulation.tcp_position.copy()
    middle[:, 0] = np.mean([arm.tcp_position[:, 0] for arm in simulation.arms], axis=0)
    middle[:, 2] = 0.35
    plan[:] = plan[:, :1]
    plan[:, :, 0:3] = plan[:, :, 10:13] = middle[:, None]
    return plan


SCENARIOS = {
    "force": (presses, CUBES, "ee_absolute"),
    "table": (presses, CUBES, "ee_absolute"),
    "workspace": (leaves, CUBES, "ee_absolute"),
    "drop": (drops, CUBES, "ee_absolute"),
    "joint": (turns(6, 2.8973), CUBES, "joint_absolute"),
    "itself": (meets, HANDOVER, "ee_absolute"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_unsafe_is_seen_in_every_episode(kind):
    make, task, action = SCENARIOS[kind]
    result, signals = flown(make, task, action)
    events = find_events(signals, result.verdict.steps)
    assert (events[kind].times >= 1).all()
    expected = {"force", "table"} if make is presses else {kind}
    # a hand far below the table's top has left the workspace, too
    others = {name for name in KINDS if (events[name].times > 0).any()} - expected - {"workspace"}
    assert others == set()
    assert (events[kind].first > 0).all() and (events[kind].first < result.verdict.steps).all()


@pytest.mark.parametrize("task", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_experts_do_nothing_unsafe(task):
    found = load_task(task)
    result = run_shard(found, Expert(found), Shard(task, "clean", 0, SEEDS), "1")
    signals = read_signals(result.shard, result.trace, result.verdict.steps, "ee_absolute")
    measures = measures_of(result, signals, CHUNK_SIZE, np.full(len(SEEDS), -1))
    assert measures.success.all() and measures.committed.all()
    assert not measures.unsafe.any() and not measures.unsafe_recovered.any()
    assert (measures.peak_force_n < FORCE_LIMIT / 1.9).all() and (measures.energy_j > 5).all()
    assert (measures.sparc < -1.4).all() and np.isfinite(measures.jerk).all()
    assert (measures.time_to_commit_s < measures.time_to_success_s).all()
    held = measures.length_s - measures.time_to_success_s  # longer where a button springs back once
    assert (held > 9 / 20 - 1e-9).all() and np.isclose(held, 9 / 20).mean() > 0.5


@pytest.mark.parametrize(
    ("task", "variant"),
    [(CUBES, "clean"), (CUBES, "contact.friction:2"), (CUBES, "scene.size:2"), (HANDOVER, "clean")],
)
def test_the_measured_physics_is_that_of_the_run_to_the_bit(task, variant, monkeypatch):
    found = load_task(task)
    result = run_shard(found, Expert(found), Shard(task, variant, 0, SEEDS), "1")
    monkeypatch.setattr(signals_module, "TOLERANCE", 0.0)
    read_signals(result.shard, result.trace, result.verdict.steps, "ee_absolute")
    states = result.trace.states.copy()
    states[0, 2, 5] += 1e-12
    with pytest.raises(BimodalError, match="do not follow"):
        edited = result.trace._replace(states=states)
        read_signals(result.shard, edited, result.verdict.steps, "ee_absolute")


def test_pressing_is_felt_by_the_arm_as_by_the_table_and_then_goes_on():
    result, signals = flown(presses)
    pressed = signals.table > 50
    assert pressed.any(0).all() and np.allclose(signals.force[pressed], signals.table[pressed], rtol=1e-6)
    events = find_events(signals, result.verdict.steps)
    assert (events["table"].first >= 20).all() and (events["table"].first <= events["force"].first).all()
    assert recovered(events, result.verdict.steps).all()


def test_an_arm_that_holds_a_thing_feels_its_weight():
    found = load_task(CUBES)
    result, signals = flown(lambda task, simulation: task.plan(simulation, np.zeros(simulation.n, int)))
    weight = 9.81 * found.spec().compile().body("left_cube").mass[0]
    assert result.verdict.success.all()
    last = signals.force[result.verdict.steps - 1, np.arange(len(SEEDS))]
    assert last == pytest.approx(np.full(len(SEEDS), weight), rel=0.05)


def test_holding_still_against_gravity_costs_nothing():
    _, signals = flown(lambda task, simulation: np.repeat(simulation.stay("ee_absolute")[:, None], 60, 1))
    assert signals.work[20:60].sum(0).max() < 0.02
    assert np.ptp(signals.tool[200:600], axis=0).max() < 1e-3


def test_energy_is_that_of_a_plain_simulation_stepped_by_hand():
    result, signals = flown(leaves)
    simulation = Simulation(load_task(CUBES), 1, variant=Variant("clean"))
    simulation.reset(SEEDS[:1])
    model, data = simulation.model, mujoco.MjData(simulation.model)
    servos = model.actuator_trnid[:, 0]
    for step in range(20):
        mujoco.mj_setState(model, data, simulation.state()[0], mujoco.mjtState.mjSTATE_INTEGRATION)
        action = from_grid(result.trace.actions[:1, step])
        data.ctrl[:] = simulation.targets(action, "ee_absolute")[0]
        work = 0.0
        for _ in range(10):
            before = data.qpos[servos].copy()
            mujoco.mj_step(model, data)
            dofs = model.jnt_dofadr[servos]
            torque = data.qfrc_actuator[dofs] + data.qfrc_gravcomp[dofs]
            work += np.abs(torque * (data.qpos[servos] - before)).sum()
        assert signals.work[step, 0] == pytest.approx(work, rel=1e-6, abs=1e-9)
        simulation.step(action)


def test_an_event_lasts_while_it_is_shown_and_counts_when_it_begins():
    shown = np.array([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool).T
    found = count_events(shown)
    assert found.times.tolist() == [2, 0, 1] and found.first.tolist() == [1, -1, 0]
    assert count_events(np.zeros((0, 2), bool)).first.tolist() == [-1, -1]


def test_an_event_in_the_step_that_ends_the_episode_is_no_recovery():
    first = np.array([8, 9, -1])
    events = {"table": UnsafeEvents((first >= 0).astype(int), first)}
    assert recovered(events, np.array([10, 10, 10])).tolist() == [True, False, False]
