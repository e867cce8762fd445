"""Temporal ensembling: equal chunks stay, others are averaged as the paper does it, one step at a time."""

import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.policies.core.policy import Decision, Episodes, Needs, Policy
from bimodal.policies.core.registry import load_policy
from bimodal.policies.temporal_ensemble import TemporalEnsemble, temporal_average
from bimodal.tasks import load_task
from toy import toy_task

H = 6


class Says(Policy):
    """Answers the n-th decision with chunk n of those given, (D, N, H, A)."""

    def __init__(self, chunks):
        super().__init__(toy_task())
        self.chunks = chunks

    def needs(self):
        return Needs(n_action_steps=H)

    def reset(self, episodes):
        self.decisions = iter(self.chunks)

    def act(self, observation):
        return Decision(next(self.decisions))


def play(chunks, **options):
    policy = TemporalEnsemble(Says(chunks), **options)
    policy.reset(Episodes(np.arange(chunks.shape[1], dtype=np.uint64)))
    return policy, [policy.act({}).actions for _ in chunks]


def test_constant_chunks_are_left_as_they_are():
    chunks = np.broadcast_to(np.random.default_rng(0).normal(size=(1, 3, 1, 2)), (9, 3, H, 2))
    policy, said = play(chunks, rate=0.3)
    assert policy.needs().n_action_steps == 1
    assert all(np.array_equal(actions, chunks[0]) for actions in said)


@pytest.mark.parametrize(("length", "delay"), [(1, 0), (2, 0), (4, 0), (1, 2), (3, 2)])
def test_each_step_is_the_weighted_mean_of_the_chunks_that_reach_it(length, delay):
    decisions, rate = 9, 0.4
    chunks = np.random.default_rng(1).normal(size=(decisions, 2, H, 3))
    _, said = play(chunks, n_action_steps=length, rate=rate, delay=delay)
    seen = [max(d * length - delay, 0) for d in range(decisions)]  # the step that a decision observes
    for now, actions in enumerate(said):
        for j in range(length):
            step = now * length + j
            reach = [d for d in range(now + 1) if step - seen[d] < H]  # the oldest first
            weights = np.exp(-rate * np.arange(len(reach)))
            wanted = sum(
                w * chunks[d, :, step - seen[d]] for w, d in zip(weights / weights.sum(), reach, strict=True)
            )
            assert np.allclose(actions[:, j], wanted, atol=1e-12)


def test_an_episode_does_not_depend_on_its_batch_or_on_the_one_before():
    chunks = np.random.default_rng(2).normal(size=(4, 5, H, 3))
    policy, together = play(chunks)
    policy.reset(Episodes(np.arange(5, dtype=np.uint64)))
    assert np.array_equal(policy.act({}).actions, together[0])
    for row in range(5):
        _, alone = play(chunks[:, row : row + 1])
        assert all(np.array_equal(a[0], t[row]) for a, t in zip(alone, together, strict=True))


def test_a_single_chunk_is_itself():
    chunk = np.random.default_rng(3).normal(size=(2, H, 3))
    assert np.array_equal(temporal_average([chunk], 0.01), chunk)


def test_it_is_named_around_any_policy_and_refuses_what_cannot_be():
    task = load_task("PandaLiftDumbbell-v1")
    policy = load_policy("ensemble(mean, rate=-0.5)", task)
    assert type(policy).__qualname__ == "ensemble(mean, rate=-0.5)" and policy.needs().privileged
    with pytest.raises(WrongUse, match="n_action_steps is 0"):
        load_policy("ensemble(mean, n_action_steps=0)", task)
    with pytest.raises(WrongUse, match="together they must be 6 or less"):
        play(np.zeros((1, 1, H, 2)), n_action_steps=3, delay=4)
