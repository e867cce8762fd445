"""Generated scenes: valid by independent measurement, as large as claimed, the same for every batch."""

import itertools

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import Blend, run_trial
from bimodal.cli.main import main
from bimodal.envs.base_scene import clean_model
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.perturbations.core.perturbation import Perturbation, overrides
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.perturbations.scene_appearance import TABLES
from bimodal.envs.random_streams import stream
from bimodal.envs.rendering.cameras import views
from bimodal.envs.rendering.render import Renderer, visual_model
from bimodal.envs.robot.panda import robosuite_models
from bimodal.envs.scene_generation import generator
from bimodal.envs.scene_generation import validity as check
from bimodal.envs.scene_generation.blocking_post import RADIUS
from bimodal.envs.scene_generation.distributions import choice, uniform
from bimodal.envs.scene_generation.expert_reference import place_all, reference
from bimodal.envs.scene_generation.reshape import resize
from bimodal.envs.seed_ranges import TEST, TRAIN, VALIDATION
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from PIL import Image

DUMBBELL, POT, CUBE = "PandaLiftDumbbell-v1", "PandaLiftPot-v1", "PandaPickEitherCube-v1"
SCENES = sorted(
    name
    for name, kind in perturbations().items()
    if name.startswith("scene.") and overrides(kind, "perturb_scene")
)
LOOKS = sorted(
    name
    for name, kind in perturbations().items()
    if name.startswith("scene.") and overrides(kind, "perturb_appearance")
)


def begun(task, variant, seeds):
    simulation = Simulation(load_task(task), len(seeds), variant=Variant(variant))
    simulation.reset(seeds)
    return simulation


def model_of(task, variant, seed):
    return Variant(variant).spec(load_task(task), seed).compile()


def played(task, variant, seeds, steps=30):
    """Return the states after an expert's first steps, (N, nstate)."""
    simulation = begun(task, variant, seeds)
    plan = simulation.task.plan(simulation, np.zeros(len(seeds), int))
    for step in range(steps):
        simulation.step(plan[:, step])
    return simulation.state()


def forget():
    """Have scenes drawn and judged anew."""
    generator._generate.cache_clear()
    generator._judged.cache_clear()


# ------------------------------------------------------------------------------------ what is claimed


def test_there_are_as_many_axes_as_documented():
    assert {name.split(".")[1] for name in SCENES} == {
        "blocked", "clutter", "distractors", "shape", "size", "table_height", "table_tilt"
    }  # fmt: skip
    assert {name.split(".")[1] for name in LOOKS} == {"camera", "lighting", "texture"}


@pytest.mark.parametrize("name", SCENES + LOOKS)
def test_level_0_is_clean_to_the_last_bit(name):
    assert np.array_equal(played(DUMBBELL, f"{name}:0", [3, 4]), played(DUMBBELL, "clean", [3, 4]))


@pytest.mark.parametrize("name", LOOKS)
def test_looks_do_not_touch_the_physics(name):
    assert np.array_equal(played(DUMBBELL, f"{name}:3", [3, 4]), played(DUMBBELL, "clean", [3, 4]))


@pytest.mark.parametrize(("level", "share"), [(1, 0.05), (2, 0.10), (3, 0.15)])
def test_sizes_stay_within_the_range_and_use_it(level, share):
    clean, ratios, masses = load_task(DUMBBELL).spec().compile(), [], []
    mine = [clean.geom(name).id for name in ("hub", "left_bar", "right_bar")]
    for seed in range(24):
        model = model_of(DUMBBELL, f"scene.size:{level}", seed)
        ratios.append(model.geom_size[mine] / clean.geom_size[mine])
        body = clean.body("dumbbell").id
        volumes = np.prod(model.geom_size[mine], 1) / np.prod(clean.geom_size[mine], 1)
        masses.append(model.body_mass[body] / (np.array([0.08, 0.02, 0.02]) @ volumes))
    ratios = np.array(ratios)
    assert 1 - share <= ratios.min() and ratios.max() <= 1 + share
    assert np.ptp(ratios[:, 1, 0]) > share  # the bars' thickness
    assert ratios[:, 0, 0].min() >= 1  # the hub still stops the hand
    assert np.allclose(masses, 1)


def test_what_is_gripped_never_becomes_too_thick():
    task = load_task(CUBE)
    for seed in range(12):
        spec = task.spec()
        spec.geom("left_cube").size = [0.035, 0.0225, 0.0225]
        resize(spec, task, np.random.default_rng(seed), 0.15)
        assert 2 * spec.geom("left_cube").size[0] <= 0.074 + 1e-9


