"""Graded demonstrations: what they are meant to be, what becomes of them, what they are worth."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
from bimodal.envs.random_streams import stream
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import ACTIONS, bounds
from bimodal.tasks import load_task, task_names
from bimodal.tasks.demonstrations import collect as demonstrations
from bimodal.tasks.demonstrations.collect import collect
from bimodal.tasks.demonstrations.graded import perform
from bimodal.tasks.demonstrations.grades import GAMMA, KINDS, returns_to_go
from bimodal.tasks.demonstrations.regimes import GRADED
from bimodal.tasks.press import PressTask
from graded_plays import CALM, DUMBBELL, SEEDS, of, reach_and_lift
from slow_cases import DIFFERENT_TASKS, mostly_slow

MEASURED = (DUMBBELL, "PandaPickEitherCube-v1", "PandaPickAroundPost-v1")
"""Tasks whose every kind is simulated here."""

PUSHED = tuple(name for name in task_names() if isinstance(load_task(name), PressTask))
"""Tasks in which no gripper closes, and PandaInsertCuedPeg-v1, which leaves no time for a second try."""
GRADED_TASKS = tuple(name for name in task_names() if name not in PUSHED)


def arms(actions):
    return actions.reshape(*actions.shape[:-1], -1, 10)


@pytest.fixture(scope="module", params=mostly_slow(MEASURED, DUMBBELL))
def shown(request):
    """A task and 160 graded demonstrations of it."""
    task = load_task(request.param)
    return task, collect(task, GRADED, 160)


@pytest.fixture(scope="module", params=mostly_slow(GRADED_TASKS, *DIFFERENT_TASKS[:2]))
def played(request):
    """A task, its experts' plans of 80 scenes in its last mode, and how they are to be played."""
    task = load_task(request.param)
    simulation = Simulation(task, len(SEEDS))
    simulation.reset(SEEDS)
    last = np.full(len(SEEDS), len(task.modes) - 1)
    plan, other = task.plan(simulation, last), task.plan(simulation, last * 0)
    return task, plan, perform(task, plan, other, SEEDS, CALM)


# -------------------------------------------------------------------------- what is meant to be


def test_most_are_good_some_slow_or_second_tries_some_fail_in_all_modes_alike(shown):
    task, demos = shown
    share = {kind: of(kind, demos.kinds).mean() for kind in KINDS}
    assert 0.55 <= share["ordinary"] <= 0.60
    assert 0.2 <= share["slow"] + share["regrasp"] <= 0.3
    assert 0.15 <= sum(share[kind] for kind in ("drop", "miss", "stop", "middle")) <= 0.2
    assert share["middle"] <= 0.03
    modes = [demos.modes == mode for mode in range(len(task.modes))]
    assert all((demos.kinds[mode] == demos.kinds[modes[0]]).all() for mode in modes)
    assert all((demos.seeds[mode] == demos.seeds[modes[0]]).all() for mode in modes)


def test_every_task_is_played_within_its_horizon_by_sound_actions(played):
    task, plan, found = played
    assert found.actions.shape == (len(SEEDS), task.max_episode_steps, plan.shape[2])
    low, high = (np.tile(edge, task.arms) for edge in bounds(ACTIONS["ee_absolute"]))
    assert (found.actions >= low).all() and (found.actions <= high).all()
    columns = arms(found.actions)[..., 3:9].reshape(*found.actions.shape[:2], -1, 2, 3)
    np.testing.assert_allclose(
        columns @ columns.swapaxes(-1, -2), np.eye(2) + 0 * columns[..., :2], atol=1e-9
    )
    still = found.actions[:, -CALM:]
    assert np.abs(still - still[:, -1:]).max() < 1e-9, "it comes to rest in time for success to last"


def test_ordinary_ones_are_the_plan_and_then_wait(played):
    _, plan, found = played
    ordinary, steps = of("ordinary", found.kinds), plan.shape[1]
    np.testing.assert_array_equal(found.actions[ordinary, :steps], plan[ordinary])
    assert (found.actions[ordinary, steps:] == plan[ordinary, -1:]).all()


