"""What every task must keep: the whole matrix runs over all of them, and a new task joins without a test.

The golden digests are renewed, after a deliberate change of the physics, by
`BIMODAL_WRITE_GOLDEN=1 python -m pytest tests/tasks/test_every_task.py -k golden`.
"""

import hashlib
import json
import os
import warnings
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np
import pytest
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.frames import to_frame
from bimodal.envs.random_streams import stream
from bimodal.envs.robot import inverse_kinematics as control
from bimodal.envs.robot import panda as robot
from bimodal.envs.scene import table_extents
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import CONTROL_HZ, OPENING_HIGH
from bimodal.policies.core.registry import load_policy
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.referee import LIFTED, Referee
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.core.task import Measurement
from bimodal.tasks.core.validation import problems
from gymnasium.utils.env_checker import check_env

SEEDS = np.arange(20)
GOLDEN = Path(__file__).parents[1] / "golden" / f"{mujoco.__version__}.json"
ROBOT_BODIES = (
    *("base", *(f"link{i}" for i in range(8)), "right_hand", "right_gripper", "leftfinger", "rightfinger"),
    "table",
)


class Rollout(NamedTuple):
    """What happened to N rows in T control steps."""

    start: np.ndarray  # state rows, (N, nstate)
    states: np.ndarray  # after each step, (T, N, nstate)
    seen: Measurement  # (T, N)
    observations: dict  # before each action and at the end, (T + 1, N, d)
    grip: np.ndarray  # largest left and right finger force on any part [N], (T, N, 2)
    referee: Referee


class World:
    """One task with the simulations that several tests share."""

    def __init__(self, name):
        self.task = load_task(name)
        self.modes = len(self.task.modes)

    def begin(self, seeds, threads=1):
        simulation = Simulation(self.task, len(seeds), threads)
        simulation.reset(seeds)
        return simulation

    def roll(self, simulation, plan):
        """Execute a plan (N, T, A) to its end, past the referee's whistle."""
        task, referee = self.task, Referee(self.task, simulation.n)
        parts = [
            name.removesuffix("_left") for name in names(simulation.model, "sensor") if name.endswith("_left")
        ]
        start, states, seen, grip = simulation.state(), [], [], []
        observations = [simulation.observe()]
        for action in np.swapaxes(plan, 0, 1):
            simulation.step(action)
            seen.append(Measurement(*(np.array(column) for column in task.measure(simulation))))
            referee.see(seen[-1], simulation.diverged)
            states.append(simulation.state())
            observations.append(simulation.observe())
            sides = [[simulation.force(f"{part}_{side}") for part in parts] for side in ("left", "right")]
            grip.append(np.max(sides, axis=1).T)
        return Rollout(
            start,
            np.stack(states),
            Measurement(*(np.stack(column) for column in zip(*seen, strict=True))),
            {name: np.stack([frame[name] for frame in observations]) for name in observations[0]},
            np.stack(grip),
            referee,
        )

    @cached_property
    def expert_modes(self):
        return np.repeat(np.arange(self.modes), len(SEEDS))

    @cached_property
    def expert(self):
        """Every seed in every mode, mode by mode."""
        simulation = self.begin(np.tile(SEEDS, self.modes))
        return self.roll(simulation, self.task.plan(simulation, self.expert_modes))

    @cached_property
    def mean(self):
        """Every seed with the average of the modes' plans."""
        simulation = self.begin(SEEDS)
        plans = [self.task.plan(simulation, np.full(simulation.n, mode)) for mode in range(self.modes)]
        return self.roll(simulation, np.mean(plans, axis=0))

    @cached_property
    def model(self):
        return self.task.spec().compile()


@pytest.fixture(scope="module", params=task_names())
def world(request):
    return World(request.param)


def names(model, kind):
    count = getattr(model, {"sensor": "nsensor", "body": "nbody", "geom": "ngeom", "joint": "njnt"}[kind])
    return [getattr(model, kind)(index).name for index in range(count)]


def move(simulation, action, steps):
    """Let every arm go where one `ee_delta` action (N, 7) sends it, and stay there."""
    targets = simulation.targets(np.tile(action, len(simulation.arms)), "ee_delta").reshape(
        len(action), -1, 9
    )
    opening = targets[..., 7:8] - targets[..., 8:]
    held = np.concatenate([targets[..., :7], opening], 2).reshape(len(action), -1)
    for _ in range(steps):
        simulation.step(held, "joint_absolute")


# ------------------------------------------------------------------------------------------ what it says


