"""The four planners on a toy with two good modes and a bad middle: what they learn, choose and record."""

from functools import cache

import numpy as np
import pytest
import torch
from bimodal.envs.errors import BimodalError
from bimodal.policies.core.micro_batches import ROWS
from bimodal.policies.core.policy import Episodes
from bimodal.policies.decision_diffuser import DecisionDiffuser
from bimodal.policies.diffuser import Diffuser
from bimodal.policies.diffuser_lite import DiffuserLite
from bimodal.policies.diffusion_veteran import FRAMES, Veteran, rest_of_plan
from bimodal.policies.generative.samplers import flow_euler
from bimodal.policies.planning.diffuser_lite_levels import POINTS
from bimodal.policies.planning.guidance import inpainted, known_states
from bimodal.policies.planning.plan_feasibility import (
    FARTHEST,
    FASTEST,
    LEAD,
    Scales,
    actions_follow_plan,
    select_plan,
    violations,
)
from bimodal.policies.planning.planner import Plan, Planner
from bimodal.tasks.demonstrations import collect as demonstrations
from slow_cases import mostly_slow
from toy import FORK, REACH, fork, toy_task, train

GOOD = 0.9
"""Return of a mode; the middle's is 0."""
STEPS = {"diffuser": 500, "decision_diffuser": 500, "diffuser_lite": 300, "veteran": 300}
PLANNERS = (Diffuser, DecisionDiffuser, DiffuserLite, Veteran)
LEARNT = mostly_slow(PLANNERS, DecisionDiffuser, Veteran)
"""The other two take twenty seconds each to learn the toy."""
VALUED = mostly_slow((Diffuser, DiffuserLite, Veteran), Veteran)
"""Those that choose by a value."""


def toy_demos(episodes=120, steps=24):
    """A hand comes down above a pole, then goes to one of its sides; a few hands stay in the middle."""
    rng = np.random.default_rng(3)
    modes, failed = np.arange(episodes) % 2, np.arange(episodes) % 6 == 5
    failed |= np.arange(episodes) % 12 == 0  # as often in one mode as in the other
    pole = rng.uniform(-0.05, 0.05, (episodes, 1, 2)).repeat(steps + 1, axis=1)
    time = np.arange(steps + 1)
    down, aside = np.clip(time / FORK, 0, 1), np.clip((time - FORK) / 8, 0, 1)
    side = np.where(failed, 0.0, 2.0 * modes - 1)[:, None]
    y = pole[:, :, 1] + REACH * side * aside
    path = np.stack([pole[:, :, 0], y, np.broadcast_to(0.2 - 0.1 * down, y.shape)], axis=2)
    pointing_down = np.tile([1.0, 0, 0, 0, -1, 0, 0.08], (episodes, steps, 1))
    seen = {"tcp_position": path[:, :-1].astype(np.float32), "pole_position": pole[:, :-1].astype(np.float32)}
    actions = np.concatenate([path[:, 1:], pointing_down], axis=2).astype(np.float32)
    returns = np.where(failed[:, None], 0.0, np.full((episodes, steps), GOOD)).astype(np.float32)
    demos = demonstrations.Demonstrations(
        {"task": "Toy-v1"}, np.arange(episodes), modes.astype(np.int8), ~failed, seen, actions
    )
    graded = demos._replace(
        returns=returns, valid=np.ones((episodes, steps), bool), kinds=np.zeros(episodes, np.int8)
    )
    return graded._replace(meta={**graded.meta, "digest": demonstrations.content_digest(graded)})


def decide(policy, rows, first_key=100):
    policy.reset(Episodes(np.arange(first_key, first_key + rows, dtype=np.uint64), None))
    return policy.act(fork(rows))


def sideways(actions):
    """Where the eighth action is beside the pole, in units of the modes' distance: -1 and 1 are the modes."""
    return (actions[:, 7, 1] - fork(len(actions))["pole_position"][:, 1]) / REACH


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return demonstrations.save(toy_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def trained(demos, tmp_path_factory):
    """The weights of a planner, trained briefly and small, once."""
    out = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda method: train(method, demos, out, steps=STEPS[method], preset="tiny"))


@pytest.fixture(scope="module")
def few_demos(tmp_path_factory):
    """Demonstrations for tests in which nothing is to be learnt."""
    return demonstrations.save(toy_demos(12), tmp_path_factory.mktemp("demos") / "few.npz")


@pytest.fixture(scope="module")
def built(trained):
    """Build a planner from its weights."""
    return lambda kind, **options: kind(toy_task(), trained(kind.method), **options)


