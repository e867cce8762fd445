"""Sizes, shapes, bystanders and the table change by what is claimed."""

import mujoco
import numpy as np
import pytest
from bimodal.tasks import load_task
from generated_scenes import CUBE, DUMBBELL, POT, model_of


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
