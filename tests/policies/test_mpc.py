"""Model-predictive planners: update rules against closed forms, the cost, the model, and whole episodes."""

import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.perturber import UNPERTURBED
from bimodal.envs.random_streams import noise_key
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import OPENING_LOW, bounds, from_grid, to_grid
from bimodal.policies import load_policy
from bimodal.policies.core.policy import Episodes
from bimodal.policies.mpc import KNOT_STEPS, N_ACTION_STEPS
from bimodal.policies.trajectory_optimisation.cost import FORBIDDEN, Predicted, reach, staged_cost
from bimodal.policies.trajectory_optimisation.proposals import SPEED, proposals
from bimodal.policies.trajectory_optimisation.simulator_model import TARGET, PlanModel
from bimodal.policies.trajectory_optimisation.updates import (
    cross_entropy,
    path_integral,
    predictive_sampling,
    samples,
    shifted,
    spline,
)
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.task import Measurement
from slow_cases import DIFFERENT_TASKS, mostly_slow

DUMBBELL = "PandaLiftDumbbell-v1"
RNG = np.random.Generator(np.random.Philox(key=5))
CANDIDATES, COSTS = RNG.standard_normal((40, 6, 5)), RNG.uniform(0, 3, 40)

# ------------------------------------------------------------------------------------------ update rules


def test_predictive_sampling_takes_the_candidate_of_lowest_cost_as_it_is():
    knots, index = predictive_sampling(CANDIDATES, COSTS)
    assert COSTS[index] == min(COSTS) and knots.tobytes() == CANDIDATES[index].tobytes()
    knots += 1.0
    assert not np.array_equal(knots, CANDIDATES[index]), "it is a copy"


def test_cross_entropy_is_mean_and_deviation_of_the_elites():
    mean, deviation = cross_entropy(CANDIDATES, COSTS, 7, 0.8)
    elites = [CANDIDATES[i] for i in sorted(range(40), key=lambda i: COSTS[i])[:7]]
    for knot, value in np.ndindex(6, 5):
        column = [elite[knot, value] for elite in elites]
        middle = sum(column) / 7
        assert mean[knot, value] == pytest.approx(middle)
        spread = (sum((x - middle) ** 2 for x in column) / 7) ** 0.5
        assert deviation[knot, value] == pytest.approx(max(0.8, spread))
    assert cross_entropy(CANDIDATES, COSTS, 1, 0.0)[0].tobytes() == CANDIDATES[np.argmin(COSTS)].tobytes()


def test_path_integral_lies_between_the_best_candidate_and_the_plain_mean():
    best = CANDIDATES[np.argmin(COSTS)]
    np.testing.assert_allclose(path_integral(CANDIDATES, COSTS, 1e-6), best, atol=1e-9)
    np.testing.assert_allclose(path_integral(CANDIDATES, COSTS, 1e9), CANDIDATES.mean(0), atol=1e-6)
    two = path_integral(CANDIDATES[:2], np.array([1.0, 1.0 + np.log(3)]), 1.0)  # weights 3/4 and 1/4
    np.testing.assert_allclose(two, 0.75 * CANDIDATES[0] + 0.25 * CANDIDATES[1])
    moved = path_integral(CANDIDATES, COSTS + 1e4, 0.3)
    np.testing.assert_allclose(moved, path_integral(CANDIDATES, COSTS, 0.3), rtol=1e-6)


def planned(rule, cost, start, rounds=60):
    """Follow a rule from `start` (K, D) with 64 candidates a round, the nominal plan among them."""
    nominal, deviation = start, np.full_like(start, 0.3)
    rng = np.random.Generator(np.random.Philox(key=11))
    for _ in range(rounds):
        noise = samples(rng, nominal, deviation, 32, 0.2, 4.0) - nominal
        candidates = np.concatenate([nominal[None], nominal + noise, nominal - noise])  # symmetric
        costs = np.array([cost(candidate) for candidate in candidates])
        if rule == "best":
            nominal, _ = predictive_sampling(candidates, costs)
        elif rule == "elites":
            nominal, deviation = cross_entropy(candidates, costs, 8, 0.01)
        else:
            nominal = path_integral(candidates, costs, 0.5)
    return nominal


