"""Best of N: what the critic learns of a fork, one candidate is the plain policy, rows of any batch."""

import shutil

import numpy as np
import pytest
import torch
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies.best_of_n import BestOfN
from bimodal.policies.core.policy import Episodes
from bimodal.policies.core.registry import load_policy
from bimodal.policies.critic import Critic
from bimodal.policies.diffuser import Diffuser
from bimodal.policies.flow import Flow
from short_trainings import bits, interrupted
from toy import REACH, fork, save, sideways, toy_demos, toy_task, train

KEYS = np.arange(40, 47, dtype=np.uint64)
GOOD = 0.9
"""Return of a side; the middle's is 0."""


def graded_demos(episodes=150):
    """Every third hand stays in the middle, and fails."""
    demos = toy_demos(episodes, sides=(-1.0, 1.0, 0.0))
    good = demos.modes < 2
    returns = np.where(good, GOOD, 0.0)[:, None].repeat(demos.actions.shape[1], axis=1)
    modes = np.where(good, demos.modes, np.arange(episodes) // 3 % 2).astype(np.int8)
    return demos._replace(modes=modes, success=good, returns=returns.astype(np.float32))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return save(graded_demos(), tmp_path_factory.mktemp("demos") / "toy.npz")


@pytest.fixture(scope="module")
def weights(graded, brief_flow, tmp_path_factory):
    """Weights of a flow, with those of a critic beside them."""
    folder = tmp_path_factory.mktemp("checkpoints")
    critic = train("critic", graded, folder, steps=300, preset="tiny")
    for file in (brief_flow, brief_flow.with_suffix(".json")):
        shutil.copy(file, critic.parent)
    return critic.with_name(brief_flow.name)


class Lost(Flow):
    """Goes left, right or nowhere, as a die says."""

    def sample(self, noise, condition):
        side = torch.where(noise[:, :1].abs() < 0.43, 0.0, noise[:, :1].sign())  # a third each
        return torch.cat([condition[:, -2:], side], dim=1)

    def _actions(self, chunks):
        pole = self.config.observation_normaliser.restore(np.pad(chunks[..., :2], [*[(0, 0)] * 2, (3, 0)]))
        flat = chunks.reshape(-1, 3)
        places = pole[..., 3:].reshape(-1, 2)
        return np.array([whole_chunk(*row) for row in np.column_stack([places, flat[:, 2]])])


def whole_chunk(x, y, side):
    """The demonstrated chunk from the fork on, to a side of a pole, (16, 10)."""
    aside = np.clip(np.arange(1, 17) / 8, 0, 1)
    still = np.tile([1.0, 0, 0, 0, -1, 0, 0.08], (16, 1))
    return np.column_stack([np.full(16, x), y + REACH * side * aside, np.full(16, 0.1), still])


def play(policy, keys=KEYS, decisions=3, rows=slice(None)):
    """The actions of some decisions at the fork, (decisions, N, H, A)."""
    seen = {name: values[rows] for name, values in fork(len(KEYS)).items()}
    policy.reset(Episodes(keys))
    return np.array([policy.act(seen).actions for _ in range(decisions)])


# ----------------------------------------------------------------------------------------- the critic


def test_the_critic_expects_more_of_either_side_than_of_their_average(weights):
    critic = Critic(toy_task(), weights.with_name("critic.safetensors"))
    critic.reset(Episodes(np.arange(50, dtype=np.uint64)))
    seen = fork(50)
    condition = torch.from_numpy(critic._conditions(seen))
    values = []
    for side in (-1, 1, 0):
        chunks = np.array([whole_chunk(*pole, side) for pole in seen["pole_position"]])
        flat = critic.config.action_normaliser.normalise(chunks).reshape(50, -1)
        with torch.inference_mode():
            values.append(critic.sample(torch.from_numpy(flat), condition)[:, 0].numpy())
    left, right, middle = values
    assert (left > middle + 0.3).all() and (right > middle + 0.3).all()
    assert abs(np.concatenate([left, right]).mean() - GOOD) < 0.2


def test_the_lower_of_two_networks_is_believed_by_hand(weights):
    critic = Critic(toy_task(), weights.with_name("critic.safetensors"))
    rng = np.random.default_rng(0)
    chunk, condition = (rng.normal(size=(5, n)).astype(np.float32) for n in (160, 5))
    given = np.concatenate([chunk, condition], axis=1)
    parts = {name: part.detach().numpy() for name, part in critic.network.named_parameters()}

    def layer(k, name, h):
        return h @ parts[f"{k}.{name}.weight"].T + parts[f"{k}.{name}.bias"]

    def mish(h):
        return h * np.tanh(np.log1p(np.exp(h)))

    both = [
        layer(k, "head", mish(layer(k, "second", mish(layer(k, "first", given))))) + layer(k, "skip", given)
        for k in range(2)
    ]
    with torch.inference_mode():
        found = critic.sample(torch.from_numpy(chunk), torch.from_numpy(condition)).numpy()
    assert (both[0] != both[1]).all()
    np.testing.assert_allclose(found, np.minimum(*both), atol=1e-4)


def test_without_returns_there_is_nothing_to_learn(tmp_path):
    with pytest.raises(WrongUse, match=r"critic learns from returns, of which .* none; .* --regime graded"):
        train("critic", save(toy_demos(4), tmp_path / "toy.npz"), tmp_path, steps=3)


def test_a_training_that_was_killed_ends_with_the_same_bits(graded, tmp_path, often):
    options = {"steps": 20, "seed": 5, "preset": "tiny"}
    whole = train("critic", graded, tmp_path / "whole", **options)
    interrupted("critic", graded, tmp_path, 12, **options)
    assert bits(train("critic", graded, tmp_path, **options)) == bits(whole)


# ----------------------------------------------------------------------------------------- the choice


def test_one_candidate_is_the_plain_policy(weights):
    plain = play(Flow(toy_task(), weights))
    assert np.array_equal(play(BestOfN(Flow(toy_task(), weights), candidates=1)), plain)
    uri = "best_of_n(flow, candidates=1)"
    assert np.array_equal(play(load_policy(uri, toy_task(), weights.parents[1])), plain)


def test_of_three_ways_the_bad_one_is_left_and_both_good_ones_stay(weights):
    keys = np.arange(100, 300, dtype=np.uint64)

    def ends(policy):
        policy.reset(Episodes(keys))
        return sideways(policy.act(fork(len(keys))).actions)

    plain = ends(Lost(toy_task(), weights))
    best = ends(BestOfN(Lost(toy_task(), weights), candidates=8))
    assert 0.2 < (np.abs(plain) < 0.5).mean() < 0.5
    assert (np.abs(best) < 0.5).mean() < 0.02 and 0.1 < (best > 0).mean() < 0.9


def test_an_episode_does_not_depend_on_its_batch(weights):
    def build():
        return BestOfN(Flow(toy_task(), weights), candidates=5)

    together = play(build())
    for row in (0, 3, 6):
        alone = play(build(), KEYS[row : row + 1], rows=slice(row, row + 1))
        assert np.array_equal(alone[:, 0], together[:, row])


def test_of_a_policy_with_a_past_the_critic_sees_the_present(weights, tmp_path):
    demos = save(toy_demos(10), tmp_path / "toy.npz")
    past = train("flow", demos, tmp_path, steps=3, preset="tiny", n_obs_steps=3)
    for file in weights.parent.glob("critic.*"):
        shutil.copy(file, past.parent)
    now = fork(len(KEYS))
    seen = {name: np.stack([values + 1, values - 1, values], axis=1) for name, values in now.items()}
    policy = BestOfN(Flow(toy_task(), past), candidates=4)
    assert policy.needs().n_obs_steps == 3
    policy.reset(Episodes(KEYS))
    drawn = policy._drawing.draw(seen, 4)
    alone = BestOfN(Flow(toy_task(), weights), candidates=4)
    alone.reset(Episodes(KEYS))
    assert np.array_equal(policy._values(seen, drawn), alone._values(now, drawn))


def test_the_record_says_what_was_chosen_and_equals_leave_the_first(weights):
    policy = BestOfN(Lost(toy_task(), weights), candidates=6)
    policy.reset(Episodes(KEYS))
    decision = policy.act(fork(len(KEYS)))
    plan = decision.plan
    rows = np.arange(len(KEYS))
    assert plan.candidates.shape == (len(KEYS), 6, 2, 3)
    assert np.array_equal(plan.scores[rows, plan.chosen], plan.scores.min(axis=1))
    assert np.allclose(plan.candidates[rows, plan.chosen, 1], decision.actions[:, -1, :3], atol=1e-6)
    policy._critic.sample = lambda chunk, condition: torch.zeros(len(chunk), 1)
    assert (policy.act(fork(len(KEYS))).plan.chosen == 0).all()


def test_the_critic_belongs_to_the_policys_identity(weights):
    policy = BestOfN(Flow(toy_task(), weights))
    names = {"flow.safetensors", "flow.json", "critic.safetensors", "critic.json"}
    assert policy.artifacts().keys() == {f"Toy-v1/{name}" for name in names}
    assert policy.parameters > Flow(toy_task(), weights).parameters


def test_what_cannot_be_judged_is_refused(weights, brief_flow, graded, tmp_path):
    with pytest.raises(WrongUse, match="cannot choose among 0 chunks"):
        BestOfN(Flow(toy_task(), weights), candidates=0)
    with pytest.raises(BimodalError, match="make one with: bimodal train critic --task Toy-v1"):
        BestOfN(Flow(toy_task(), brief_flow))
    planner = Diffuser(toy_task(), train("diffuser", graded, tmp_path, steps=1, preset="tiny"))
    with pytest.raises(WrongUse, match="needs a policy that draws chunks"):
        BestOfN(planner)
    one_sided = graded_demos(6)
    del one_sided.observations["pole_position"]
    blind = train("flow", save(one_sided, tmp_path / "toy.npz"), tmp_path, steps=1, preset="tiny")
    for file in weights.parent.glob("critic.*"):
        shutil.copy(file, blind.parent)
    with pytest.raises(WrongUse, match="the critic reads pole_position, which flow does not"):
        BestOfN(Flow(toy_task(), blind))
