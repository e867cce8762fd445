"""Knocks, pushes and slips come when they are claimed to and move things by as much."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.disturbances import grips
from perturbed_episodes import TASK, begin, fly


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
