"""A post blocks one drawn mode: so far from the hand, and told to the referee when touched."""

import mujoco
import numpy as np
import pytest
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.scene_generation import generator
from bimodal.envs.scene_generation.blocking_post import RADIUS
from bimodal.envs.scene_generation.expert_reference import reference
from bimodal.envs.simulation import Simulation
from bimodal.envs.simulation_data import place
from bimodal.tasks import load_task
from generated_scenes import DUMBBELL, begun


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
    place(found.model, data, seen.start.poses | {name: np.array(pose) for name, pose in poses.items()})
    return found.model, data


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