def test_gymnasiums_checker_accepts_every_action_space(world):
    for space in ("ee_absolute", "ee_delta", "joint_absolute"):
        env = gymnasium.make(f"bimodal/{world.task.id}", action_space=space)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_env(env.unwrapped, skip_render_check=True)
        complaints = [str(warning.message) for warning in caught]
        if space != "ee_delta":  # metres and radians are not normalised, and are meant not to be
            complaints = [text for text in complaints if "symmetric and normalized" not in text]
        assert complaints == []


def test_the_task_is_sound(world):
    assert problems(world.task) == []


def test_the_docstring_tells_goal_randomisation_and_success(world):
    text = type(world.task).__doc__ or ""
    assert all(f"**{part}**:" in text for part in ("Goal", "Randomised", "Success"))
    assert world.task.goal.endswith(".") and len(set(world.task.modes)) == world.modes >= 2


def test_everything_has_a_name_and_what_others_rely_on_is_there(world):
    model = world.model
    for kind in ("body", "geom", "joint", "sensor"):
        found = names(model, kind)
        assert all(found) and len(set(found)) == len(found)
    assert set(ROBOT_BODIES) | set(world.task.objects) <= set(names(model, "body"))
    sensors = names(model, "sensor")
    sides = [name for name in sensors if name.endswith("_left")]
    assert "table" in sensors and sides
    assert {name.replace("_left", "_right") for name in sides} <= set(sensors)
    assert model.site(robot.TCP_SITE).id >= 0


# ------------------------------------------------------------------------------------------ the start


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
    for step in range(30):
        simulation.step(plan[:, step])
    assert (simulation.state() == world.expert.states[29, picked]).all()


def test_two_threads_give_the_bits_of_one(world):
    picked = np.array([0, 9, 25, 31])
    simulation = world.begin(picked % len(SEEDS), threads=2)
    plan = world.task.plan(simulation, world.expert_modes[picked])
    for step in range(30):
        simulation.step(plan[:, step])
    assert (simulation.state() == world.expert.states[29, picked]).all()


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