def test_slow_ones_go_the_experts_way_in_more_time(played):
    _, plan, found = played
    slow = of("slow", found.kinds)
    way, gone = arms(plan[slow])[..., :3], arms(found.actions[slow])[..., :3]
    begin, step = way[:, :-1], np.diff(way, axis=1)
    for row in range(slow.sum()):
        ahead = gone[row][:, None] - begin[row]
        square = (step[row] ** 2).sum((-1, -2))
        part = (ahead * step[row]).sum((-1, -2)) / np.maximum(square, 1e-12)
        off = ahead - np.clip(part, 0, 1)[..., None, None] * step[row]
        assert np.linalg.norm(off, axis=(-1, -2)).min(1).max() < 1e-9
    lengths = [np.linalg.norm(np.diff(path, axis=1), axis=-1) for path in (way, gone)]
    np.testing.assert_allclose(lengths[0].sum(1), lengths[1].sum(1), rtol=0.02)
    closings = [(arms(a[slow])[..., 9] <= 0).any(-1).argmax(1) for a in (plan, found.actions)]
    assert (closings[1] > 1.1 * closings[0]).all() and (closings[1] < 1.8 * closings[0]).all()


def test_second_tries_close_open_and_close_and_drops_open_for_good(played):
    _, plan, found = played

    def closings(actions):
        shut = (arms(actions)[..., 9] <= 0).any(-1).astype(int)
        return (np.diff(shut, axis=1) > 0).sum(1)

    for kind, more in (("ordinary", 0), ("slow", 0), ("regrasp", 1)):
        mine = of(kind, found.kinds)
        assert (closings(found.actions[mine]) == closings(plan[mine]) + more).all()
    dropped = arms(found.actions[of("drop", found.kinds)])[..., 9]
    assert (dropped[:, -1] > 0).all() and (dropped <= 0).any((1, 2)).all()


def test_misses_are_too_high_by_more_than_fingers_reach(played):
    _, plan, found = played
    missed = of("miss", found.kinds)
    off = arms(found.actions[missed, : plan.shape[1]])[..., :3] - arms(plan[missed])[..., :3]
    closed = (arms(plan[missed])[..., 9] <= 0).any(-1)
    assert (off[closed][..., 2] > 0.04).all() and (np.hypot(*off[..., :2].T) < 0.021).all()


# -------------------------------------------------------------------------- what becomes of it


def test_what_is_meant_to_fail_fails_and_the_rest_mostly_succeeds(shown):
    _, demos = shown
    rate = {kind: demos.success[of(kind, demos.kinds)].mean() for kind in KINDS}
    assert rate["ordinary"] == rate["slow"] == 1.0 and rate["regrasp"] >= 0.85
    assert max(rate[kind] for kind in ("drop", "miss", "stop", "middle")) == 0.0


def test_slow_ones_and_second_tries_really_take_longer(shown):
    _, demos = shown
    ends = demos.valid.sum(1)
    at_once = ends[of("ordinary", demos.kinds)].max()
    for kind in ("slow", "regrasp"):
        assert ends[of(kind, demos.kinds) & demos.success].min() > 1.05 * at_once
    long_enough = ends[of("stop", demos.kinds)]
    assert (long_enough == demos.valid.shape[1]).all(), "who stands still is timed out"
    assert ends[of("middle", demos.kinds)].max() < 0.5 * at_once, "a touch of the middle ends the episode"


def test_an_episode_ends_when_the_object_has_been_held_up_for_long_enough(shown):
    task, demos = shown
    z = np.stack([demos.observations[f"{name}_position"][..., 2] for name in task.objects])
    up = ((z - z[:, :, :1]) >= task.success_height).any(0)
    for row in np.flatnonzero(demos.success):
        end = demos.valid[row].sum()
        assert up[row, end - task.hold_steps + 1 : end + 1].all()
        assert not up[row, : end - 2 * task.hold_steps].any()
    assert not up[of("drop", demos.kinds), -1].any() and not up[of("miss", demos.kinds)].any()


def test_returns_grow_to_one_by_the_discount_and_failures_are_worth_nothing(shown):
    _, demos = shown
    returns, ends = demos.returns, demos.valid.sum(1)
    assert returns.dtype == np.float32 and returns.min() >= 0 and returns.max() <= 1
    expected = np.zeros(returns.shape)
    for row in np.flatnonzero(demos.success):
        value = 1.0
        expected[row, ends[row] :] = value
        for frame in reversed(range(ends[row])):
            value *= GAMMA
            expected[row, frame] = value
    np.testing.assert_allclose(returns, expected, rtol=1e-6)


