"""Bodies, pads and grip change by what is claimed: measured by forces, torques and depths."""

import mujoco
import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.tasks import load_task
from perturbed_episodes import LIFTED, begin, fly


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