@pytest.mark.parametrize("rule", ["best", "elites", "weights"])
def test_every_rule_finds_the_minimum_of_a_quadratic_cost(rule):
    goal = np.array([[0.7, -0.2], [0.1, 0.4]])
    found = planned(rule, lambda knots: 10 * ((knots - goal) ** 2).sum(), np.zeros((2, 2)))
    assert np.abs(found - goal).max() < 0.1


def test_between_two_equal_minima_the_best_commits_and_the_weighted_mean_averages():
    def cost(knots):
        return 4 * min((knots[0, 0] - 1) ** 2, (knots[0, 0] + 1) ** 2)

    start = np.zeros((1, 1))
    assert cost(planned("best", cost, start)) < 0.01
    stays = planned("weights", cost, start, rounds=1)  # candidates lie symmetrically, and so do their weights
    assert abs(stays[0, 0]) < 1e-9 and cost(stays) > 3.9


def test_splines_run_through_their_knots_as_numpy_interpolates():
    start, knots = np.array([1.0, 2.0]), np.array([[2.0, 0.0], [5.0, 1.0], [4.0, -3.0]])
    values = spline(start, knots, 4)
    for column in range(2):
        points = [start[column], *knots[:, column]]
        expected = np.interp(np.arange(1, 13), [0, 4, 8, 12], points)
        np.testing.assert_allclose(values[:, column], expected)
    np.testing.assert_array_equal(spline(start, np.stack([knots, knots]), 4)[1], values)
    np.testing.assert_array_equal(shifted(knots, 2), knots[[2, 2, 2]])


def test_noise_has_its_deviation_and_a_share_of_it_is_wide():
    rng = np.random.Generator(np.random.Philox(key=3))
    nominal, deviation = np.ones((4, 3)), np.array([0.1, 1.0, 10.0])
    found = samples(rng, nominal, deviation, 5000, 0.2, 4.0) - 1
    np.testing.assert_allclose(found[:4000].std((0, 1)), deviation, rtol=0.05)
    np.testing.assert_allclose(found[4000:].std((0, 1)), 4 * deviation, rtol=0.05)


# ------------------------------------------------------------------------------------------------- cost


def predicted(hands, **changes):
    """T control steps of C candidates with hands (T, C, 4) over the dumbbell's grasps."""
    shape = hands.shape[:2]
    no, zero = np.zeros(shape, bool), np.zeros(shape)
    seen = Measurement(hands, zero + 0.08, zero, no, no, np.full(shape, -1), zero, zero)
    task = load_task(DUMBBELL)
    grasps = np.broadcast_to(task.grasps, (*shape, *task.grasps.shape))
    return Predicted(seen._replace(**changes), grasps, no[0])


def test_the_cost_is_least_at_each_grasp_and_not_between_them():
    left, right = load_task(DUMBBELL).grasps
    hands = np.stack([left, (left + right) / 2, right])[None]
    costs, modes = staged_cost(predicted(hands), 0.06)
    assert costs[0] == pytest.approx(costs[2]) and costs[1] > costs[0] + 1
    assert modes[0] == 0 and modes[2] == 1
    np.testing.assert_allclose(reach(left, np.stack([left, right]))[0], 0, atol=1e-12)


def test_holding_lifting_and_reaching_the_goal_each_cost_less():
    hand = np.repeat(load_task(DUMBBELL).grasps[:1, None], 5, axis=1)
    stages = {
        "in_hand": np.array([[False, True, True, True, True]]),
        "lift": np.array([[0.05, 0.0, 0.03, 0.06, 0.08]]),  # what is pushed up unheld does not count
        "at_goal": np.array([[False, False, False, False, True]]),
    }
    costs, _ = staged_cost(predicted(hand, **stages), 0.06)
    assert (np.diff(costs) < 0).all()