def test_the_sooner_the_better(shown):
    _, demos = shown
    first = {kind: demos.returns[of(kind, demos.kinds), 0] for kind in KINDS}
    assert first["ordinary"].min() >= 0.6 and first["ordinary"].max() <= 0.8
    assert first["ordinary"].min() - first["slow"].max() > 0.02
    assert first["slow"].min() > 0.3 and first["drop"].max() == 0


def test_returns_do_not_tell_the_mode(shown):
    _, demos = shown
    first = [demos.returns[demos.modes == mode, 0] for mode in (0, 1)]
    assert abs(first[0].mean() - first[1].mean()) < 0.02
    assert (np.abs(first[0] - first[1]) < 0.02).mean() > 0.95, "a scene ends alike in either mode"


def test_a_success_at_the_first_frame_is_worth_one_step():
    found = returns_to_go(np.array([True, True, False]), np.array([1, 3, 2]), 4)
    g = GAMMA
    np.testing.assert_allclose(found, [[g, 1, 1, 1], [g**3, g**2, g, 1], [0, 0, 0, 0]], rtol=1e-6)


# -------------------------------------------------------------------------- one and the same every time


def test_an_episode_depends_on_its_task_and_seed_alone(few, monkeypatch):
    monkeypatch.setattr(demonstrations, "SHARD", 5)
    task = load_task(DUMBBELL)
    assert collect(task, GRADED, 12, threads=2).meta == few.meta
    fewer = collect(task, GRADED, 8)
    for name in ("kinds", "actions", "returns", "valid", "success"):
        np.testing.assert_array_equal(getattr(fewer, name), getattr(few, name)[:8])


def test_other_tasks_and_sets_deal_other_kinds():
    plan, tasks = (
        reach_and_lift(20, 10, len(SEEDS)),
        [SimpleNamespace(id=i, max_episode_steps=90) for i in "ab"],
    )
    dealt = [perform(task, plan, plan, seeds, CALM).kinds for task in tasks for seeds in (SEEDS, SEEDS + 40)]
    assert len({kinds.tobytes() for kinds in dealt}) == 3 + 1
    assert (dealt[0][40:] == dealt[1][:40]).all(), "the same seeds, the same kinds"


def test_ordinary_episodes_are_those_of_bi50(few):
    plain = collect(load_task(DUMBBELL), "bi50", 12)
    rows, steps = of("ordinary", few.kinds), plain.actions.shape[1]
    assert rows.sum() > 3
    np.testing.assert_array_equal(few.actions[rows, :steps], plain.actions[rows])
    for name, values in plain.observations.items():
        np.testing.assert_array_equal(few.observations[name][rows, :steps], values[rows])


@pytest.mark.parametrize("name", [DUMBBELL, "TwoPandaHandover-v1"])
def test_the_other_regimes_are_shown_and_digested_as_ever(name):
    task = load_task(name)
    demos = collect(task, "bi50", 4)
    assert demos.returns is None and demos.valid is None and demos.kinds is None
    simulation = Simulation(task, 4)
    simulation.reset([1_000_000, 1_000_000, 1_000_001, 1_000_001])
    plan = task.plan(simulation, np.array([0, 1, 0, 1]))
    seen = {name: [] for name in demos.observations}
    for step in range(plan.shape[1]):
        for component, values in simulation.observe().items():
            seen[component].append(values.astype(np.float32))
        target = plan[:, step].copy()
        if step < plan.shape[1] - task.hold_steps - 4:
            for row in range(4):
                rng = stream("process noise", name, 1_000_000 + row // 2, row % 2)
                size = plan.shape[1], task.arms, 3
                arms(target)[row, :, :3] += rng.normal(0, 0.001, size)[step]
        simulation.step(target)
    arrays = {component: np.stack(values, 1) for component, values in seen.items()}
    arrays |= {"seeds": np.array([1_000_000, 1_000_000, 1_000_001, 1_000_001])}
    arrays |= {"modes": np.array([0, 1, 0, 1], np.int8), "success": np.ones(4, bool)}
    arrays |= {"actions": plan.astype(np.float32)}
    sha = hashlib.sha256()
    for component in sorted(arrays):
        array = arrays[component]
        sha.update(f"{component}{array.dtype.str}{array.shape}".encode() + array.tobytes())
    assert demos.meta["digest"] == sha.hexdigest()