def test_shapes_change_and_keep_their_extents():
    clean = load_task(CUBE).spec().compile()
    model = model_of(CUBE, "scene.shape:3", 0)
    for name in ("left_cube", "right_cube"):
        assert model.geom(name).type == mujoco.mjtGeom.mjGEOM_CYLINDER
        assert np.allclose(model.geom(name).size[:2], clean.geom(name).size[[0, 2]])
        assert model.body(name).mass == pytest.approx(clean.body(name).mass)


@pytest.mark.parametrize(
    ("name", "prefix", "counts"),
    [("distractors", "distractor", (1, 2, 4)), ("clutter", "clutter", (5, 10, 20))],
)
def test_so_many_things_stand_around(name, prefix, counts):
    for level, count in enumerate(counts, 1):
        model = model_of(POT, f"scene.{name}:{level}", 5)
        assert sum(model.geom(i).name.startswith(f"{prefix}_") for i in range(model.ngeom)) == count


@pytest.mark.parametrize(("level", "cm"), [(1, 1), (2, 2), (3, 3)])
def test_the_table_is_higher_by_what_is_claimed(level, cm):
    base = [
        100 * model_of(POT, f"scene.table_height:{level}", seed).body("base").pos[2] for seed in range(16)
    ]
    assert np.abs(base).max() <= cm and np.ptp(base) > cm


@pytest.mark.parametrize(("level", "degrees"), [(1, 1), (2, 2), (3, 4)])
def test_the_table_tilts_by_what_is_claimed(level, degrees):
    gravity = np.array([model_of(POT, f"scene.table_tilt:{level}", seed).opt.gravity for seed in range(8)])
    assert np.allclose(np.linalg.norm(gravity, axis=1), 9.81)
    assert np.allclose(np.degrees(np.arccos(-gravity[:, 2] / 9.81)), degrees)
    assert np.ptp(gravity[:, 0]) > 0


@pytest.mark.parametrize(("level", "cm"), [(1, 6), (2, 3)])
def test_the_post_is_so_far_from_the_hand_of_its_mode(level, cm):
    task, variant = load_task(DUMBBELL), Variant(f"scene.blocked:{level}")
    for seed in range(4):
        mode = variant.blocked_mode(task, seed)
        model, data = _at_start(task, f"scene.blocked:{level}", seed)
        post, nearest = model.geom("obstacle").id, np.inf
        simulation = Simulation(task, 1)
        simulation.begin([reference(task).start])
        plan = task.plan(simulation, np.array([mode]))
        robot = [
            i
            for i in range(model.ngeom)
            if "finger" in model.geom(i).name or "gripper_box" in model.geom(i).name
        ]
        for step in range(plan.shape[1]):
            simulation.step(plan[:, step])
            data.qpos[:9] = simulation.qpos[0, :9]
            mujoco.mj_kinematics(model, data)
            nearest = min(nearest, *(mujoco.mj_geomDistance(model, data, post, i, 1.0, None) for i in robot))
        assert 100 * nearest == pytest.approx(cm, abs=0.8)
        assert model.geom("obstacle").size[0] == RADIUS


def _at_start(task, variant, seed):
    """Return model and data of an episode's scene at the average start."""
    found = generator.world(Variant(variant).having("perturb_scene"), task, seed)
    seen, data = reference(task), mujoco.MjData(found.model)
    data.qpos[seen.joints] = seen.keyframes[0].qpos
    poses = {
        name: [pose[0] + seen.start.frame[0], pose[1] + seen.start.frame[1], *pose[2:]]
        for name, pose in found.added.items()
    }
    place_all(found.model, data, seen.start.poses | {name: np.array(pose) for name, pose in poses.items()})
    return found.model, data


@pytest.fixture(scope="module")
def dressed_pot():
    return visual_model(load_task(POT).spec(), "policy")


def looks(clean, variant, seeds):
    """Return the dressed models of episodes."""
    found = []
    for seed in seeds:
        found.append(clean.__copy__())
        Variant(variant).perturb_appearance(found[-1], load_task(POT), seed)
    return found


def bearings(directions):
    """Return azimuth and elevation of directions (N, 3) [degrees]."""
    x, y, z = np.moveaxis(np.asarray(directions), -1, 0)
    return np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