@pytest.fixture(scope="module")
def begun(few_demos, tmp_path_factory):
    """Build a planner that has learnt nothing yet."""
    out = tmp_path_factory.mktemp("begun")
    weights = cache(lambda method: train(method, few_demos, out, steps=3, preset="tiny"))
    return lambda kind, **options: kind(toy_task(), weights(kind.method), **options)


@pytest.fixture(scope="module")
def decided(built):
    """What a planner decides in 40 scenes."""
    return cache(lambda kind: decide(built(kind), 40))


# --------------------------------------------------------------------------------- what they learn


@pytest.mark.parametrize("kind", LEARNT)
def test_a_planner_commits_to_one_of_both_modes_and_avoids_the_bad_middle(decided, kind):
    decision = decided(kind)
    ends = sideways(decision.actions)
    assert (np.abs(ends) > 0.45).mean() > 0.85  # after so little training plans are somewhat short
    assert (np.abs(ends) < 0.3).mean() < 0.1
    assert (np.abs(ends) < 1.3).all()
    assert -0.95 < np.sign(ends).mean() < 0.95
    aside = decision.plan.candidates[:, :, -1, 1] - fork(40)["pole_position"][:, None, 1]
    assert 0.2 < (aside > 0).mean() < 0.8  # a value may prefer one of them; what is drawn may not


def test_decision_diffuser_takes_the_mode_that_is_asked_for(built):
    for mode, sign in (("left", -1), ("right", 1)):
        ends = sideways(decide(built(DecisionDiffuser, mode=mode), 40).actions)
        assert (np.sign(ends) == sign).mean() > 0.9


def test_decision_diffuser_follows_the_return_that_is_asked_for(built, monkeypatch):
    policy = built(DecisionDiffuser)
    monkeypatch.setattr(policy.network["reach"], "forward", lambda seen: torch.zeros(len(seen), 1))
    assert (np.abs(sideways(decide(policy, 40).actions)) < 0.4).mean() > 0.7  # the middle returned 0


@pytest.mark.parametrize("kind", VALUED)
def test_a_value_tells_the_modes_from_the_middle(decided, kind):
    plan = decided(kind).plan
    y = plan.candidates[..., 1] - fork(40)["pole_position"][:, None, None, 1]
    reached = np.abs(y).max(2) / REACH
    rows = np.arange(40)
    assert (reached[rows, plan.chosen] > 0.6).mean() > 0.85
    assert plan.scores[rows, plan.chosen].mean() < -0.6  # costs: GOOD is worth 0.9
    assert (plan.scores[reached < 0.3] > -0.5).all()


# -------------------------------------------------------------------------------- how they choose


@pytest.mark.parametrize("kind", VALUED)
def test_the_record_names_the_cheapest_plan_that_passes(decided, kind):
    plan = decided(kind).plan
    assert plan.candidates.shape[:2] == plan.scores.shape == (40, kind.sampled)
    passed = plan.verdict == "pass"
    assert passed.mean() > 0.9
    assert (plan.chosen == plan.scores.argmin(1))[passed].all()
    starts = plan.candidates[:, :, 0]
    np.testing.assert_allclose(starts, np.broadcast_to(plan.seen[:, None], starts.shape), atol=1e-6)


def test_more_candidates_include_the_fewer(built):
    few, many = (decide(built(Veteran, candidates=k), 3).plan for k in (2, 5))
    np.testing.assert_allclose(many.candidates[:, :2], few.candidates, atol=1e-4)


def test_an_unfeasible_plan_makes_way_for_the_best_feasible_one():
    scores = torch.tensor([0.2, 0.9, 0.5])
    assert select_plan(scores, ["", "", ""], 1) == (1, "pass")
    assert select_plan(scores, ["", "speed", ""], 1) == (2, "repaired: speed")
    assert select_plan(scores, ["speed", "workspace", "speed"], 1) == (1, "rejected: workspace")


def toy_scales():
    """A hand whose position is normalised to 2 cm and seen after another value."""
    zero, one = torch.zeros(4), torch.ones(10)
    return Scales([1], zero, torch.tensor([1.0, 0.02, 0.02, 0.02]), 0 * one, one)


def test_a_plan_is_unfeasible_if_the_hand_is_too_fast_or_too_far():
    states = torch.zeros(4, 3, 4)
    states[1, 1:, 2] = 4.1 * FASTEST / 0.02  # in four control steps
    states[2, :, 2] = 1.1 * FARTHEST
    states[3, 1:, 0] = 1e6  # not the hand
    assert violations(toy_scales(), states, 4) == ["", "speed", "workspace", ""]
    assert violations(toy_scales(), states[1:2], 5) == ["workspace"]


