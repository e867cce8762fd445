"""Real-time chunking: the plain flow without an overlap, frozen prefixes, the guidance by brute force."""

from itertools import pairwise
from math import e, exp

import numpy as np
import pytest
import torch
from bimodal.envs.errors import WrongUse
from bimodal.policies.core.policy import Episodes
from bimodal.policies.core.registry import load_policy
from bimodal.policies.core.wrapper import Moment
from bimodal.policies.flow import Flow
from bimodal.policies.generative.samplers import flow_euler
from bimodal.policies.real_time_chunking import RealTimeChunking, guided_flow, soft_mask
from bimodal.tasks import load_task
from toy import fork, toy_task

KEYS = np.arange(60, 65, dtype=np.uint64)
SEEN = fork(len(KEYS))


def play(policy, decisions=4, rows=slice(None)):
    """The chunks of some decisions at the fork, and the actions that are executed of each."""
    policy.reset(Episodes(KEYS[rows]))
    seen = {name: values[rows] for name, values in SEEN.items()}
    return [policy.act(seen).actions for _ in range(decisions)]


def test_without_an_overlap_it_is_the_plain_flow(brief_flow):
    plain = play(Flow(toy_task(), brief_flow))
    guided = play(RealTimeChunking(Flow(toy_task(), brief_flow), n_action_steps=16))
    assert np.array_equal(guided, plain)
    assert not np.array_equal(play(RealTimeChunking(Flow(toy_task(), brief_flow)))[1], plain[1])


@pytest.mark.parametrize(("length", "delay"), [(1, 2), (3, 2), (2, 5)])
def test_what_was_commanded_is_the_beginning_of_the_next_chunk(brief_flow, length, delay):
    policy = RealTimeChunking(Flow(toy_task(), brief_flow), length, delay)
    policy.reset(Episodes(KEYS))
    commanded = []
    for decision in range(5):
        due = policy.act(SEEN).actions
        age = min(delay, decision * length)
        assert due.shape[1] == 16 - age
        before = [policy._last[:, i] for i in range(age)]
        assert np.array_equal(before, commanded[len(commanded) - age :])
        commanded += [due[:, i] for i in range(length)]


def test_the_next_chunk_goes_on_with_the_last_one(brief_flow):
    def change(policy):
        chunks = play(policy, 12)
        pairs = pairwise(chunks)
        return np.mean([np.abs(new[:, :8, 1] - old[:, 1:9, 1]).mean() for old, new in pairs])

    assert change(RealTimeChunking(Flow(toy_task(), brief_flow))) < 0.5 * change(Flow(toy_task(), brief_flow))


def test_an_episode_does_not_depend_on_its_batch(brief_flow):
    together = play(RealTimeChunking(Flow(toy_task(), brief_flow), delay=1))
    alone = play(RealTimeChunking(Flow(toy_task(), brief_flow), delay=1), rows=slice(2, 3))
    assert all(np.array_equal(one[0], all_[2]) for one, all_ in zip(alone, together, strict=True))


@pytest.mark.parametrize("frozen", [0, 3])
def test_the_mask_is_that_of_the_paper(frozen):
    mask = soft_mask(16, 12, Moment(frozen, 4))
    assert (mask[:frozen] == 1).all() and (mask[12:] == 0).all()
    for i in range(frozen, 12):
        c = (12 - i) / (12 - frozen + 1)
        assert mask[i] == pytest.approx(c * (exp(c) - 1) / (e - 1))
    assert (np.diff(mask[frozen:13]) < 0).all() and mask[frozen] < 1
    assert (soft_mask(16, 0, Moment(0, 0)) == 0).all()


def test_the_guidance_is_that_of_the_paper_in_velocities():
    torch.manual_seed(0)
    size, steps, beta = 4, 10, 1.5
    matrix, noise, wanted, condition = (torch.randn(size, size, dtype=torch.float64) for _ in range(4))
    weight = torch.tensor([1.0, 0.6, 0.1, 0.0], dtype=torch.float64)

    def trunk(x, t, c):
        return 0.2 * (1 + t[:, None]) * x @ matrix.T + c

    found = guided_flow(trunk, noise, condition, steps, wanted, weight, beta)
    for row in range(size):
        x = noise[row].clone()
        for step in range(steps):
            t = step / steps
            clean = 0.2 * (1 + t) * matrix @ x + condition[row]
            velocity = (clean - x) / (1 - t)
            estimate = x + (1 - t) * velocity
            jacobian = 0.2 * (1 + t) * matrix
            r2 = (1 - t) ** 2 / (t**2 + (1 - t) ** 2)
            clip = min(beta, (1 - t) / (t * r2)) if t else beta
            x = x + (velocity + clip * (wanted[row] - estimate) @ torch.diag(weight) @ jacobian) / steps
        assert torch.allclose(found[row], x, atol=1e-12)
    plain = guided_flow(trunk, noise, condition, steps, wanted, weight, 0.0)
    assert torch.equal(plain, flow_euler(trunk, noise, condition, steps))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("rtc(diffusion)", "needs a flow of two steps or more, such as flow; Diffusion is none"),
        ("rtc(flow_1step)", "OneStepFlow is none"),
        ("rtc(flow, guidance=-1)", "guidance is -1; it must be 0 or more"),
        ("rtc(flow, delay=16)", "together they must be 16 or less"),
    ],
)
def test_what_cannot_be_guided_is_refused(uri, said):
    with pytest.raises(WrongUse, match=said):
        load_policy(uri, load_task("PandaLiftDumbbell-v1"))
