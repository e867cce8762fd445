"""Reshaped objects can still be gripped."""

import mujoco
import numpy as np
import pytest
from bimodal.envs.base_scene import clean_model
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.scene_generation.reshape import resize
from bimodal.envs.seed_ranges import TRAIN
from bimodal.tasks import load_task
from generated_scenes import CUBE


def test_what_is_gripped_never_becomes_too_thick():
    task = load_task(CUBE)
    for seed in range(12):
        spec = task.spec()
        spec.geom("left_cube").size = [0.035, 0.0225, 0.0225]
        resize(spec, task, np.random.default_rng(seed), 0.15)
        assert 2 * spec.geom("left_cube").size[0] <= 0.074 + 1e-9


def test_what_would_be_in_a_hands_way_keeps_its_form():
    """A square hub stands in the way of every hand: only the ribs change, and no train scene shows that."""
    task = load_task("PandaLiftTrefoil-v1")
    variant = Variant("scene.shape:3")
    for seed in range(4):
        model = variant.models(clean_model(task), task, [seed])[0]
        assert model.geom("hub").type == mujoco.mjtGeom.mjGEOM_CYLINDER
        assert model.geom("left_arm_rib").type == mujoco.mjtGeom.mjGEOM_ELLIPSOID
        assert variant.has_unseen_kinds(task, seed)
    with pytest.raises(BimodalError, match="no shape could be square"):
        variant.models(clean_model(task), task, [TRAIN.start])
