"""Scenes of training seeds show no kinds of things that are kept for the test."""

import mujoco
import pytest
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.seed_ranges import TEST, TRAIN, VALIDATION
from bimodal.tasks import load_task
from generated_scenes import CUBE, POT, model_of


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
