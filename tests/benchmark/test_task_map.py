"""The map of a task: where the scene may lie, and where hands fail."""

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.media.task_geometry import (
    dead_paths,
    dead_region,
    hull,
    middle_state,
    mode_hands,
    object_points,
    spawn_region,
)
from bimodal.envs.physics_state import set_state
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.task import ALONG_X, ALONG_Y, Task

TASK = "PandaLiftDumbbell-v1"


def inside(points, polygon):
    """Return how far points (N, 2) lie within a counter-clockwise convex polygon; negative outside [m]."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    normal = np.stack([-edge[:, 1], edge[:, 0]], -1) / np.linalg.norm(edge, axis=1)[:, None]
    return ((points[:, None] - polygon) * normal).sum(-1).min(1)


@pytest.mark.parametrize("count", [3, 4, 10, 200])
def test_the_hull_holds_all_points_and_turns_left_at_every_corner(count):
    points = np.random.default_rng(count).normal(size=(count, 2)).round(6)
    found = hull(points)
    assert inside(points, found).min() > -1e-9
    assert {tuple(corner) for corner in found} <= {tuple(point) for point in points}
    edge = np.roll(found, -1, axis=0) - found
    following = np.roll(edge, -1, axis=0)
    assert (edge[:, 0] * following[:, 1] - edge[:, 1] * following[:, 0]).min() > 0


def test_the_hull_of_points_in_a_line_is_their_two_ends_and_of_none_nothing():
    for points in (
        7,
        9,
        31,
    ):  # shares that are no round numbers too: rounded points are never quite in a line
        share = np.linspace(0, 1, points)[:, None]
        assert np.allclose(hull(np.array([[0.1, 0.3]]) + share * [0.4, -0.2]), [[0.1, 0.3], [0.5, 0.1]])
    assert hull(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("name", task_names())
def test_the_outline_holds_the_objects_of_every_start_and_little_else(name):
    task = load_task(name)
    model, n = task.spec().compile(), 60
    region = spawn_region(task, object_points(task, model, middle_state(task)))
    simulation = Simulation(task, n)
    simulation.reset(range(n))
    points = np.concatenate([object_points(task, model, state)[:, :2] for state in simulation.state()])
    assert inside(points, region).min() > -0.003
    assert np.abs(np.subtract([points.min(0), points.max(0)], [region.min(0), region.max(0)])).max() < 0.02


def test_the_dead_zone_of_two_bars_is_the_middle_half():
    (path,) = dead_paths(load_task(TASK))
    y = load_task(TASK).grasps[0, 1]
    assert np.allclose([path[:, 1].min(), path[:, 1].max()], [-y / 2, y / 2], atol=0.03 * y)
    corners = np.concatenate(dead_region(load_task(TASK)))
    assert np.allclose(np.abs(corners[:, 0]).max(), 0.04, atol=1e-6), "the fingers open along x"


def test_the_dead_zone_of_two_yaws_is_a_turn():
    class Turned(Task):
        modes = ("x", "y")
        grasps = np.array([[0, 0, 0.02, ALONG_X], [0, 0, 0.02, ALONG_Y]])

    (path,) = dead_paths(Turned())
    assert np.allclose(np.sort(path[[0, -1], 3]), np.radians([112.5, 157.5]), atol=0.02)
    assert np.linalg.norm(np.concatenate(dead_region(Turned())), axis=1).max() < 0.043


def test_the_dead_zone_of_three_modes_is_what_lies_among_them():
    turn = np.radians([0, 120, 240])

    class Three(Task):
        modes = ("a", "b", "c")
        grasps = np.stack([0.1 * np.cos(turn), 0.1 * np.sin(turn), 0 * turn, 0 * turn + ALONG_X], 1)

    (region,) = dead_region(Three())
    assert inside(np.zeros((1, 2)), region) > 0.03
    assert inside(Three.grasps[:, :2], region).max() < -0.02


def test_of_two_arms_the_one_that_leads_grasps_and_both_may_hit_their_wall():
    task = load_task("TwoPandaHandover-v1")
    hands = mode_hands(task)
    assert list(hands.arm) == [0, 1]
    assert np.allclose(hands.poses[0], task.grasps)
    assert np.allclose(hands.acting[:, :3], [[-0.05, 0, 0.021], [0.05, 0, 0.021]]), "in the crate"
    walls = [region for region in dead_region(task) if np.abs(region[:, 0]).max() > 0.13]
    assert {np.sign(region[0, 0]) for region in walls} == {-1, 1}


@pytest.mark.parametrize("name", ["PandaPressCuedSide-v1", "PandaPressCuedOrder-v1"])
def test_in_the_middle_of_the_starts_the_pointer_shows_the_side_of_the_marked_grasps(name):
    task = load_task(name)
    model = task.spec().compile()
    data = mujoco.MjData(model)
    set_state(model, data, middle_state(task))
    mujoco.mj_kinematics(model, data)
    shown = data.body("pointer").xpos[1] - task.centre[1]
    assert np.sign(shown) == np.sign(task.grasps[0, 1]) and abs(shown) > 0.06