def test_actions_must_lead_to_where_the_plan_goes():
    states = torch.zeros(2, 4)
    states[:, 3] = 0.3 / 0.02
    actions = torch.zeros(2, 10)
    actions[:, 2] = torch.tensor([0.3, 0.3 + 0.9 * LEAD])
    assert actions_follow_plan(toy_scales(), actions, states)
    actions[1, 0] = LEAD
    assert not actions_follow_plan(toy_scales(), actions, states)


def test_a_kept_plan_holds_the_mode_and_a_forgotten_one_does_not_matter(built):
    policy = built(Veteran, margin=10.0)
    scene = fork(10)
    first = decide(policy, 10).plan
    again = policy.act(scene).plan
    assert (again.chosen == 0).all()
    chosen = first.candidates[np.arange(10), first.chosen]
    np.testing.assert_allclose(again.candidates[:, 0, 1:7], chosen[:, 3:], atol=1e-5)
    policy.reset(Episodes(np.arange(100, 110, dtype=np.uint64), None))
    assert np.array_equal(policy.act(scene).plan.candidates, first.candidates)


def test_the_rest_of_a_plan_begins_with_what_is_seen_and_waits_at_its_end():
    states = torch.arange(FRAMES).float()[None, :, None]
    left = rest_of_plan(Plan(torch.zeros(1), states, torch.zeros(1), 0, "pass"), 2, torch.tensor([-5.0]))
    assert left[:, 0].tolist() == [-5, 3, 4, 5, 6, 7, 8, 8, 8]


# ------------------------------------------------------------------------------- coarse to fine


def test_finer_levels_keep_both_ends_of_the_gap(begun):
    policy = begun(DiffuserLite)
    gaps = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(3, POINTS * 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        filled = policy._fill(2, gaps, noise)
    assert filled.shape == (3, POINTS, 5)
    assert torch.equal(filled[:, 0], gaps[:, 0])
    assert torch.equal(filled[:, -1], gaps[:, 1])


def test_a_flow_between_two_ends_finds_the_bridge():
    """Straight paths with spread 0: the middle states are what the ends say, whatever the noise."""
    line = torch.linspace(0, 1, POINTS)[None]

    def trunk(x, t, c):
        ends = x.unflatten(1, (POINTS, 1))[:, [0, -1], 0]
        return ends[:, :1] + line * (ends[:, 1:] - ends[:, :1])

    path = torch.tensor([[1.0, 1.0, 1.0, 1.0, 3.0]])
    found = flow_euler(
        inpainted(trunk, path, known_states(POINTS, 1, both=True)), torch.full((1, POINTS), 9.0), path, 5
    )
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.5, 2.0, 2.5, 3.0]]))


# ---------------------------------------------------------------------------- determinism and limits


@pytest.mark.parametrize("kind", PLANNERS)
def test_a_row_is_the_same_in_any_batch_and_any_order(begun, kind):
    policy, rows = begun(kind, **({"candidates": 4} if kind is Diffuser else {})), ROWS + 2
    keys, scene = np.arange(rows, dtype=np.uint64) + 1, fork(rows)

    def run(chosen):
        policy.reset(Episodes(keys[chosen], None))
        return policy.act({name: values[chosen] for name, values in scene.items()}).actions

    whole = run(np.arange(rows))
    for chosen in ([5], [rows - 1, 3, 9]):
        assert np.array_equal(run(chosen), whole[chosen])
    policy.reset(Episodes(keys, None))
    assert not np.array_equal(policy.act(scene).actions, policy.act(scene).actions)


@pytest.mark.parametrize("kind", PLANNERS)
def test_training_again_gives_the_same_file(few_demos, tmp_path, kind):
    before = torch.random.get_rng_state()
    files = [train(kind.method, few_demos, tmp_path / str(i), steps=3, preset="tiny") for i in range(2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("kind", PLANNERS)
def test_the_usual_networks_are_small(few_demos, tmp_path, kind):
    policy = kind(toy_task(), train(kind.method, few_demos, tmp_path, steps=1))
    assert policy.parameters < 320_000
    assert (tmp_path / "Toy-v1" / f"{kind.method}.safetensors").stat().st_size < 640_000


def test_a_guided_plan_needs_no_gradient_from_its_caller(begun):
    policy = begun(Diffuser)
    with torch.inference_mode():
        plain = decide(policy, 2).actions
    assert np.array_equal(plain, decide(policy, 2).actions)


def test_impossible_options_are_refused(begun):
    with pytest.raises(BimodalError, match="left"):
        begun(DecisionDiffuser, mode="lefft")
    with pytest.raises(BimodalError, match="among 0 plans"):
        begun(Diffuser, candidates=0)
    with pytest.raises(BimodalError, match="multiple of 4"):
        begun(Veteran, n_action_steps=1, margin=0.1)
    assert begun(Veteran, n_action_steps=1).needs().n_action_steps == 1
    assert issubclass(Veteran, Planner)