@pytest.mark.parametrize("level", [1, 2, 3])
def test_lamps_turn_and_brighten_within_the_range_and_use_it(dressed_pot, level):
    most = perturbations()["scene.lighting"].levels[level]
    found = looks(dressed_pot, f"scene.lighting:{level}", range(24))
    for name in ("key", "fill"):
        (turn, _), (before, _) = (
            bearings([m.light(name).dir for m in found]),
            bearings(dressed_pot.light(name).dir),
        )
        turn = (turn - before + 180) % 360 - 180
        bright = [m.light(name).diffuse[1] / dressed_pot.light(name).diffuse[1] - 1 for m in found]
        for change in (turn, 100 * np.array(bright)):
            assert np.abs(change).max() <= most + 1e-6 and np.ptp(change) > most


@pytest.mark.parametrize("level", [1, 2, 3])
def test_cameras_move_around_what_they_look_at_within_the_range_and_use_it(dressed_pot, level):
    most, at = perturbations()["scene.camera"].levels[level], np.array(views(1)["front"].lookat)
    found = looks(dressed_pot, f"scene.camera:{level}", range(24))
    (before, height), far = (
        bearings(dressed_pot.camera("front").pos - at),
        dressed_pot.camera("front").pos - at,
    )
    turn, rise = bearings([m.camera("front").pos - at for m in found])
    away = np.array([np.linalg.norm(m.camera("front").pos - at) for m in found]) / np.linalg.norm(far) - 1
    wide = np.array([float(m.camera("front").fovy[0] - dressed_pot.camera("front").fovy[0]) for m in found])
    for change, limit in (
        (turn - before, most),
        (rise - height, most / 2),
        (100 * away, most),
        (wide, most / 5),
    ):
        assert np.abs(change).max() <= limit + 1e-6 and np.ptp(change) > limit
    assert all(np.array_equal(m.camera("wrist").pos, dressed_pot.camera("wrist").pos) for m in found)


@pytest.mark.parametrize(("level", "share"), [(1, 0.33), (2, 0.67), (3, 1.0)])
def test_the_table_is_covered_by_that_share_of_another_picture_seen_or_unseen(dressed_pot, level, share):
    place = dressed_pot.tex("wood")
    wide, tall, begin = int(place.width[0]), int(place.height[0]), int(place.adr[0])
    mine = slice(begin, begin + 3 * wide * tall)
    for seed, kinds in ((0, TABLES.unseen), (1, TABLES.seen), (TRAIN.start, TABLES.seen)):
        (model,), mixed = looks(dressed_pot, f"scene.texture:{level}", [seed]), []
        for kind in kinds:
            with Image.open(robosuite_models() / "textures" / f"{kind}.png") as image:
                other = np.asarray(image.convert("RGB").resize((wide, tall)), float).ravel()
            mixed.append(
                np.abs((1 - share) * dressed_pot.tex_data[mine] + share * other - model.tex_data[mine]).max()
            )
        assert min(mixed) <= 0.5 + 1e-6 and sorted(mixed)[1] > 5


# ------------------------------------------------------------------------------------- valid scenes


