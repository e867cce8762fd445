"""The uncovered side: a coin covers a side, which cameras show and the observed state does not."""

import numpy as np
import pytest
from bimodal.benchmark.certificate.learning_gates import TaskTraining, TrialSetting, trained_for
from bimodal.benchmark.certificate.trials import run_trial
from bimodal.benchmark.studies.in_view import PIXELS, SHARE, pixels
from bimodal.envs.frames import yaw_quaternion
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.random_streams import stream
from bimodal.envs.rendering.episode_pictures import EpisodePictures
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core.hand_path import plan_from_paths
from bimodal.tasks.core.referee import Referee
from bimodal.tasks.press_uncovered_side import PressUncoveredSide

TASK = load_task("PandaPressUncoveredSide-v1")
assert isinstance(TASK, PressUncoveredSide)
SEEDS = np.arange(500_000, 500_008)


def verdict_on(side):
    """Verdict of hands that press on `side`, as a share of the open side's direction (1 for that side)."""
    simulation = Simulation(TASK, len(SEEDS))
    simulation.reset(SEEDS)
    start = simulation.in_frame(simulation.tcp_position)
    path = TASK.cued_path(start, SEEDS % 2, side * TASK.cued(simulation))
    referee = Referee(TASK, simulation.n)
    for action in np.swapaxes(plan_from_paths([path], simulation.frame), 0, 1):
        simulation.step(action)
        referee.see(TASK.measure(simulation), simulation.diverged)
    return referee.verdict()


def covered_both_ways():
    """A simulation of one start, covered on the right and on the left."""
    start = TASK.start(stream("start", TASK.id, 0))
    turned = [yaw_quaternion(start.frame[2] + turn) for turn in (0.0, np.pi)]
    covers = [np.array([*start.poses["cover"][:3], *turn]) for turn in turned]
    simulation = Simulation(TASK, 2)
    simulation.begin([start._replace(poses={**start.poses, "cover": cover}) for cover in covers])
    return simulation


def test_a_fair_coin_says_which_side_is_covered():
    starts = [TASK.start(stream("start", TASK.id, seed)) for seed in range(400)]
    yaws = np.array([2 * np.arctan2(*start.poses["cover"][[6, 3]]) - start.frame[2] for start in starts])
    turned = np.cos(yaws) < 0
    np.testing.assert_allclose(np.cos(yaws), np.where(turned, -1, 1), atol=1e-12)
    assert abs(turned.mean() - 0.5) < 0.1


def test_pictures_tell_the_covered_side_and_what_is_observed_does_not():
    simulation = covered_both_ways()
    assert TASK.cued(simulation).tolist() == [1, -1], "the side that counts is the other one"
    seen = simulation.observe()
    assert list(seen) == [spec.name for spec in TASK.observation]
    assert all((value[0] == value[1]).all() for value in seen.values())
    names = ("front_image", "wrist_image")
    pictures = EpisodePictures(TASK, Variant(), names, 96)
    drawn = pictures.take(np.zeros(2, int), simulation.state(), np.ones(2, bool))
    pictures.close()
    for name in names:
        other = np.abs(drawn[name][0].astype(int) - drawn[name][1]).max(-1) > 64
        assert other.mean() > 0.02, f"{name} shows the same"


def test_cameras_see_the_cover_when_a_button_must_be_chosen():
    seen = pixels(TASK, "clean", range(500_000, 500_003))[:, :, :, TASK.objects.index("cover")]
    shown, alone = np.moveaxis(seen, -1, 0)  # (N, decisions, cameras)
    assert (shown >= 4 * PIXELS).all() and (shown >= SHARE * alone).all(), "every camera shows it"


@pytest.mark.parametrize(("side", "label", "modes"), [(1, "SUCCESS", {0, 1}), (-1, "COLLISION_OTHER", {-1})])
def test_a_hand_on_the_covered_side_fails_there_and_not_between_the_modes(side, label, modes):
    verdict = verdict_on(side)
    assert set(verdict.label) == {label} and set(verdict.mode) == modes
    away = np.minimum(verdict.alpha, 1 - verdict.alpha)
    assert (away < 0.2).all(), "it acts at a mode"


def test_a_hand_between_the_sides_presses_nothing():
    assert not verdict_on(0).success.any()


@pytest.mark.parametrize("variant", ["sensing.noise:2", "sensing.bias:2", "sensing.dropout:2"])
def test_senses_are_perturbed_where_no_pose_is_shown(variant):
    simulation = Simulation(TASK, 3, variant=Variant(variant))
    simulation.reset([0, 1, 2])
    true = simulation.observe()
    frames = [simulation.variant.perturb_observation(dict(true), step) for step in range(4)]
    assert all(list(frame) == list(true) for frame in frames)
    moved = np.abs(frames[0]["console_position"] - true["console_position"]).max()
    assert (moved > 0) == (variant != "sensing.dropout:2"), "what goes missing is not moved"


@pytest.mark.slow
def test_the_certificate_trains_its_informed_control_on_pictures_and_gives_it_no_pose(tmp_path):
    setting = TrialSetting(TASK.informed_control, 0, 8)
    assert (setting.method, 0) in trained_for(TASK)
    policy = TaskTraining(TASK, tmp_path, episodes=4, steps=1).policy(setting)
    given = set(policy.needs().observations)
    assert {"front_image", "wrist_image"} < given
    assert not given & {spec.name for spec in TASK.observation if spec.name.startswith("console")}
    assert run_trial(TASK, policy, range(500_000, 500_001)).n == 1