def test_one_forbidden_touch_costs_more_than_everything_else():
    far = np.full((16, 2, 4), 0.5)
    illegal = np.zeros((16, 2))
    illegal[7, 1] = 1.5
    costs, _ = staged_cost(predicted(far, illegal=illegal), 0.06)
    assert costs[1] == pytest.approx(costs[0] + FORBIDDEN) and costs[0] < FORBIDDEN


def test_a_prediction_that_breaks_down_is_the_last_to_be_chosen():
    hands = np.full((16, 3, 4), 0.5)
    hands[3:, 1] = np.nan
    costs, _ = staged_cost(
        predicted(hands, illegal=np.full((16, 3), 9.0))._replace(diverged=np.arange(3) == 2), 0.06
    )
    assert np.isfinite(costs).all() and costs[0] < costs[1] and costs[0] < costs[2]


def test_proposals_go_sideways_first_and_end_at_the_grasps():
    grasps, steps = load_task(DUMBBELL).grasps, np.arange(2, 61, 2)
    start = np.array([0.0, 0.0, 0.15, np.pi, 0.08])
    found = proposals(start, grasps, steps)
    ends = found[:, -1]
    for grasp in grasps:
        there = np.abs(ends[:, :4] - grasp).max(-1) < 1e-9
        assert sorted(ends[there, 4]) == [OPENING_LOW, 0.08]
        way = found[there][0, :, :3] - start[:3]
        aside, down = np.linalg.norm(way[:, :2], axis=-1) / 0.095, -way[:, 2] / (0.15 - grasp[2])
        assert (aside >= down - 1e-9).all() and aside[2] > down[2] + 0.1
    speed = np.linalg.norm(np.diff(found[..., :3], axis=1), axis=-1).max() / 2
    assert speed <= np.pi / 2 * SPEED * 2**0.5


# ------------------------------------------------------------------------------------- model and episodes


def simulation(name, seeds, variant=UNPERTURBED):
    found = Simulation(load_task(name), len(seeds), variant=variant)
    found.reset(seeds)
    return found


def keys(seeds):
    return np.array([noise_key("test", seed) for seed in seeds], np.uint64)


@pytest.mark.parametrize(
    ("name", "variant"),
    [(DUMBBELL, "clean"), (DUMBBELL, "contact.mass:2+scene.blocked:2"), ("TwoPandaHandover-v1", "clean")],
)
def test_the_model_predicts_the_episode_bit_for_bit(name, variant):
    live = simulation(name, [3, 4], Variant(variant))
    model = PlanModel(load_task(name), live, 2)
    hands = model.hands(1).ravel()
    aims = np.repeat(np.stack([hands, hands])[:, None], 6, axis=1)
    aims[1, :, 2] -= 0.01 * np.arange(1, 7)
    found = model.roll_out(1, aims)
    actions = model.actions(aims[1], 1)
    for step in range(6):
        live.step(from_grid(to_grid(np.stack([actions[step], actions[step]]))))
        assert live.hand[1].tobytes() == found.seen.hand[step, 1].tobytes()


def test_a_mistaken_model_has_other_masses_and_the_episode_keeps_its_own():
    live = simulation(DUMBBELL, [0, 1])
    model = PlanModel(load_task(DUMBBELL), live, 3)
    model.set_model_error(1, 1.2, 0.8)
    body, pad = live.model.body("dumbbell").id, live.model.geom("finger1_pad_collision").id
    for row, mass, friction in ((1, 1.2, 0.8), (0, 1.0, 1.0)):
        model.roll_out(row, np.repeat(model.hands(row)[None], 3, axis=0))
        used = model.simulation.batch.models[0]
        assert used.body_mass[body] == pytest.approx(mass * live.model.body_mass[body])
        assert used.geom_friction[pad, 0] == pytest.approx(friction * live.model.geom_friction[pad, 0])
    assert live.batch.models is None