@pytest.mark.parametrize("name", SCENES)
def test_nothing_penetrates_or_moves(name):
    simulation = begun(DUMBBELL, f"{name}:3", range(8))
    before = simulation.position("dumbbell").copy()
    actions = simulation.stay("joint_absolute")
    for _ in range(10):
        simulation.step(actions, "joint_absolute")
    assert np.abs(simulation.position("dumbbell") - before).max() < 0.003
    assert simulation.speed("dumbbell").max() < 0.02
    for row, model in enumerate(simulation.batch.models):
        data = mujoco.MjData(model)
        mujoco.mj_setState(model, data, simulation.state()[row], mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_forward(model, data)
        assert data.contact.dist.min() > -0.001


@pytest.mark.parametrize("name", SCENES)
def test_experts_of_free_modes_succeed_and_of_blocked_ones_do_not(name):
    task, variant, seeds = load_task(DUMBBELL), Variant(f"{name}:3"), range(510_000, 510_006)
    for mode in range(2):
        blocked = np.array([variant.blocked_mode(task, seed) == mode for seed in seeds])
        success = run_trial(task, Blend(task, np.eye(2)[mode]), seeds, variant=variant.name).success
        assert np.array_equal(success, ~blocked)


def test_which_mode_is_blocked_is_drawn():
    task = load_task(DUMBBELL)
    drawn = [Variant("scene.blocked:3").blocked_mode(task, seed) for seed in range(60)]
    assert 15 < sum(drawn) < 45 and set(drawn) == {0, 1}
    assert Variant("scene.size:3+sensing.noise:1").blocked_mode(task, 0) == -1


def test_touching_the_post_is_told_to_the_referee():
    simulation = begun(DUMBBELL, "scene.blocked:3", range(8))
    task, variant = simulation.task, simulation.variant
    modes = np.array([variant.blocked_mode(task, seed) for seed in range(8)])
    plan, worst, clean = task.plan(simulation, modes), np.zeros(8), np.zeros(8)
    for step in range(plan.shape[1]):
        simulation.step(plan[:, step])
        measured = task.measure(simulation)
        clean = np.maximum(clean, measured.illegal)
        worst = np.maximum(worst, variant.judged(measured, simulation).illegal)
    assert (worst > 5).all() and (worst >= clean).all()


# ------------------------------------------------------------------------------------- reproducible


def test_a_scene_depends_on_its_own_seed_only():
    name = "scene.distractors:2+scene.blocked:2+scene.size:2"
    alone = played(DUMBBELL, name, [7])[0]
    forget()
    assert np.array_equal(played(DUMBBELL, name, [11, 3, 7, 5])[2], alone)
    other = "+".join(reversed(name.split("+")))
    assert np.array_equal(played(DUMBBELL, other, [7])[0], alone)


@pytest.mark.parametrize("name", [CUBE, "PandaPlaceEitherNest-v1", "PandaLiftTrefoil-v1"])
def test_moments_at_which_hands_are_far_would_reject_no_scene(name, monkeypatch):
    task, counts = load_task(name), []
    for room in (check.ROOM, 0.0):  # without any room, all moments are tried
        monkeypatch.setattr(check, "ROOM", room)
        forget()
        axes = Variant("scene.size:3").having("perturb_scene")
        counts.append([generator.world(axes, task, seed).rejected for seed in range(30)])
    assert counts[0] == counts[1] and max(counts[0]) > 0


def test_cameras_see_the_shapes_that_are_felt():
    task = load_task("PandaLiftMug-v1")
    for seed in range(3):
        felt = Variant("scene.size:3").spec(task, seed).compile()
        seen = Variant("scene.size:3").drawn(task, seed).compile()
        assert felt.nmesh == 0 < seen.nmesh
        for index in range(felt.ngeom):
            one, other = felt.geom(index), seen.geom(felt.geom(index).name)
            assert (one.size == other.size).all() and (one.pos == other.pos).all()
        assert np.array_equal(felt.body_mass, seen.body_mass)
        assert np.array_equal(felt.body_inertia, seen.body_inertia)


def test_any_two_axes_combine():
    for pair in itertools.combinations(SCENES, 2):
        name = "+".join(f"{axis}:2" for axis in pair)
        assert np.isfinite(played(DUMBBELL, name, [0, 1], steps=2)).all()


def test_train_scenes_show_kinds_that_test_scenes_do_not():
    model = model_of(POT, "scene.distractors:3", TRAIN.start)
    spec = Variant("scene.distractors:3").spec(load_task(POT), TEST.start)
    assert model.ntext == 0 and len(list(spec.texts)) == 4  # primitives are seen, groceries unseen


@pytest.mark.parametrize("name", ["scene.distractors", "scene.clutter"])
def test_seen_and_unseen_kinds_never_meet_and_train_scenes_show_only_the_former(name):
    """Even validation and test seeds are unseen; the shapes show it: groceries are marked, pegs round."""
    task = load_task(POT)

    def novel(seed):
        spec = Variant(f"{name}:3").spec(task, seed)
        if name == "scene.distractors":
            return len(list(spec.texts)) == 4
        (body,) = [body for body in spec.bodies if body.name == "clutter"]
        return {geom.type for geom in body.geoms} == {mujoco.mjtGeom.mjGEOM_CYLINDER}

    for first, kinds in (
        (TEST.start, [True, False]),
        (VALIDATION.start, [True, False]),
        (TRAIN.start, [False] * 2),
    ):
        assert [novel(first + step) for step in range(2)] == kinds
        assert [Variant(f"{name}:3").has_unseen_kinds(task, first + step) for step in range(2)] == kinds
    assert Variant("scene.size:3+scene.blocked:1").has_unseen_kinds(task, 0) is None
    assert (
        Variant(f"scene.size:3+{name}:1").has_unseen_kinds(task, 0)
        and Variant(f"{name}:0").has_unseen_kinds(task, 0) is None
    )


def test_a_shape_that_no_train_scene_can_have_is_refused_and_unseen_in_every_test_scene():
    task = load_task(CUBE)
    assert [Variant("scene.shape:1").has_unseen_kinds(task, seed) for seed in (0, 1)] == [True, True]
    for seed in (0, 1):
        assert model_of(CUBE, "scene.shape:3", seed).geom("left_cube").type == mujoco.mjtGeom.mjGEOM_CYLINDER
    with pytest.raises(
        BimodalError, match=r"scene\.shape:1 .*no shape could be square; use seeds below 1000000"
    ):
        model_of(CUBE, "scene.shape:1", TRAIN.start)


def test_what_would_be_in_a_hands_way_keeps_its_form():
    """A square hub stands in the way of every hand: only the ribs change, and no train scene shows that."""
    task, axis = load_task("PandaLiftTrefoil-v1"), Variant("scene.shape:3")
    for seed in range(4):
        model = axis.models(clean_model(task), task, [seed])[0]
        assert model.geom("hub").type == mujoco.mjtGeom.mjGEOM_CYLINDER
        assert model.geom("left_arm_rib").type == mujoco.mjtGeom.mjGEOM_ELLIPSOID
        assert axis.has_unseen_kinds(task, seed)
    with pytest.raises(BimodalError, match="no shape could be square"):
        axis.models(clean_model(task), task, [TRAIN.start])


def test_draws_come_from_dm_control_and_from_the_stream():
    one, other = stream("a", 1), stream("a", 1)
    assert np.array_equal(uniform(one, np.zeros(3), 1.0), other.uniform(np.zeros(3), np.ones(3)))
    assert {choice(stream("b", i), 3) for i in range(40)} == {0, 1, 2}


# ------------------------------------------------------------------------------------- bad scenes


class _Sinking(Perturbation):
    name = "scene.sinking"
    unit = "cm"
    levels = (0.0, 1.0, 2.0, 3.0)

    def perturb_scene(self, spec, episode):
        body = spec.worldbody.add_body(name="stone", mocap=True)
        body.add_geom(name="stone", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.1, 0.1, 0.1])


