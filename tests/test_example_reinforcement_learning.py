"""examples/reinforcement_learning.py: its mathematics, and that what it trains can be scored."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.tasks import load_task

EXAMPLE = Path(__file__).parent.parent / "examples" / "reinforcement_learning.py"
TASK = "PandaLiftDumbbell-v1"
HORIZON = 102
"""Longer than an episode."""


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Names of the example, in a folder of its own; few rows and short stretches."""
    script = shutil.copy(EXAMPLE, tmp_path_factory.mktemp("ppo"))
    found = runpy.run_path(script)
    found["train"].__globals__.update(ROWS=3, HORIZON=HORIZON)
    torch.set_num_threads(1)
    return found


def test_advantages_are_those_of_the_definition(names):
    """The discounted sum of errors up to the episode's end, term by term (Schulman et al. 2016, eq. 16)."""
    drawn = torch.Generator().manual_seed(0)
    rewards, values, following = (torch.randn(9, 2, generator=drawn) for _ in range(3))
    ends = torch.zeros(9, 2)
    ends[3, 0] = ends[8, 1] = 1.0
    found = names["_advantages"](rewards, values, following, ends)
    discount, decay = names["DISCOUNT"], names["LAMBDA"]
    for row in range(2):
        for step in range(9):
            total, weight = 0.0, 1.0
            for later in range(step, 9):
                going = 1 - ends[later, row]
                total += weight * (
                    rewards[later, row] + discount * going * following[later, row] - values[later, row]
                )
                weight *= discount * decay * going
            assert found[step, row] == pytest.approx(float(total), abs=1e-5)


def test_an_update_makes_what_paid_more_likely(names):
    drawn = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=()):  # PyTorch draws first weights from its global generator alone
        torch.manual_seed(0)
        agent = names["Agent"](5, 7)
    seen, actions = torch.zeros(8, 64, 5), 0.2 * torch.randn(8, 64, 7, generator=drawn)
    with torch.no_grad():
        chances = agent.actions(seen).log_prob(actions).sum(-1)
        before = agent.actor(seen[0, 0])
    paid = actions[..., 2] > 0
    steps = names["Steps"](seen, actions, chances, actions[..., 2], torch.zeros(8, 64))
    names["update"](agent, torch.optim.Adam(agent.parameters(), lr=1e-3), steps, drawn)
    with torch.no_grad():
        moved = agent.actor(seen[0, 0]) - before
        rise = agent.actions(seen).log_prob(actions).sum(-1) - chances
    assert moved[2] > 3 * moved[[0, 1, 3, 4, 5, 6]].abs().max()
    assert rise[paid].mean() > 0.1 > -0.1 > rise[~paid].mean()


def test_what_it_trains_is_a_policy_that_can_be_scored(names, capsys):
    file = names["train"](TASK, 3 * HORIZON)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{TASK}: step {3 * HORIZON}, reward +0.")
    policy = names["Learned"](load_task(TASK))
    assert list(policy.artifacts()) == [f"{TASK}/{file.name}"]
    result = run_shard(load_task(TASK), policy, Shard(TASK, "clean", 0, (0, 1)), "2")
    assert not any(result.faults)


def test_time_that_runs_out_is_worth_what_was_still_to_come(names):
    """A row that keeps still is truncated; its last reward holds the critic's value of where it stood."""
    player = names["Player"](TASK, 0)
    agent = names["Agent"](player.seen.shape[1], 7)
    agent.actor = torch.nn.Linear(player.seen.shape[1], 7)
    torch.nn.init.zeros_(agent.actor.weight), torch.nn.init.zeros_(agent.actor.bias)
    torch.nn.init.constant_(agent.log_std, -20.0)  # it keeps still
    agent.critic = torch.nn.Linear(player.seen.shape[1], 1)
    torch.nn.init.zeros_(agent.critic.weight), torch.nn.init.constant_(agent.critic.bias, 5.0)
    steps = player.play(agent)
    assert len(player.ended) == 3 and all(0.05 < total < 0.3 for total, _ in player.ended)
    # where the value is 5 everywhere, an error is the reward less what the discount takes
    last = steps.advantages[load_task(TASK).max_episode_steps - 1]
    assert last.numpy() == pytest.approx(np.full(3, -5 * (1 - names["DISCOUNT"])), abs=0.01)