def test_grasps_follow_the_object_that_carries_them():
    live = simulation("PandaPickEitherCube-v1", [0])
    model = PlanModel(load_task("PandaPickEitherCube-v1"), live, 1)
    before = model.grasps(0)
    np.testing.assert_allclose(before, load_task("PandaPickEitherCube-v1").grasps, atol=1e-6)
    address = int(live.model.joint("left_cube").qposadr[0])
    live.qpos[0, address + 2] += 0.05
    live.restore(live.state())
    np.testing.assert_allclose(model.grasps(0) - before, [[0, 0, 0.05, 0], [0, 0, 0, 0]], atol=1e-6)


def ended(policy, seeds):
    """Where a policy's first plans end between the two modes: alpha, (N,)."""
    task = load_task(DUMBBELL)
    live = simulation(DUMBBELL, seeds)
    planner = load_policy(policy, task)
    planner.reset(Episodes(keys(seeds), live))
    planner.act({})
    return task.mixture(planner._plan[:, -1, :4])


def test_the_best_candidate_commits_where_averages_end_between_the_modes():
    seeds, task = range(4), load_task(DUMBBELL)
    assert not task.in_dead_zone(ended("mpc", seeds)).any()
    assert task.in_dead_zone(ended("mpc_cem", seeds)).sum() >= 2
    assert task.in_dead_zone(ended("mpc_mppi", seeds)).sum() >= 2


@pytest.fixture(scope="module")
def together():
    task = load_task(DUMBBELL)
    return run_shard(task, load_policy("mpc", task), Shard(DUMBBELL, "clean", 0, (0, 1, 2)), "1")


def test_predictive_sampling_lifts_the_dumbbell(together):
    assert together.verdict.success.all() and (together.faults == "").all()
    assert set(together.plans.verdict.ravel()) <= {"pass", "over"}


@pytest.mark.slow
def test_an_episode_and_its_plans_do_not_depend_on_its_companions(together):
    task = load_task(DUMBBELL)
    alone = run_shard(task, load_policy("mpc", task), Shard(DUMBBELL, "clean", 0, (1,)), "1")
    assert alone.digests[0] == together.digests[1]
    count = -(-int(alone.verdict.steps[0]) // N_ACTION_STEPS)
    assert (alone.plans.digest[0, :count] == together.plans.digest[1, :count]).all()


def test_the_record_is_what_the_planner_did(together):
    plans = together.plans
    made = np.argwhere(plans.chosen >= 0)
    assert len(made) >= 3 * 8
    for row, decision in made:
        assert plans.chosen[row, decision] == plans.scores[row, decision].argmin()
        assert np.isfinite(plans.seen[row, decision]).all()
    first = plans.candidates[0, 0, plans.chosen[0, 0]]
    targets = spline(plans.seen[0, 0, :TARGET], first, KNOT_STEPS)[:N_ACTION_STEPS]
    np.testing.assert_allclose(from_grid(plans.asked[0, 0, :, 2]), targets[:, 2], atol=2e-5)


@pytest.mark.parametrize("name", mostly_slow(task_names(), *DIFFERENT_TASKS))
def test_a_planner_can_decide_in_every_task(name):
    task, seeds = load_task(name), [5]
    planner = load_policy("mpc", task)
    planner.reset(Episodes(keys(seeds), simulation(name, seeds)))
    decision = planner.act({})
    low, high = bounds(task.actions("ee_absolute"))
    assert decision.actions.shape[1] >= planner.needs().n_action_steps
    assert ((decision.actions >= low) & (decision.actions <= high)).all()
    assert np.isfinite(decision.plan.scores).all()


def test_a_planner_needs_the_simulator():
    with pytest.raises(ValueError, match="simulation"):
        load_policy("mpc", load_task(DUMBBELL)).reset(Episodes(keys([0])))
