"""Episodes are shorter and the arm starts elsewhere by what is claimed."""

import numpy as np
import pytest
from bimodal.envs.frames import from_frame
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.tasks import load_task
from perturbed_episodes import TASK, begin, recorded


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_episode_is_shorter(level):
    share = perturbations()["horizon.short"].levels[level]
    assert Variant(f"horizon.short:{level}").episode_steps(100) == round(100 * share)
    assert Variant(f"horizon.short:{level}").episode_steps(101) == np.ceil(101 * share)


def test_a_short_episode_ends_there():
    assert (recorded("horizon.short:3").verdict.steps == 50).all()
    assert (recorded("clean").verdict.steps > 50).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_arm_starts_in_a_posture_so_far_away(level):
    clean, shifted = (begin(variant, range(6)) for variant in ("clean", f"start.joints:{level}"))
    away = (shifted.qpos - clean.qpos)[:, shifted.arms[0].joints]
    assert np.linalg.norm(away, axis=1) == pytest.approx(perturbations()["start.joints"].levels[level])
    assert (shifted.ctrl[:, :7] == shifted.qpos[:, shifted.arms[0].joints]).all()


@pytest.mark.parametrize("task", [TASK.id, "PandaLiftKnob-v1"])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_hand_starts_nearer_to_one_mode(level, task):
    task = load_task(task)
    clean, shifted = (begin(variant, range(10), task) for variant in ("clean", f"start.bias:{level}"))
    moved, middle = shifted.hand - clean.hand, task.grasps.mean(0)
    ways = perturbations()["start.bias"].levels[level] * (task.grasps - middle)
    ways[:, 2] = 0
    chosen = np.linalg.norm(moved[:, None] - ways, axis=-1).argmin(1)
    assert moved == pytest.approx(ways[chosen], abs=5e-3) and len({*chosen}) == 2
    assert chosen.tolist() == [shifted.variant.targeted_mode(task, seed) for seed in range(10)]


def test_what_has_moved_with_the_scene_stays_where_it_was():
    clean, shifted = begin(seeds=range(4)), begin("start.bias:3", range(4))
    assert (clean.frame == shifted.frame).all()
    at = np.zeros((4, 3))
    assert np.allclose(shifted.in_frame(from_frame(at, clean.frame)), at)
    assert (clean.position("left_cube") == shifted.position("left_cube")).all()
