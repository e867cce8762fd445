"""Generated scenes are the same for every batch, for eyes and for hands."""

import numpy as np
import pytest
from bimodal.envs.base_scene import clean_model
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.scene_generation import validity
from bimodal.envs.scene_generation.settling import restless
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from generated_scenes import DUMBBELL, forget, played


def test_a_scene_depends_on_its_own_seed_only():
    name = "scene.distractors:2+scene.blocked:2+scene.size:2"
    alone = played(DUMBBELL, name, [7])[0]
    forget()
    assert np.array_equal(played(DUMBBELL, name, [11, 3, 7, 5])[2], alone)
    other = "+".join(reversed(name.split("+")))
    assert np.array_equal(played(DUMBBELL, other, [7])[0], alone)


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


def test_a_task_whose_start_draws_whole_numbers_has_generated_scenes():
    cued = load_task("PandaPressCuedSide-v1")
    assert not Variant("scene.clutter:1").impossible(cued)
    simulation = Simulation(cued, 2, variant=Variant("scene.clutter:1"))
    simulation.reset((3, 4))
    assert all(model.ngeom == clean_model(cued).ngeom + 5 for model in simulation.batch.models)


def test_what_moves_in_the_clean_scene_may_move_in_a_generated_one_and_nothing_else(monkeypatch):
    cued = load_task("PandaPressCuedSide-v1")
    assert restless(cued) == {"pointer"} and restless(load_task(DUMBBELL)) == set()
    assert Variant("scene.table_tilt:3").spec(cued, 3).option.gravity[:2].any()
    monkeypatch.setattr(validity, "restless", lambda task: set())
    forget()
    with pytest.raises(BimodalError, match="the last: something moves by itself"):
        Variant("scene.table_tilt:3").spec(cued, 3)
    forget()
