"""The gate that closes a lane after the hand has chosen one: when it shows, and what experts make of it."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import Blend, run_trial
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import CONTROL_HZ
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task, pick_past_gate
from bimodal.tasks.core.task import Task
from bimodal.tasks.pick_past_gate import LAST_SEEN, SEEN, SHARES, WAY, PickPastGate

SEEDS = range(500_000, 500_030)


@pytest.fixture(scope="module")
def task():
    task = load_task("PandaPickPastGate-v1")
    assert isinstance(task, PickPastGate)
    return task


@pytest.fixture(scope="module")
def simulation(task):
    simulation = Simulation(task, len(SEEDS))
    simulation.reset(list(SEEDS))
    return simulation


@pytest.fixture(scope="module")
def seen(task, simulation):
    """The control step at which each gate can be seen to close, (N, 2)."""
    return task.seen_at(simulation)


def test_gates_close_early_late_or_never_and_no_more_than_one(seen):
    closes = (seen >= 0).sum(1)
    late = (seen > 16).any(1)
    assert closes.max() == 1
    error = 4 * np.sqrt(0.25 / len(SEEDS))
    assert abs(late.mean() - SHARES["late"]) < error and late.any()
    assert abs((closes - late).mean() - SHARES["early"]) < error and (closes > late).any()
    assert abs((seen[late, 0] >= 0).mean() - 0.5) < error and not closes.all()


def test_no_plan_uses_a_gate_that_cannot_be_seen_to_move_yet(task, simulation, seen):
    modes = range(len(task.modes))
    plans = [task.plan(simulation, np.full(len(SEEDS), mode)) for mode in modes]
    straight = [Task.plan(task, simulation, np.full(len(SEEDS), mode)) for mode in modes]
    stay = simulation.stay("ee_absolute")
    for step in range(LAST_SEEN + 1):
        for mode, gate in enumerate(task.gates):
            shows = simulation.slide(gate)[0] > SEEN / 2
            turned = (plans[mode][:, step] != straight[mode][:, step]).any(1)
            assert (turned == (shows & (seen[:, mode] <= step))).all()
            assert (turned | (seen[:, mode] != step)).all()
        simulation.step(stay)


class NeverTurns(Planned):
    """Goes by the left lane, whatever comes."""

    def plan(self, simulation, episodes):
        return Task.plan(self.task, simulation, np.zeros(simulation.n, int))


def test_a_gate_that_closes_the_lane_stops_a_hand_that_does_not_turn_and_is_no_feasible_choice(task, seen):
    shard = Shard(task.id, "clean", 0, tuple(SEEDS))
    verdict = run_shard(task, NeverTurns(task), shard, "test").verdict
    closed = seen[:, 0] >= 0
    assert closed.any() and set(verdict.label[closed]) == {"COLLISION_OTHER"}
    assert (verdict.mode == np.where(closed, -1, 0)).all() and (verdict.success == ~closed).all()


@pytest.mark.parametrize(("every", "late"), [(8, 1.0), (16, 0.0)])
def test_experts_that_look_every_8_steps_turn_in_time_and_those_that_look_every_16_hit_a_late_gate(
    monkeypatch, seen, every, late
):
    blind = load_task("PandaPickPastGate-v1")
    looked = np.where(seen < 0, seen, -(-seen // every) * every)
    monkeypatch.setattr(type(blind), "seen_at", lambda task, simulation: looked)
    monkeypatch.setattr(pick_past_gate, "LAST_SEEN", 32)
    success = run_trial(blind, Blend(blind, [1.0, 0.0]), SEEDS).success
    closes_late = seen[:, 0] > 16
    assert closes_late.any() and success[closes_late].mean() == late and success[~closes_late].all()


def test_a_gate_stops_by_itself_at_the_end_of_its_way(task, seen):
    simulation = Simulation(task, len(SEEDS))
    simulation.reset(list(SEEDS))
    stay = simulation.stay("ee_absolute")
    for _ in range(2 * CONTROL_HZ):
        simulation.step(stay)
    for mode, gate in enumerate(task.gates):
        way, speed = simulation.slide(gate)
        np.testing.assert_allclose(way, np.where(seen[:, mode] >= 0, WAY, 0.0), atol=0.003)
        assert np.abs(speed).max() < 0.005
    assert (task.measure(simulation).illegal == 0).all()
