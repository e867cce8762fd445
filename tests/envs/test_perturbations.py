"""Every axis shifts what it says by as much as it says, nothing at level 0, and episodes stay their own."""

import re
from functools import cache
from importlib.metadata import EntryPoint
from itertools import combinations
from pathlib import Path

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.records.replay import check, replay
from bimodal.benchmark.rollout.shard import Shard, run_shard
from bimodal.envs.errors import WrongUse
from bimodal.envs.frames import from_frame
from bimodal.envs.perturbations.core import registry
from bimodal.envs.perturbations.core.perturbation import overrides
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant, parse
from bimodal.envs.perturbations.disturbances import grips
from bimodal.envs.plugins import registry as plugins
from bimodal.envs.plugins.registry import PluginRegistry
from bimodal.envs.scene_generation.episode_context import EpisodeContext
from bimodal.envs.simulation import Simulation
from bimodal.envs.specs import from_grid, to_grid
from bimodal.policies.core.policy import Decision, Needs
from bimodal.policies.experts import Planned
from bimodal.tasks import load_task

TASK = load_task("PandaPickEitherCube-v1")
SEEDS = (3, 8, 1)
LIFTED = 55
"""Control steps after which the experts of TASK hold a cube in the air."""
PAGE = Path(__file__).parents[2] / "docs" / "add-a-variant.md"


def possible(task):
    return [name for name in perturbations() if not Variant(f"{name}:2").impossible(task)]


class Watching(Planned):
    """The expert of mode 0, a little off by what it sees: everything that is shifted shows in its actions."""

    def needs(self):
        return Needs(n_action_steps=1, privileged=True)

    def plan(self, simulation, episodes):
        return self.task.plan(simulation, np.zeros(simulation.n, int))

    def act(self, observation):
        action = self._plan[:, min(self._step, self._plan.shape[1] - 1)].copy()
        for name in ("left_cube_position", "right_cube_position", "tcp_position"):
            action[:, :3] += 0.01 * (observation[name] - [0.5, 0.0, 0.1])
        action[:, :2] += 0.002 * observation["right_cube_heading"]
        self._step += 1
        return Decision(action[:, None])


def record(variant, seeds=SEEDS, threads=1):
    return run_shard(TASK, Watching(TASK), Shard(TASK.id, variant, 0, tuple(seeds)), "1", threads)


@pytest.fixture(scope="module")
def recorded():
    return cache(record)


