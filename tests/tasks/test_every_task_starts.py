"""How an episode of every task begins: by its seed alone, uniform over what is declared, and at rest."""

import mujoco
import numpy as np
import pytest
from bimodal.envs.frames import to_frame
from bimodal.envs.random_streams import stream
from bimodal.envs.specs import CONTROL_HZ
from task_worlds import SEEDS, names


@pytest.fixture(scope="module")
def world(played_world):
    return played_world


def test_a_seed_always_gives_the_same_start(world):
    starts = world.expert.start[: len(SEEDS)]
    other = world.begin(np.array([19, 3, 11]))
    assert (other.state() == starts[[19, 3, 11]]).all()
    for _ in range(5):
        other.step(other.stay("ee_absolute") + 0.01)
    other.reset([7, 19, 7])
    assert (other.state() == starts[[7, 19, 7]]).all()
    assert (world.begin([5]).state() == starts[[5]]).all()


def test_an_episode_does_not_depend_on_its_batch_or_row(world):
    picked = np.array([33, 4, 21])
    simulation = world.begin(picked % len(SEEDS))
    plan = world.task.plan(simulation, world.expert_modes[picked])
    for step in range(25):
        simulation.step(plan[:, step])
    assert (simulation.state() == world.expert.states[24, picked]).all()


def test_two_threads_give_the_bits_of_one(world):
    picked = np.array([0, 9, 25, 31])
    simulation = world.begin(picked % len(SEEDS), threads=2)
    plan = world.task.plan(simulation, world.expert_modes[picked])
    for step in range(25):
        simulation.step(plan[:, step])
    assert (simulation.state() == world.expert.states[24, picked]).all()


def test_different_seeds_differ(world):
    assert len(np.unique(world.expert.start[: len(SEEDS)], axis=0)) == len(SEEDS)


def test_scene_and_hands_are_uniform_over_the_declared_ranges(world):
    task = world.task
    starts = [task.start(stream("start", task.id, seed)) for seed in range(400)]
    frames = np.stack([start.frame for start in starts])
    places = np.stack([start.tcp for start in starts], 1)
    hands = [to_frame(place, frames) - hand[:3] for place, hand in zip(places, task.hands(), strict=True)]
    ranges = [(frames - [*task.centre, 0.0], task.spread), *((hand, task.hand_spread) for hand in hands)]
    for drawn, half in ranges:
        half = np.array(half)
        assert (half > 0).all() and (np.abs(drawn) <= half + 1e-12).all()
        # 400 draws: mean within 5 standard errors, spread within 10 %.
        assert (np.abs(drawn.mean(0)) < 5 * half / np.sqrt(3 * 400)).all()
        np.testing.assert_allclose(drawn.std(0), half / np.sqrt(3), rtol=0.1)


def test_nothing_penetrates_at_the_start(world):
    simulation = world.begin(SEEDS)
    for row in range(simulation.n):
        data = simulation.batch.get_data(row)
        mujoco.mj_forward(simulation.model, data)
        depth = -data.contact.dist.min() if data.ncon else 0.0
        assert depth < 1e-3, f"seed {SEEDS[row]}: {1e3 * depth:.2f} mm"
    assert (world.task.measure(simulation).illegal == 0).all()


def test_objects_are_where_they_were_or_drift_to_when_nothing_happens(world):
    simulation = world.begin(SEEDS)
    before, still = simulation.observe(), simulation.stay("ee_absolute")
    drift = world.task.drift(simulation, np.array([CONTROL_HZ // 2]))[:, 0]
    for name in {f"{body}_position" for body in world.task.objects} & set(before):
        before[name][:, :2] += drift
    for _ in range(CONTROL_HZ // 2):
        simulation.step(still)
    after = simulation.observe()
    bodies = names(world.model, "body")
    seen = {name: name.removesuffix("_position").removesuffix("_heading") for name in before}
    cues = {name for name, body in seen.items() if body in bodies and body not in world.task.objects}
    velocities = {name for name in before if name.endswith("_velocity") and drift.any()}
    for name in before.keys() - cues - velocities:  # a cue, which is no object, may move by itself
        moved = np.abs(after[name] - before[name]).max()
        assert moved < 1e-3, f"{name} moved by {moved}"
