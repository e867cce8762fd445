"""Bidirectional decoding: one candidate is the plain policy, several do not flip, losses by brute force."""

import numpy as np
import pytest
import torch
from bimodal.envs.errors import WrongUse
from bimodal.policies.bidirectional_decoding import (
    BidirectionalDecoding,
    backward_coherence,
    forward_contrast,
    least,
)
from bimodal.policies.core.policy import Episodes
from bimodal.policies.flow import Flow
from toy import fork, toy_task

KEYS = np.arange(40, 47, dtype=np.uint64)


class Coin(Flow):
    """Draws one of two chunks, wherever it is."""

    def sample(self, noise, condition):
        return noise[:, :1].sign().expand(-1, noise.shape[1]) + 0.01 * noise


def play(policy, keys=KEYS, decisions=4, rows=slice(None)):
    """The actions of some decisions at the fork, (decisions, N, H, A)."""
    seen = {name: values[rows] for name, values in fork(len(KEYS)).items()}
    policy.reset(Episodes(keys))
    return np.array([policy.act(seen).actions for _ in range(decisions)])


def sides(actions):
    return np.sign(actions[:, :, 0, 1] - actions[:, :, 0, 1].mean())


def test_one_candidate_is_the_plain_policy(brief_flow):
    plain = play(Flow(toy_task(), brief_flow))
    assert np.array_equal(play(BidirectionalDecoding(Flow(toy_task(), brief_flow), candidates=1)), plain)
    several = play(BidirectionalDecoding(Flow(toy_task(), brief_flow)))
    assert np.array_equal(several[0], plain[0]) and not np.array_equal(several[1], plain[1])


@pytest.mark.parametrize("weak", [False, True])
def test_an_episode_does_not_depend_on_its_batch(brief_flow, weak):
    def build():
        return BidirectionalDecoding(
            Flow(toy_task(), brief_flow), candidates=5, weak=Coin(toy_task(), brief_flow) if weak else None
        )

    together = play(build())
    for row in (0, 3, 6):
        alone = play(build(), KEYS[row : row + 1], rows=slice(row, row + 1))
        assert np.array_equal(alone[:, 0], together[:, row])


@pytest.mark.parametrize("length", [1, 5])
def test_a_choice_stays_where_drawing_anew_flips(brief_flow, length):
    plain = sides(play(Coin(toy_task(), brief_flow), decisions=6))
    assert (plain != plain[0]).any()
    kept = sides(play(BidirectionalDecoding(Coin(toy_task(), brief_flow), length), decisions=6))
    assert (kept == kept[0]).all() and set(kept[0]) == {-1.0, 1.0}


def test_a_new_episode_forgets_the_last_choice(brief_flow):
    policy = BidirectionalDecoding(Coin(toy_task(), brief_flow))
    first = play(policy)
    assert np.array_equal(play(policy, KEYS[::-1])[0], first[0][::-1])


class Clock(Flow):
    """Answers an observation of step t with the numbers t, t + 1, ..."""

    def sample(self, noise, condition):
        return (condition[:, -1:, None] + torch.arange(16)[:, None]).expand(-1, 16, 10).flatten(1)


@pytest.mark.parametrize("length", [1, 3])
def test_an_old_observation_is_answered_from_the_action_that_is_due(brief_flow, length):
    inner = Clock(toy_task(), brief_flow)
    policy = BidirectionalDecoding(inner, length, candidates=2, delay=2)
    policy.reset(Episodes(KEYS))
    inner._actions = lambda chunks: chunks.reshape(-1, 16, 10)
    inner._condition = lambda seen: seen.astype(np.float32)
    for step in range(0, 9, length):
        seen = {name: np.full_like(values, max(step - 2, 0)) for name, values in fork(len(KEYS)).items()}
        decision = policy.act(seen)
        assert (decision.actions[:, :length, 0] == np.arange(step, step + length)).all()
        assert (decision.plan.scores < 1e-6).all(), "the same steps are compared"


def test_the_record_says_what_was_chosen(brief_flow):
    policy = BidirectionalDecoding(Coin(toy_task(), brief_flow), candidates=6)
    policy.reset(Episodes(KEYS))
    for _ in range(2):
        decision = policy.act(fork(len(KEYS)))
    plan = decision.plan
    rows = np.arange(len(KEYS))
    assert plan.candidates.shape == (len(KEYS), 6, 2, 3) and plan.scores.shape == (len(KEYS), 6)
    assert np.array_equal(plan.scores[rows, plan.chosen], plan.scores.min(axis=1))
    ends = plan.candidates[rows, plan.chosen, 1]
    assert np.allclose(ends, decision.actions[:, -1, :3], atol=1e-6)


def test_losses_are_those_of_the_formulas():
    rng = np.random.default_rng(1)
    chunks, near, far = rng.normal(size=(3, 2, 4, 6, 3))
    rest = rng.normal(size=(2, 5, 3))
    coherence = backward_coherence(chunks, rest, 0.7)
    contrast = forward_contrast(chunks, near, far)
    kept = least(chunks, coherence, 2)
    for n in range(2):
        for k in range(4):
            a = chunks[n, k]
            wanted = sum(0.7**j * np.linalg.norm(a[j] - rest[n, j]) for j in range(5))
            assert coherence[n, k] == pytest.approx(wanted, rel=1e-12)
            to_near, to_far = (
                sum(np.linalg.norm(a[j] - other[j]) for other in others[n] for j in range(6))
                for others in (near, far)
            )
            assert contrast[n, k] == pytest.approx((to_near - to_far) / 4, rel=1e-12)
        assert np.array_equal(kept[n], chunks[n, np.argsort(coherence[n])[:2]])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_action_steps": 0}, "n_action_steps is 0; it must be 1 or more"),
        ({"n_action_steps": 17}, "together they must be 16 or less"),
        ({"n_action_steps": 8, "delay": 9}, "are 8 and 9; together"),
        ({"delay": -1}, "delay is -1; it must be 0 or more"),
        ({"candidates": 0}, "cannot choose among 0 chunks"),
        ({"decay": 0.0}, "decay is 0; it must be above 0"),
    ],
)
def test_numbers_out_of_range_are_refused(brief_flow, options, said):
    with pytest.raises(WrongUse, match=said):
        BidirectionalDecoding(Flow(toy_task(), brief_flow), **options)
