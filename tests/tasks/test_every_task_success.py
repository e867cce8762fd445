"""When an episode of every task succeeds: the experts do, doing nothing or the mean of the modes does not."""

from itertools import combinations

import numpy as np
import pytest
from bimodal.benchmark.certificate.physics_gates import LATEST_ACT
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.specs import GRIPPER, OPENING_LOW, by_arm
from bimodal.policies.core.registry import load_policy
from bimodal.tasks.core.referee import LIFTED, Referee
from task_worlds import SEEDS


@pytest.fixture(scope="module")
def world(played_world):
    return played_world


def test_success_is_false_at_the_start(world):
    simulation = world.begin(SEEDS)
    seen = world.task.measure(simulation)
    assert (seen.lift < 0.001).all() and not seen.in_hand.any() and (seen.part == -1).all()
    assert not Referee(world.task, simulation.n).verdict().success.any()


@pytest.mark.parametrize("policy", ["zero", "random"])
def test_doing_nothing_or_anything_never_succeeds(world, policy):
    shard = Shard(world.task.id, "clean", 0, tuple(SEEDS.tolist()))
    verdict = run_shard(world.task, load_policy(policy, world.task), shard, "test").verdict
    assert not verdict.success.any()
    assert verdict.success_ever.mean() <= 0.1 * (policy == "random"), "chance may push a button for a moment"
    if policy == "zero":
        assert set(verdict.label) == {"NO_ATTEMPT"} and (verdict.steps == world.task.max_episode_steps).all()


def test_the_expert_succeeds_in_every_mode_and_touches_nothing_forbidden(world):
    verdict = world.expert.referee.verdict()
    assert verdict.success.all() and verdict.success_final.all()
    assert (verdict.mode == world.expert_modes).all()
    assert world.expert.seen.illegal.max() == 0.0
    assert world.expert.seen.table.max() == 0.0
    assert len(world.expert.states) <= world.task.max_episode_steps


def test_the_experts_act_outside_the_dead_zone(world):
    alpha = world.expert.referee.verdict().alpha
    wanted = world.expert_modes if world.modes == 2 else 0.0
    np.testing.assert_allclose(alpha, wanted, atol=0.1)
    assert not world.task.in_dead_zone(alpha).any()
    low, high = world.task.dead_zone
    assert low <= 0.35 and high >= 0.65


def test_the_mean_of_the_modes_fails_in_the_middle_as_soon_as_they_part(world):
    verdict = world.mean.referee.verdict()
    assert set(verdict.label) == {"COLLISION_MID"}
    assert (verdict.steps <= world.task.shared_steps + LATEST_ACT + 1).all()
    assert (verdict.steps > world.task.shared_steps).all()
    risen = world.mean.seen.lift - world.mean.seen.lift[world.task.shared_steps]
    assert risen.max() < LIFTED
    if world.modes == 2:
        np.testing.assert_allclose(verdict.alpha, 0.5, atol=0.1)
    assert world.task.in_dead_zone(verdict.alpha).all()


def test_the_modes_share_their_first_steps(world):
    simulation = world.begin(SEEDS)
    plans = [world.task.plan(simulation, np.full(simulation.n, mode)) for mode in range(world.modes)]
    shared = world.task.shared_steps
    first = world.task.first_choices()
    for mode, other in combinations(range(world.modes), 2):
        plan, another = plans[mode], plans[other]
        assert (plan[:, :shared] == another[:, :shared]).all()
        apart = (plan[:, shared] != another[:, shared]).any(axis=1)
        assert apart.all() if first[mode] != first[other] else not apart.any()


def test_the_gripper_really_holds(world):
    plan = world.task.plan(world.begin(SEEDS[:1]), np.zeros(1, int))
    if (by_arm(plan)[..., GRIPPER] > OPENING_LOW).all():
        pytest.skip("the hand pushes and never closes")
    held = np.where(world.expert.seen.in_hand[..., None], world.expert.grip, np.nan)
    grip = np.nanmedian(held, axis=0)
    assert (grip > 30.0).all() and (grip < 45.0).all(), np.round([grip.min(), grip.max()], 1)
    assert (world.expert.seen.lift.max(0) > world.task.success_height + 0.02).all()
