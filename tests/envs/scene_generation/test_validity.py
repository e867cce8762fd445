"""Generated scenes are valid by independent measurement, and bad ones are refused."""

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.certificate.trials import Blend, run_trial
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.perturbations.core.perturbation import Perturbation
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.scene_generation import generator
from bimodal.envs.scene_generation import validity as check
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from generated_scenes import CUBE, DUMBBELL, POT, SCENES, begun, forget


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


@pytest.mark.parametrize("name", [CUBE, "PandaPlaceEitherNest-v1", "PandaLiftTrefoil-v1"])
def test_moments_at_which_hands_are_far_would_reject_no_scene(name, monkeypatch):
    task, counts = load_task(name), []
    for room in (check.ROOM, 0.0):  # without any room, all moments are tried
        monkeypatch.setattr(check, "ROOM", room)
        forget()
        parts = Variant("scene.size:3").having("perturb_scene")
        counts.append([generator.world(parts, task, seed).rejected for seed in range(30)])
    assert counts[0] == counts[1] and max(counts[0]) > 0


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