def begin(variant="clean", seeds=(0,), task=TASK):
    simulation = Simulation(task, len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    return simulation


def fly(simulation, steps, mode=0, watch=lambda: None, hold=False):
    """Execute an expert's plan and return what `watch` sees after each step."""
    plan, seen = simulation.task.plan(simulation, np.full(simulation.n, mode)), []
    for step in range(steps):
        simulation.variant.perturb_simulation(simulation, step)
        simulation.step(plan[:, step])
        seen.append(watch())
    return seen


# --------------------------------------------------------------------------------- true of every axis


@pytest.mark.parametrize("name", possible(TASK))
def test_level_0_is_clean_to_the_last_bit(name, recorded):
    assert list(record(f"{name}:0").digests) == list(recorded("clean").digests)


@pytest.mark.parametrize("name", possible(TASK))
def test_an_axis_is_felt_and_its_records_replay(name, recorded):
    result = recorded(f"{name}:2")
    assert (result.digests != recorded("clean").digests).all() or overrides(
        perturbations()[name], "perturb_appearance"
    )
    found = check(TASK, result)
    assert found.agrees and found.exact
    steps = int(result.verdict.steps[1])
    states = replay(TASK, result.trace, 1, steps, shard=result.shard)
    assert states[:-1:10].tobytes() == result.trace.states[1, : -(-steps // 10)].tobytes()


@pytest.mark.parametrize("name", possible(TASK))
def test_what_an_episode_draws_depends_on_neither_batch_nor_order_nor_threads(name, recorded):
    seeds = (1, 40, 3)
    found = dict(zip(seeds, record(f"{name}:2", seeds, threads=2).digests, strict=True))
    known = dict(zip(SEEDS, recorded(f"{name}:2").digests, strict=True))
    assert found[1] == known[1] and found[3] == known[3] and found[40] not in known.values()


def test_any_two_axes_combine():
    for one, other in combinations(possible(TASK), 2):
        simulation = begin(f"{one}:1+{other}:2")
        variant, stay = simulation.variant, to_grid(simulation.stay("ee_absolute"))
        for step in range(2):
            variant.perturb_observation(simulation.observe(), step)
            action = variant.perturb_action(stay, "ee_absolute", step, simulation)
            variant.perturb_simulation(simulation, step)
            simulation.step(from_grid(action))
        assert not simulation.diverged.any(), f"{one}+{other}"


@pytest.mark.parametrize("name", perturbations())
def test_an_axis_says_what_it_is(name):
    kind = perturbations()[name]
    assert not registry.flaw(kind) and kind.__doc__ and name.count(".") == 1
    assert len(set(kind.levels)) == 4


def test_the_combination_is_its_five_axes_at_its_level(recorded):
    """One of every group but the horizon, each with the draws that it has alone."""
    names = ("contact.friction", "sensing.noise", "actuation.delay", "start.bias", "scene.size")
    assert [(part.name, part.level) for part in Variant("combo:2").parts] == [(name, 2) for name in names]
    written = "+".join(f"{name}:2" for name in names)
    assert list(recorded("combo:2").digests) == list(recorded(written).digests)
    assert list(record("combo:0").digests) == list(recorded("clean").digests)


# ------------------------------------------------------------------------------------------- contact


def hold(variant, rows, push):
    """Hold a cube in the air while `push(row)` gives a force [N] and a torque [N m] on it, world, and the
    hand the opposite; return how far it then slides in the hand [m] and how fast it spins [rad/s].
    """
    simulation = begin(variant, [0] * rows)
    fly(simulation, LIFTED)
    plan = simulation.stay("ee_absolute")
    plan[:, -1] = -0.008
    cube, hand = simulation.model.body("left_cube").id, simulation.model.body("right_gripper").id
    applied = simulation.batch.bind("xfrc_applied")

    def place():
        way = simulation.position("left_cube") - simulation.tcp_position
        return (np.swapaxes(simulation.tcp_rotation, 1, 2) @ way[..., None])[..., 0]

    before, dof = place(), simulation.model.joint("left_cube").dofadr[0]
    for row in range(rows):
        wrench = np.concatenate(push(row, simulation.tcp_rotation[row]))
        applied[row, cube], applied[row, hand] = wrench, -wrench
    spin = []
    for _ in range(5):
        simulation.step(plan)
        spin.append(np.linalg.norm(simulation.qvel[:, dof + 3 : dof + 6], axis=1))
    return np.linalg.norm(place() - before, axis=1), np.max(spin, axis=0)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_force_at_which_a_held_cube_slips_changes_by_the_factor_of_friction(level):
    slip = 2 * 2.0 * 40.0 * perturbations()["contact.friction"].levels[level]  # two pads, mu, grip
    forces = slip * np.array([0.9, 1.1])
    slid, _ = hold(f"contact.friction:{level}", 2, lambda row, _: ([0, 0, -forces[row]], [0, 0, 0]))
    assert slid[0] < 0.003 and slid[1] > 0.01


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_torque_that_a_grip_resists_changes_by_the_wear_of_the_pads(level):
    # Four corners a pad of 10 N each: mu r of sliding and 5 cm of turning, in quadrature.
    torque = (
        8 * 10.0 * np.hypot(2.0 * 0.008 * 2**0.5, 0.05) * perturbations()["contact.pad_wear"].levels[level]
    )
    torques = torque * np.array([0.9, 1.1])
    _, spin = hold(f"contact.pad_wear:{level}", 2, lambda row, hand: ([0, 0, 0], torques[row] * hand[:, 0]))
    assert spin[0] < 2.0 and spin[1] > 10.0


@pytest.mark.parametrize("level", [1, 2, 3])
def test_objects_are_heavier_and_turn_harder_by_the_factor(level):
    for kind, expected in (
        ("clean", 1.0),
        (f"contact.mass:{level}", perturbations()["contact.mass"].levels[level]),
    ):
        simulation = begin(kind)
        body, dof = (getattr(simulation.model.body("left_cube"), at) for at in ("id", "dofadr"))
        applied = simulation.batch.bind("xfrc_applied")
        applied[0, body] = [0, 0, 10.0, 0, 0, 1e-3]  # twelve times its weight, and a turn
        simulation.step(simulation.stay("ee_absolute"))
        velocity = simulation.qvel[0, dof[0] : dof[0] + 6]
        mass = 10.0 / (velocity[2] / 0.05 + 9.81)
        inertia = 1e-3 * 0.05 / velocity[5]
        assert mass == pytest.approx(0.09 * expected, rel=0.02)
        assert inertia == pytest.approx(0.09 * 0.045**2 / 6 * expected, rel=0.02)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_centre_of_mass_moves_towards_a_drawn_mode(level):
    task, way = load_task("PandaLiftDumbbell-v1"), 0.01 * perturbations()["contact.com_offset"].levels[level]
    seeds = range(16)
    clean, simulation = begin(seeds=seeds, task=task), begin(f"contact.com_offset:{level}", seeds, task)
    middles = [world.batch.bind("xipos")[:, world.model.body("dumbbell").id] for world in (simulation, clean)]
    for world in (simulation, clean):
        world.batch.forward()
    shift = middles[0] - middles[1]
    assert np.linalg.norm(shift, axis=1) == pytest.approx(way, rel=1e-6)
    ends = [simulation.position("dumbbell") + shift * (grasp / way) for grasp in (0.095, -0.095)]
    local = simulation.in_frame(ends[0])[:, :2]
    near = [np.linalg.norm(local - task.grasps[mode, :2], axis=1) < 0.01 for mode in (0, 1)]
    assert (near[0] ^ near[1]).all() and 2 <= near[0].sum() <= 14
    aimed = [simulation.variant.targeted_mode(task, seed) for seed in seeds]
    assert (np.take(near, 0, 0) == (np.array(aimed) == 0)).all()
    assert np.abs(simulation.position("dumbbell") - clean.position("dumbbell")).max() < 1e-9


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_grip_is_weaker_but_not_slower(level):
    clean, simulation = begin(), begin(f"contact.grip_force:{level}")
    closing = [fly(world, 34, watch=lambda w=world: w.opening[0])[-3:] for world in (clean, simulation)]
    assert np.allclose(*closing, atol=2e-3)
    fly(simulation := begin(f"contact.grip_force:{level}"), LIFTED)
    force = 40.0 * perturbations()["contact.grip_force"].levels[level]
    for side in ("left", "right"):
        assert simulation.force(f"left_cube_{side}")[0] == pytest.approx(force, rel=0.05)


def test_objects_sink_deeper_into_soft_fingers_by_the_factor():
    depths = []
    for level in range(4):
        fly(simulation := begin(f"contact.compliance:{level}"), LIFTED)
        depths.append((0.045 - simulation.opening[0]) / 2 + 0.0005)  # the pads reach 0.5 mm in
    assert np.array(depths) / depths[0] == pytest.approx(
        perturbations()["contact.compliance"].levels, rel=0.1
    )
    assert _holding(simulation) == {"finger1_pad_collision", "finger2_pad_collision"}, "only pads carry"


def _holding(simulation):
    """Return the names of the shapes that touch the left cube in the first row."""
    model, data = simulation.batch.models[0], mujoco.MjData(simulation.model)
    mujoco.mj_setState(model, data, simulation.state()[0], mujoco.mjtState.mjSTATE_INTEGRATION)
    mujoco.mj_fwdPosition(model, data)
    pairs = [{model.geom(i).name for i in pair} for pair in data.contact.geom]
    return {name for pair in pairs if "left_cube" in pair for name in pair - {"left_cube"}}


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_knock_just_before_contact_slides_the_objects_so_far(level):
    simulation = begin(f"contact.knock:{level}", range(4))
    rest = simulation.position("right_cube").copy()

    def seen():
        hand = simulation.in_frame(simulation.tcp_position)[:, None]
        near = np.linalg.norm(hand - grips(TASK)[0], axis=-1).min(1)
        return near, (simulation.position("right_cube") - rest)[:, :2].copy()

    near, moved = map(np.array, zip(*fly(simulation, 31, watch=seen), strict=True))
    distance = np.linalg.norm(moved, axis=-1)
    assert distance[-1] == pytest.approx(
        0.01 * perturbations()["contact.knock"].levels[level], rel=0.1, abs=1e-3
    )
    assert near[(distance < 1e-4).sum(0) - 1, range(4)] == pytest.approx(0.05, abs=0.02)
    knock = simulation.variant.parts[0].draws[:, 0]
    assert moved[-1] / distance[-1][:, None] == pytest.approx(
        np.stack([np.cos(knock), np.sin(knock)], 1), abs=0.1
    )


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_knock_after_commitment_brings_the_other_mode_nearer(level, mode):
    simulation = begin(f"contact.knock_after:{level}", range(3))
    cubes = ("left_cube", "right_cube")

    def seen():
        alpha = TASK.mixture(simulation.hand)
        return TASK.in_dead_zone(alpha), simulation.in_frame(simulation.position(cubes[mode]))

    inside, places = map(np.array, zip(*fly(simulation, 26, mode, watch=seen), strict=True))
    moved = places - places[0]
    free = np.linalg.norm(moved, axis=-1) < 3e-4
    commits = (~inside[16:]).argmax(0) + 16
    for row, commit in enumerate(commits):
        assert free[: commit + 1, row].all() and not free[commit + 1 :, row].any(), commit
    way = 0.01 * perturbations()["contact.knock_after"].levels[level] * (1 - 2 * mode)
    assert moved[commits + 3, range(3), 1] == pytest.approx(way, rel=0.15)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_hand_is_pushed_once_before_the_modes_part_by_the_impulse(level):
    impulse = perturbations()["contact.push"].levels[level]
    simulation = begin(f"contact.push:{level}", range(6))
    applied, stay = simulation.batch.bind("xfrc_applied"), simulation.stay("ee_absolute")
    hand = simulation.model.body("eef").id
    start, felt, moved = simulation.tcp_position.copy(), [], []
    for step in range(24):
        simulation.variant.perturb_simulation(simulation, step)
        felt.append(applied.sum(1)[:, :2].copy())
        assert not np.delete(applied, hand, axis=1).any()
        simulation.step(stay)
        moved.append((simulation.tcp_position - start)[:, :2])
    felt, moved = np.array(felt), np.array(moved)
    assert np.linalg.norm(felt.sum(0) * 0.05, axis=1) == pytest.approx(impulse)
    pushed = felt.any(2)
    assert (pushed.sum(0) == 4).all() and not pushed[TASK.shared_steps :].any()
    assert len({*pushed.argmax(0)}) > 1
    furthest = np.linalg.norm(moved, axis=-1)[:17].max(0)
    assert furthest == pytest.approx(1.6e-3 * impulse, rel=0.35)  # the servos hold 3 N/mm


def test_a_lifted_object_slips_for_so_many_steps_and_is_then_held_again():
    slid, frictions = [], []
    for level in range(4):
        simulation = begin(f"contact.slip:{level}")

        def seen(world=simulation):
            friction = world.batch.models[0].geom_friction[:, 0].copy()
            return (world.position("left_cube") - world.tcp_position)[0, 2], friction

        heights, friction = map(np.array, zip(*fly(simulation, 64, watch=seen), strict=True))
        frictions.append((friction < 0.1).any(1).sum())
        assert friction[-1] == pytest.approx(friction[0], abs=0)
        assert simulation.force("left_cube_left")[0] == pytest.approx(40.0, rel=0.05)
        slid.append(1e3 * (heights[40] - heights[-1]))
    assert frictions == [0, 1, 2, 3]
    assert np.array(slid) == pytest.approx([0, 2, 6, 10], abs=1)


def test_what_cannot_be_is_refused_with_its_reason():
    for variant, task, why in (
        ("contact.knock:1", "PandaSlideTwinKnob-v1", "contact.knock:1 is impossible: no object is loose"),
        ("contact.slip:2", "PandaSlideTwinKnob-v1", "contact.slip:2 is impossible: no object is loose"),
        ("contact.com_offset:3", TASK.id, "contact.com_offset:3 is impossible: the left_cube ends 2.2 cm"),
        ("contact.knock_after:1", "PandaPickAroundPost-v1", "all modes grip in the same place"),
        ("contact.mass:1+sensing.camera_blur:1", TASK.id, "sensing.camera_blur:1 is impossible: no camera"),
    ):
        with pytest.raises(WrongUse, match=re.escape(why)) as error:
            Simulation(load_task(task), 1, variant=Variant(variant))
        assert task in str(error.value) and "\n" not in str(error.value)


# ----------------------------------------------------------------------------------------- actuation


def commands(variant, space="ee_absolute", n=40, steps=60):
    """Return what is asked and what the robot is told, (steps, n, A), and the command that stays, (n, A)."""
    simulation = begin(variant, range(n))
    stay = simulation.stay(space)
    asked = to_grid(0.99 * stay * (1 - 2e-3 * np.arange(steps)[:, None, None]) + 0.01 * (space == "ee_delta"))
    told = [
        simulation.variant.perturb_action(grid, space, step, simulation) for step, grid in enumerate(asked)
    ]
    return asked, np.array(told), to_grid(stay)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_delay_is_so_many_control_steps(level):
    late = perturbations()["actuation.delay"].levels[level]
    asked, told, stay = commands(f"actuation.delay:{level}", n=2, steps=12)
    assert (told[late:] == asked[:-late]).all() and (told[:late] == stay).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_jitter_takes_up_to_so_many_control_steps_and_never_goes_back(level):
    late = perturbations()["actuation.jitter"].levels[level]
    asked, told, _ = commands(f"actuation.jitter:{level}")
    age = np.arange(60)[:, None] - np.abs(told[:, None] - asked[None]).sum(-1).argmin(1)
    assert age[late:].max() == late and age.min() == 0
    assert (np.diff(age[late:], axis=0) <= 1).all() and (age[1:] < age[:-1]).any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_share_of_the_commands_is_dropped_and_the_last_one_held(level):
    asked, told, _ = commands(f"actuation.dropped:{level}")
    lost = (told != asked).any(-1)
    assert lost.mean() == pytest.approx(perturbations()["actuation.dropped"].levels[level], abs=0.03)
    rows = np.argwhere(lost[1:])
    assert all((told[step + 1, row] == told[step, row]).all() for step, row in rows)


def test_a_dropped_step_of_the_hand_is_no_step():
    asked, told, _ = commands("actuation.dropped:3", space="ee_delta", n=4)
    lost = (told != asked).any(-1)
    assert lost.any() and not told[lost][:, :6].any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_commanded_position_scatters(level):
    asked, told, _ = commands(f"actuation.noise:{level}")
    error = from_grid(told - asked)
    assert error[..., :3].std() == pytest.approx(
        1e-3 * perturbations()["actuation.noise"].levels[level], rel=0.05
    )
    assert np.abs(error[..., :3].mean()) < 2e-4 and not error[..., 3:].any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_weak_servos_give_way_by_the_inverse_of_the_gain(level):
    give = []
    for variant in ("clean", f"actuation.gain:{level}"):
        simulation = begin(variant)
        stay, start = simulation.stay("joint_absolute"), simulation.tcp_position.copy()
        hand = simulation.model.body("right_gripper").id
        simulation.batch.bind("xfrc_applied")[0, hand, 1] = 5.0
        for _ in range(30):
            simulation.step(stay, "joint_absolute")
        give.append((simulation.tcp_position - start)[0, 1])
    assert give[0] / give[1] == pytest.approx(perturbations()["actuation.gain"].levels[level], rel=0.05)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_gripper_closes_slower_by_the_factor(level):
    speeds = []
    for variant in ("clean", f"actuation.gripper_speed:{level}"):
        simulation = begin(variant)
        action = simulation.stay("ee_absolute")
        action[:, -1] = -0.008
        simulation.step(action)
        speeds.append(simulation.qvel[0, simulation.arms[0].fingers[0]])
    assert speeds[1] / speeds[0] == pytest.approx(
        perturbations()["actuation.gripper_speed"].levels[level], rel=0.03
    )


# ------------------------------------------------------------------------------------------- sensing


def sensed(variant, n=30, steps=60):
    """Return what is there and what is seen, lists over steps of dicts of (n, d): cubes that wander."""
    simulation, rng = begin(variant, range(n)), np.random.default_rng(0)
    true, seen = [], []
    for step in range(steps):
        now = {name: value.copy() for name, value in simulation.observe().items()}
        for body in TASK.objects:
            now[f"{body}_position"] += 0.1 * rng.standard_normal(3)
        true.append(now)
        seen.append(simulation.variant.perturb_observation(dict(now), step))
    return true, seen


def stacked(frames, name):
    return np.array([frame[name] for frame in frames])


@pytest.mark.parametrize("level", [1, 2, 3])
def test_observed_poses_scatter(level):
    true, seen = sensed(f"sensing.noise:{level}")
    spread = perturbations()["sensing.noise"].levels[level]
    for body in TASK.objects:
        error = stacked(seen, f"{body}_position") - stacked(true, f"{body}_position")
        assert 1e3 * error.std((0, 1)) == pytest.approx([spread] * 3, rel=0.08)
        (c, s), (x, y) = (np.moveaxis(stacked(some, f"{body}_heading"), -1, 0) for some in (true, seen))
        assert np.rad2deg(np.arctan2(c * y - s * x, c * x + s * y)).std() == pytest.approx(
            0.6 * spread, rel=0.08
        )
    assert (stacked(seen, "tcp_position") == stacked(true, "tcp_position")).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_observed_poses_are_off_by_one_length_all_episode(level):
    true, seen = sensed(f"sensing.bias:{level}", steps=5)
    error = [stacked(seen, f"{body}_position") - stacked(true, f"{body}_position") for body in TASK.objects]
    assert np.linalg.norm(error, axis=-1) == pytest.approx(
        1e-3 * perturbations()["sensing.bias"].levels[level]
    )
    assert np.ptp(np.array(error), axis=(0, 1)).max() < 1e-12
    assert np.abs(error[0][0].mean(0)).max() < 0.5e-3 * perturbations()["sensing.bias"].levels[level]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_share_of_the_measurements_is_missing_and_the_last_one_seen_again(level):
    true, seen = sensed(f"sensing.dropout:{level}")
    real, found = (stacked(some, "left_cube_position") for some in (true, seen))
    missing = (real != found).any(-1)
    assert missing[1:].mean() == pytest.approx(perturbations()["sensing.dropout"].levels[level], abs=0.04)
    assert not missing[0].any() and (found[1:][missing[1:]] == found[:-1][missing[1:]]).all()
    assert (stacked(seen, "tcp_position") == stacked(true, "tcp_position")).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_everything_is_seen_so_many_control_steps_late(level):
    late = perturbations()["sensing.latency"].levels[level]
    true, seen = sensed(f"sensing.latency:{level}", n=2, steps=9)
    for name in true[0]:
        real, found = stacked(true, name), stacked(seen, name)
        assert (found[late:] == real[:-late]).all() and (found[: late + 1] == real[0]).all()


def pictures(name, level, image, cameras=("front_image",), n=8):
    """Return what the cameras give of one picture in n episodes, (cameras, n, H, W, 3)."""
    camera = perturbations()[name](level)
    episode = EpisodeContext(TASK, 0, np.random.default_rng(7))
    camera.reset(TASK, np.stack([camera.draw_numbers(episode) for _ in range(n)]))
    seen = camera.perturb_observation(
        {name: np.repeat(image[None], n, 0) for name in cameras} | {"x": np.ones((n, 1))}, 3
    )
    assert (seen["x"] == 1).all()
    return np.stack([seen[name] for name in cameras])


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_pixels_scatter(level):
    grey = np.full((48, 48, 3), 128, np.uint8)
    found = pictures("sensing.camera_noise", level, grey, ("front_image", "wrist_image")).astype(float)
    spread = perturbations()["sensing.camera_noise"].levels[level]
    assert found.std() == pytest.approx(spread, rel=0.05) and found.mean() == pytest.approx(128, abs=0.5)
    if level:
        flat = found.reshape(16, -1)
        assert np.abs(np.corrcoef(flat) - np.eye(16)).max() < 0.1


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_picture_is_blurred_by_so_many_pixels(level):
    dot = np.zeros((97, 97, 3), np.uint8)
    dot[44:53, 44:53] = 255
    found = pictures("sensing.camera_blur", level, dot, n=1)[0, 0, :, :, 0].astype(float)
    places = np.arange(97) - 48
    spread = (found.sum(0) @ places**2) / found.sum() - (9**2 - 1) / 12
    assert np.sqrt(max(spread, 0)) == pytest.approx(
        perturbations()["sensing.camera_blur"].levels[level], rel=0.08, abs=0.02
    )


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_light_is_so_many_stops_off(level):
    grey = np.full((4, 4, 3), 64, np.uint8)
    means = pictures("sensing.camera_exposure", level, grey)[0].mean((1, 2, 3))
    stops = perturbations()["sensing.camera_exposure"].levels[level]
    assert {*np.round(np.log2(means / 64), 1)} == {stops, -stops}


# ------------------------------------------------------------------------------------------- episodes


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_episode_is_shorter(level, recorded):
    share = perturbations()["horizon.short"].levels[level]
    assert Variant(f"horizon.short:{level}").episode_steps(100) == round(100 * share)
    assert Variant(f"horizon.short:{level}").episode_steps(101) == np.ceil(101 * share)


def test_a_short_episode_ends_there(recorded):
    assert (recorded("horizon.short:3").verdict.steps == 50).all()
    assert (recorded("clean").verdict.steps > 50).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_arm_starts_in_a_posture_so_far_away(level):
    clean, shifted = (begin(variant, range(6)) for variant in ("clean", f"start.joints:{level}"))
    away = (shifted.qpos - clean.qpos)[:, shifted.arms[0].joints]
    assert np.linalg.norm(away, axis=1) == pytest.approx(perturbations()["start.joints"].levels[level])
    assert (shifted.ctrl[:, :7] == shifted.qpos[:, shifted.arms[0].joints]).all()


@pytest.mark.parametrize("task", [TASK.id, "PandaLiftKnob-v1"])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_hand_starts_nearer_to_one_mode(level, task):
    task = load_task(task)
    clean, shifted = (begin(variant, range(10), task) for variant in ("clean", f"start.bias:{level}"))
    moved, middle = shifted.hand - clean.hand, task.grasps.mean(0)
    ways = perturbations()["start.bias"].levels[level] * (task.grasps - middle)
    ways[:, 2] = 0
    chosen = np.linalg.norm(moved[:, None] - ways, axis=-1).argmin(1)
    assert moved == pytest.approx(ways[chosen], abs=5e-3) and len({*chosen}) == 2
    assert chosen.tolist() == [shifted.variant.targeted_mode(task, seed) for seed in range(10)]


def test_what_has_moved_with_the_scene_stays_where_it_was():
    clean, shifted = begin(seeds=range(4)), begin("start.bias:3", range(4))
    assert (clean.frame == shifted.frame).all()
    at = np.zeros((4, 3))
    assert np.allclose(shifted.in_frame(from_frame(at, clean.frame)), at)
    assert (clean.position("left_cube") == shifted.position("left_cube")).all()


# ------------------------------------------------------------------------------------ names and files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contact.frictoin:2", "unknown variant 'contact.frictoin': did you mean contact.friction"),
        ("contact.friction", "variant 'contact.friction' has no such level; write contact.friction:1"),
        ("contact.friction:4", "variant 'contact.friction:4' has no such level"),
        ("contact.friction:-1", "has no such level"),
        ("contact.friction:1.5", "has no such level"),
        ("contact.friction:2+", "unknown variant ''"),
        ("clean+contact.friction:2", "clean"),
        ("contact.friction:2+contact.friction:3", "names contact.friction twice"),
        ("combo", "variant 'combo' has no such level; write combo:1"),
        ("combo:1+sensing.noise:2", "names sensing.noise twice"),
    ],
)
def test_a_wrong_name_is_one_line(name, message):
    with pytest.raises(WrongUse, match=re.escape(message)) as error:
        parse(name)
    assert "\n" not in str(error.value)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_page_adds_a_variant(tmp_path, monkeypatch):
    classes, draw, impossible, use = blocks("python")
    file = tmp_path / "gravity.py"
    file.write_text(classes + "\n" + draw + "\n" + impossible)
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    assert perturbations()["world.gravity"].levels[3] == 1.5
    simulation = begin("world.gravity:3")
    assert simulation.batch.models[0].opt.gravity[2] == pytest.approx(-9.81 * 1.5)
    assert simulation.variant.parts[0].draws.shape == (1, 1)
    assert list(record("world.gravity:0", SEEDS[:1]).digests) == list(record("clean", SEEDS[:1]).digests)
    space = {}
    exec(use, space)
    assert space["outcome"].success.all()
    monkeypatch.delenv("BIMODAL_AXES")
    with pytest.raises(WrongUse, match=r"unknown variant 'world\.gravity'"):
        parse("world.gravity:2")


DUST = (
    "from bimodal.envs.perturbations import Perturbation\n"
    "class Dust(Perturbation):\n    name = 'contact.dust'\n    unit = 'x'\n"
)
LEVELS = "    levels = (1.0, 0.9, 0.8, 0.7)\n"
MODEL = "    def perturb_model(self, model, episode):\n        pass\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", 'states no name: its class needs a line such as name = "contact.dust"'),
        ("x = \n", "line 1 does not compile: invalid syntax"),
        ("import missing_thing\n" + DUST, "does not load: ModuleNotFoundError"),
        (DUST + MODEL, "Dust: `levels` are the 4 magnitudes"),
        (DUST + LEVELS, "Dust: it changes nothing; write one of its hooks"),
        (DUST.replace("contact.dust", "Dust") + LEVELS + MODEL, "'Dust' is no name; write one such as"),
        (DUST.replace("contact.dust", "contact.mass") + LEVELS + MODEL, "'contact.mass' exists already"),
        (DUST.replace("unit", "units") + LEVELS + MODEL, "Dust: it has no unit"),
    ],
)
def test_a_wrong_file_is_one_line(text, message, tmp_path, monkeypatch):
    file = tmp_path / "dust.py"
    file.write_text(text)
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    with pytest.raises(WrongUse, match=re.escape(message)) as error:
        parse("contact.mass:1")
    assert "\n" not in str(error.value) and "BIMODAL_AXES" in str(error.value)
    assert parse("clean") == ()


def test_a_file_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("BIMODAL_AXES", "/nowhere/dust.py")
    with pytest.raises(WrongUse, match=r"no perturbation file at /nowhere/dust\.py"):
        parse("contact.mass:1")


def test_an_installed_package_may_bring_a_perturbation(tmp_path, monkeypatch):
    (tmp_path / "dusty_axes.py").write_text(DUST + LEVELS + MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    names = (
        ("contact.dust", "dusty_axes:Dust"),
        ("contact.rust", "dusty_axes:Rust"),
        ("contact.mass", "dusty_axes:Dust"),
    )
    points = [EntryPoint(name, value, "bimodal.axes") for name, value in names]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    PluginRegistry.installed.cache_clear()
    registry._perturbations.cache_clear()
    try:
        with pytest.warns(UserWarning, match="is left out") as warned:
            found = perturbations()
        assert found["contact.dust"].__name__ == "Dust" and "contact.rust" not in found
        assert len(warned) == 2 and found["contact.mass"].__name__ == "Mass"
    finally:
        PluginRegistry.installed.cache_clear()
        registry._perturbations.cache_clear()