def test_a_generator_that_finds_nothing_says_so():
    with pytest.raises(BimodalError, match=r"none of 60 scenes of scene.sinking:1 \(1 cm\).*penetrate"):
        generator.world([_Sinking(1)], load_task(DUMBBELL), 0)


def test_a_task_without_anything_to_reshape_is_refused():
    with pytest.raises(WrongUse, match=r"scene\.shape:1 is impossible"):
        Simulation(load_task(POT), 1, variant=Variant("scene.shape:1"))


# ------------------------------------------------------------------------------------- pictures


def picture(variant, seed=2):
    task = load_task(POT)
    state = begun(POT, variant, [seed]).state()[0]
    with Renderer(task, 120, 96, "policy", Variant(variant), seed) as renderer:
        return renderer.frame(state, "front").astype(float)


@pytest.mark.parametrize("name", [*LOOKS, "scene.distractors", "scene.table_height"])
def test_pictures_show_the_variant(name):
    clean = picture("clean")
    assert np.array_equal(picture(f"{name}:0"), clean)
    change = [np.abs(picture(f"{name}:{level}") - clean).mean() for level in (1, 3)]
    assert change[0] > 0.1 and (name not in LOOKS or change[1] > change[0])


def test_a_sheet_is_written(tmp_path, monkeypatch):
    file = tmp_path / "sheet.png"
    assert (
        main(["scenes", DUMBBELL, "--seed", "0..3", "--variant", "scene.distractors:2", "--png", str(file)])
        == 0
    )
    with Image.open(file) as image:
        assert image.width > 600 and np.asarray(image).std() > 10
    assert main(["scenes", DUMBBELL, "--seed", "zero", "--png", str(file)]) == 2
    assert main(["scenes", DUMBBELL, "--seed", "0..99", "--png", str(file)]) == 2


def test_a_batch_mixes_all_sizes():
    """With seed 297 the cubes' centres of mass come to lie in their origins: a layout of its own."""
    task, seeds = load_task("PandaPickEitherCube-v1"), range(290, 300)
    simulation = Simulation(task, len(seeds), variant=Variant("scene.size:2"))
    simulation.reset(seeds)
    models = [simulation.batch.get_model(row) for row in range(len(seeds))]
    assert len({tuple(model.body_simple.tolist()) for model in models}) == 1
    cube = clean_model(task).geom("left_cube").id
    scales = np.array([model.geom_size[cube] for model in models]) / clean_model(task).geom_size[cube]
    assert 0.89 < scales.min() < 0.93 and 1.07 < scales.max() < 1.11