def test_objects_rest_when_nothing_happens(world):
    simulation = world.begin(SEEDS)
    before, still = simulation.observe(), simulation.stay("ee_absolute")
    for _ in range(CONTROL_HZ // 2):
        simulation.step(still)
    after = simulation.observe()
    for name in before:
        moved = np.abs(after[name] - before[name]).max()
        assert moved < 1e-3, f"{name} moved by {moved}"


# ------------------------------------------------------------------------------------------ success


def test_success_is_false_at_the_start(world):
    simulation = world.begin(SEEDS)
    seen = world.task.measure(simulation)
    assert (seen.lift < 0.001).all() and not seen.in_hand.any() and (seen.part == -1).all()
    assert not Referee(world.task, simulation.n).verdict().success.any()


@pytest.mark.parametrize("policy", ["zero", "random"])
def test_doing_nothing_or_anything_never_succeeds(world, policy):
    shard = Shard(world.task.id, "clean", 0, tuple(SEEDS.tolist()))
    verdict = run_shard(world.task, load_policy(policy, world.task), shard, "test").verdict
    assert not verdict.success.any() and not verdict.success_ever.any()
    if policy == "zero":
        assert set(verdict.label) == {"NO_ATTEMPT"} and (verdict.steps == world.task.max_episode_steps).all()


def test_the_expert_succeeds_in_every_mode_and_touches_nothing_forbidden(world):
    verdict = world.expert.referee.verdict()
    assert verdict.success.all() and verdict.success_final.all()
    assert (verdict.mode == world.expert_modes).all()
    assert world.expert.seen.illegal.max() == 0.0
    assert world.expert.seen.table.max() == 0.0
    assert len(world.expert.states) <= world.task.max_episode_steps


def test_the_experts_act_outside_the_dead_zone(world):
    alpha = world.expert.referee.verdict().alpha
    wanted = world.expert_modes if world.modes == 2 else 0.0
    np.testing.assert_allclose(alpha, wanted, atol=0.1)
    assert not world.task.in_dead_zone(alpha).any()
    low, high = world.task.dead_zone
    assert low <= 0.35 and high >= 0.65


def test_the_mean_of_the_modes_fails_in_the_middle_as_soon_as_they_part(world):
    verdict = world.mean.referee.verdict()
    assert set(verdict.label) == {"COLLISION_MID"}
    assert (verdict.steps <= world.task.shared_steps + 6).all()
    assert (verdict.steps > world.task.shared_steps).all()
    risen = world.mean.seen.lift - world.mean.seen.lift[world.task.shared_steps]
    assert risen.max() < LIFTED
    if world.modes == 2:
        np.testing.assert_allclose(verdict.alpha, 0.5, atol=0.1)
    assert world.task.in_dead_zone(verdict.alpha).all()


def test_the_modes_share_their_first_steps(world):
    simulation = world.begin(SEEDS)
    plans = [world.task.plan(simulation, np.full(simulation.n, mode)) for mode in range(world.modes)]
    shared = world.task.shared_steps
    for plan, other in combinations(plans, 2):
        assert (plan[:, :shared] == other[:, :shared]).all()
        assert (plan[:, shared] != other[:, shared]).any(axis=1).all()


def test_the_gripper_really_holds(world):
    held = np.where(world.expert.seen.in_hand[..., None], world.expert.grip, np.nan)
    grip = np.nanmedian(held, axis=0)
    assert (grip > 30.0).all() and (grip < 45.0).all(), np.round([grip.min(), grip.max()], 1)
    assert (world.expert.seen.lift.max(0) > world.task.success_height + 0.02).all()


# ------------------------------------------------------------------------------------------ observations


def test_observations_are_finite_in_shape_and_in_range(world):
    for rollout in (world.expert, world.mean):
        assert list(rollout.observations) == [spec.name for spec in world.task.observation]
        for spec in world.task.observation:
            seen = rollout.observations[spec.name]
            assert seen.dtype == np.float64 and seen.shape[2:] == spec.shape
            assert np.isfinite(seen).all()
            assert seen.min() >= spec.low and seen.max() <= spec.high, (spec.name, seen.min(), seen.max())


def test_no_observed_number_is_constant_but_the_height_of_what_is_fixed(world):
    bodies = names(world.model, "body")
    for name, seen in world.expert.observations.items():
        spread = np.ptp(seen.reshape(-1, seen.shape[-1]), axis=0)
        constant = np.flatnonzero(spread == 0).tolist()
        body = name.removesuffix("_position")
        root = world.model.body(body).rootid[0] if body in bodies else 0
        stands = body != name and world.model.body(root).mocapid[0] >= 0
        assert constant == ([2] if stands else []), f"{name} never changes in {constant}"


def test_observations_share_no_memory(world):
    simulation = world.begin([0, 1])
    first, second = simulation.observe(), simulation.observe()
    kept = {name: component.copy() for name, component in first.items()}
    live = [
        simulation.batch.state,
        simulation.xpos,
        simulation.xmat,
        simulation.site_xpos,
        simulation.site_xmat,
    ]
    for name in first:
        assert not any(np.shares_memory(first[name], other) for other in (*second.values(), *live))
    simulation.step(simulation.stay("ee_absolute") + 0.02)
    assert all((first[name] == kept[name]).all() for name in first)


def test_units_are_plausible(world):
    seen = world.expert.observations
    hand = seen["tcp_position"]
    assert (hand.min((0, 1)) > [0.25, -0.35, 0.005]).all() and (hand.max((0, 1)) < [0.85, 0.35, 0.45]).all()
    assert (
        seen["gripper_opening"][0].min() > 0.079 and seen["gripper_opening"].max() < 0.082
    )  # fingers that open again overshoot by a millimetre
    columns = seen["tcp_rotation"].reshape(*hand.shape[:2], 2, 3)
    np.testing.assert_allclose(
        columns @ columns.swapaxes(-1, -2), np.broadcast_to(np.eye(2), (*hand.shape[:2], 2, 2)), atol=1e-9
    )
    assert (np.cross(columns[..., 0, :], columns[..., 1, :])[..., 2] < -0.99).all()
    centre, half = table_extents(world.task.arms)
    for body in world.task.objects:
        place = seen[f"{body}_position"][0]
        assert (np.abs(place[:, :2] - centre) < half[:2]).all() and (place[:, 2] >= 0).all()
        np.testing.assert_allclose(np.linalg.norm(seen[f"{body}_heading"], axis=-1), 1.0, atol=1e-12)


# ------------------------------------------------------------------------------------------ control


def test_a_restored_state_replays_bit_for_bit(world):
    rollout, grasp = world.expert, int(np.argmax(world.expert.seen.in_hand[:, 0]))
    simulation = world.begin(np.tile(SEEDS, world.modes))
    plan = world.task.plan(simulation, world.expert_modes)
    for begin in (grasp - 2, 3):  # in first contact, and in the air
        simulation.restore(rollout.states[begin])
        for step in range(begin + 1, begin + 16):
            simulation.step(plan[:, step])
            assert (simulation.state() == rollout.states[step]).all()


def test_ee_delta_moves_every_hand_by_five_centimetres_a_unit(world):
    simulation = world.begin([0, 1, 2, 3])
    starts = [arm.tcp_position.copy() for arm in simulation.arms]
    action = np.zeros((4, 7))
    action[:, 6] = -1.0
    action[[0, 1, 2, 3], [0, 1, 2, 2]] = [0.4, -0.4, 0.4, -0.2]
    move(simulation, action, 30)
    for arm, start in zip(simulation.arms, starts, strict=True):
        np.testing.assert_allclose(arm.tcp_position - start, 0.05 * action[:, :3], atol=0.001)
        np.testing.assert_allclose(arm.opening, OPENING_HIGH, atol=1e-3)


def test_ee_delta_turns_about_world_axes_and_closes_with_plus_one(world):
    simulation = world.begin([0, 1])
    before = [arm.tcp_rotation.copy() for arm in simulation.arms]
    action = np.zeros((2, 7))
    action[:, 5], action[:, 6] = [0.5, -0.5], [1.0, 0.0]
    move(simulation, action, 30)
    for arm, rotation in zip(simulation.arms, before, strict=True):
        turned = control.rotation_error(arm.tcp_rotation, rotation)
        np.testing.assert_allclose(turned, [[0, 0, 0.25], [0, 0, -0.25]], atol=0.02)
        assert arm.opening[0] < 0.002 and arm.opening[1] > 0.079


def test_joint_targets_are_reached_within_a_second(world):
    simulation = world.begin([0, 1])
    target = simulation.stay("joint_absolute").reshape(2, -1, 8)
    target[..., :7] += np.array(
        [[[0.1, -0.1, 0.1, 0.1, -0.1, 0.1, 0.2]], [[-0.1, -0.2, -0.1, 0.1, 0.1, 0.0, -0.2]]]
    )
    target[..., 7] = 0.04
    for _ in range(CONTROL_HZ):
        simulation.step(target.reshape(2, -1), "joint_absolute")
    for index, arm in enumerate(simulation.arms):
        assert np.abs(simulation.qpos[:, arm.joints] - target[:, index, :7]).max() < 0.01
        np.testing.assert_allclose(arm.opening, 0.04, atol=1e-3)


def test_inverse_kinematics_settles_within_half_a_millimetre(world):
    simulation = world.begin(SEEDS)
    away = stream("targets", world.task.id).uniform([-0.06, -0.1, 0.02], [0.06, 0.1, 0.1], (len(SEEDS), 3))
    target = simulation.stay("ee_absolute").reshape(len(SEEDS), -1, 10)
    target[..., :3] += away[:, None]
    for _ in range(CONTROL_HZ * 3 // 2):
        simulation.step(target.reshape(len(SEEDS), -1))
    for arm, wanted in zip(simulation.arms, target.swapaxes(0, 1), strict=True):
        missed = np.linalg.norm(arm.tcp_position - wanted[:, :3], axis=1)
        assert missed.max() <= 0.5e-3, f"{1e3 * missed.max():.2f} mm"
        error = control.rotation_error(control.rotation_from_columns(wanted[:, 3:9]), arm.tcp_rotation)
        assert np.linalg.norm(error, axis=1).max() < 0.01


# ------------------------------------------------------------------------------------------ golden


def rounded_digest(values, unit):
    """Hash of values on a grid, so that the last bits of another CPU do not count."""
    return hashlib.sha256(np.rint(np.asarray(values) / unit).astype("<i8").tobytes()).hexdigest()


def fingerprints(task):
    """Digests of two starts and of the states 20 expert steps later; without the solver's warm start, whose
    last bits are the least alike between CPUs."""
    simulation = Simulation(task, 2)
    simulation.reset([0, 1])
    start = simulation.state()
    plan = task.plan(simulation, np.array([0, 1]))
    for step in range(20):
        simulation.step(plan[:, step])
    moved = [simulation.qpos, simulation.qvel, simulation.ctrl, simulation.mocap_pos.reshape(2, -1)]
    return {
        "start": rounded_digest(start, 1e-9),
        "after 20 steps": rounded_digest(np.concatenate(moved, 1), 1e-6),
    }


def test_the_physics_is_the_golden_one(world):
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    found = fingerprints(world.task)
    if os.environ.get("BIMODAL_WRITE_GOLDEN") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(golden | {world.task.id: found}, indent=2, sort_keys=True) + "\n")
    elif world.task.id not in own_names():
        pytest.skip("a task from outside the package has no golden digests")
    elif not GOLDEN.exists():
        pytest.skip(f"no golden digests for MuJoCo {mujoco.__version__}; the suite is pinned to 4.0.0")
    else:
        assert golden.get(world.task.id) == found
