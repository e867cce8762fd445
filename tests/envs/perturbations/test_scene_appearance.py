"""Lamps, cameras and the table's picture change by what is claimed, and the physics do not."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.perturbations.scene_appearance import TABLES
from bimodal.envs.rendering.cameras import views
from bimodal.envs.rendering.drawn_model import visual_model
from bimodal.envs.rendering.render import Renderer
from bimodal.envs.robot.model_files import ROBOSUITE_MODELS
from bimodal.envs.seed_ranges import TRAIN
from bimodal.tasks import load_task
from generated_scenes import DUMBBELL, LOOKS, POT, begun, played
from PIL import Image


@pytest.mark.parametrize("name", LOOKS)
def test_looks_do_not_touch_the_physics(name):
    assert np.array_equal(played(DUMBBELL, f"{name}:3", [3, 4]), played(DUMBBELL, "clean", [3, 4]))


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
            with Image.open(ROBOSUITE_MODELS / "textures" / f"{kind}.png") as image:
                other = np.asarray(image.convert("RGB").resize((wide, tall)), float).ravel()
            mixed.append(
                np.abs((1 - share) * dressed_pot.tex_data[mine] + share * other - model.tex_data[mine]).max()
            )
        assert min(mixed) <= 0.5 + 1e-6 and sorted(mixed)[1] > 5


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
