"""Human-like demonstrations: a coin's mode, unequal length, three styles; nothing depends on the others."""

import numpy as np
import pytest
from bimodal.envs.errors import WrongUse
from bimodal.policies.core.dataset import make_windows
from bimodal.tasks import load_task
from bimodal.tasks.demonstrations.collect import collect, load, save
from bimodal.tasks.demonstrations.graded import moments_of
from bimodal.tasks.demonstrations.human import EASE, OPERATORS, perform
from bimodal.tasks.demonstrations.regimes import HUMAN, schedule

DUMBBELL = "PandaLiftDumbbell-v1"


@pytest.fixture(scope="module")
def demos():
    return collect(load_task(DUMBBELL), HUMAN, 60)


def test_every_scene_is_shown_once_in_the_mode_of_a_fair_coin():
    for name in (DUMBBELL, "PandaLiftMug-v1"):
        task = load_task(name)
        seeds, modes = schedule(task, HUMAN, 3000, 0)
        assert len(np.unique(seeds)) == 3000
        shares = np.bincount(modes) / 3000
        assert len(shares) == len(task.modes)
        np.testing.assert_allclose(shares, 1 / len(shares), atol=0.03)
        assert not np.array_equal(modes, schedule(task, HUMAN, 3000, 1)[1])


def test_most_succeed_at_unequal_length_and_the_practised_are_quickest(demos):
    assert demos.success.mean() > 0.9
    steps = demos.valid.sum(1)[demos.success]
    who = demos.operators[demos.success]
    assert steps.std() / steps.mean() > 0.08
    practised, careful, new = (steps[who == index].mean() for index in range(len(OPERATORS)))
    assert practised < new and practised < careful


def test_windows_are_of_what_succeeds_and_end_with_their_episode(demos):
    windows = make_windows(demos)
    assert windows.count == demos.valid[demos.success].sum()
    lengths = demos.valid[demos.success].sum(1)
    last = np.cumsum(lengths) - 1
    assert (windows.ahead[last] == last[:, None]).all(), (
        "the last action is repeated, none of the next episode"
    )


def test_a_demonstration_does_not_depend_on_the_others_nor_on_threads(demos, tmp_path):
    few = collect(load_task(DUMBBELL), HUMAN, 12, threads=2)
    assert few.meta == collect(load_task(DUMBBELL), HUMAN, 12).meta
    same = few.modes == demos.modes[:12]  # coins are drawn for a whole set
    assert same.any()
    assert np.array_equal(few.actions[same], demos.actions[:12][same])
    again = load(save(few, tmp_path / "few.npz"))
    assert np.array_equal(again.operators, few.operators) and np.array_equal(again.valid, few.valid)


def test_the_hand_sways_on_its_way_and_is_on_the_experts_way_at_the_grasp():
    task = load_task(DUMBBELL)
    plan = _straight(task)
    played = perform(task, plan, np.arange(200), calm=14)
    moments = moments_of(plan[0], task.max_episode_steps - 14)
    exact = plan[0, :, :3]
    way = np.stack([np.interp(played.clock, np.arange(len(exact)), exact[:, axis]) for axis in range(3)], -1)
    off = np.abs(played.actions[..., :3] - way).max(-1)
    assert off[played.clock >= moments.arrive].max() < 1e-9
    assert off[played.clock <= 0].max() < 1e-9
    middle = (played.clock > EASE) & (played.clock < moments.arrive - EASE)
    for index, operator in enumerate(OPERATORS):
        most = off[middle & (played.operators == index)[:, None]].max()
        assert 0.5 * operator.sway < most <= operator.sway
    assert (played.clock[:, -1] >= moments.rest - 1).all(), "everybody is through in time"
    assert ((np.diff(played.clock) == 0) & (played.clock[:, 1:] < moments.rest - 1)).any(1).mean() > 0.3


def _straight(task):
    """A plan that every seed is given: down, close, up."""
    frames = 66
    plan = np.zeros((200, frames, 10))
    plan[..., 3] = plan[..., 7] = 1.0
    plan[..., :3] = np.interp(np.arange(frames), [0, 30, 40, 60], [0.0, 0.3, 0.3, 0.4])[None, :, None]
    plan[..., 9] = np.where(np.arange(frames) < 32, 0.08, 0.0)
    return plan


def test_it_cannot_be_cut_short():
    with pytest.raises(WrongUse, match="human demonstrations are judged by how they end"):
        collect(load_task(DUMBBELL), HUMAN, 4, until=10)
