"""The free grip: each seed bars one grip of every side, and a hand that takes it fails at a mode."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.random_streams import stream
from bimodal.envs.simulation import Simulation
from bimodal.policies.core.dataset import Extent
from bimodal.policies.mse_labelled import LabelledMSE
from bimodal.tasks import lift_free_grip, load_task
from bimodal.tasks.core.referee import Referee
from bimodal.tasks.demonstrations.collect import collect

TASK = load_task("PandaLiftFreeGrip-v1")
SEEDS = np.arange(12)


@pytest.fixture(scope="module")
def simulation():
    found = Simulation(TASK, len(SEEDS))
    found.reset(SEEDS)
    return found


def free(simulation):
    """The free grip of every side, by where the stops stand, (N, 4)."""
    at = np.stack([simulation.in_frame(simulation.position(stop))[:, :2] for stop in TASK.stops], 1)
    grips = TASK.places()[:, :2].reshape(4, 2, 2)
    return np.linalg.norm(at[:, :, None] - grips, axis=-1).argmax(-1) + 2 * np.arange(4)


def ends(simulation, grips):
    """Verdict of hands that go to grips (N,) from the start."""
    plan = TASK._path(simulation.in_frame(simulation.tcp_position), grips).actions(simulation.frame)
    referee = Referee(TASK, simulation.n)
    for action in np.swapaxes(plan, 0, 1):
        simulation.step(action)
        referee.see(TASK.measure(simulation), simulation.diverged)
    return referee.verdict()


def test_each_side_has_one_free_grip_by_a_coin_of_its_own():
    starts = [TASK.start(stream("start", TASK.id, seed)) for seed in range(400)]
    names = ("wheel", *TASK.stops)
    yaws = np.array([[2 * np.arctan2(*start.poses[name][[6, 3]]) for name in names] for start in starts])
    aside = np.rad2deg(yaws[:, 1:] - yaws[:, :1]) - 90 * np.arange(4)
    second = (aside + 180) % 360 > 180
    np.testing.assert_allclose((aside + 180) % 360 - 180, np.where(second, 22.5, -22.5))
    assert (np.abs(second.mean(0) - 0.5) < 0.1).all() and len(np.unique(second, axis=0)) == 16


def test_what_is_observed_tells_the_free_grip_of_every_side(simulation):
    simulation.reset(SEEDS)
    seen = simulation.observe()
    told = np.stack([TASK.taken_places(seen, np.full(len(SEEDS), mode)) for mode in range(4)], 1)
    assert (told == free(simulation)).all()
    assert len(np.unique(told % 2, axis=0)) > 4, "the seeds bar different grips"


def test_a_hand_at_a_barred_grip_fails_there_and_not_between_modes(simulation):
    simulation.reset(SEEDS)
    barred = free(simulation)[np.arange(len(SEEDS)), SEEDS % 4] ^ 1
    verdict = ends(simulation, barred)
    assert set(verdict.label) == {"COLLISION_OTHER"}
    assert (verdict.alpha < 0.2).all() and (verdict.mode == -1).all()


def test_the_positions_of_the_stops_are_seen_and_their_headings_are_not(simulation):
    simulation.reset(SEEDS)
    seen = simulation.observe()
    assert {"far_stop_position", "wheel_heading"} <= set(seen) and "far_stop_heading" not in seen
    assert [spec.name for spec in TASK.observation] == list(seen)


@pytest.mark.parametrize("variant", ["sensing.noise:2", "sensing.bias:2", "sensing.dropout:2"])
def test_senses_are_perturbed_where_no_heading_is_shown(variant):
    simulation = Simulation(TASK, 3, variant=Variant(variant))
    simulation.reset([0, 1, 2])
    true = simulation.observe()
    frames = [simulation.variant.perturb_observation(dict(true), step) for step in range(4)]
    assert all(list(frame) == list(true) for frame in frames)
    moved = np.abs(frames[0]["far_stop_position"] - true["far_stop_position"]).max()
    assert (moved > 0) == (variant != "sensing.dropout:2"), "what goes missing is not moved"


def test_a_hand_at_any_grip_is_on_the_side_of_its_mode():
    assert TASK.side(TASK.places()).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert np.allclose(TASK.mixture(TASK.places()), 0, atol=1e-9)
    assert TASK.side(TASK.places().mean(0)) == -1


def test_an_expert_that_begins_elsewhere_goes_to_the_free_grip_too(simulation):
    simulation.reset(SEEDS)
    modes = np.arange(len(SEEDS)) % 4
    middle = np.repeat(TASK.hands()[:, None, :3], len(SEEDS), axis=1)
    plans = TASK.plan(simulation, modes), TASK.plan(simulation, modes, middle)
    assert (plans[0][:, 0] != plans[1][:, 0]).any()
    np.testing.assert_allclose(plans[0][:, 40], plans[1][:, 40], atol=1e-9)
    here = simulation.in_frame(plans[1][:, 40, :3])
    grips = TASK.places()[free(simulation)[np.arange(len(SEEDS)), modes]]
    np.testing.assert_allclose(here[:, :2], grips[:, :2], atol=1e-9)


def test_the_informed_control_learns_and_plays_by_the_place_of_the_mode(tmp_path):
    demos = collect(TASK, "bi50", 16, until=4)
    windows = LabelledMSE.windows(tmp_path, demos._replace(success=np.ones(16, bool)), Extent(16))
    first = {name: values[:, 0] for name, values in demos.observations.items()}
    assert (windows.modes.reshape(16, -1)[:, 0] == TASK.taken_places(first, demos.modes)).all()
    assert (windows.modes.reshape(16, -1)[:, 0] // 2 == demos.modes).all()


def test_cheeks_stand_where_fingers_of_a_barred_grip_go_and_clear_of_it():
    near, far = (lift_free_grip.CHEEK_Y + side * lift_free_grip.CHEEK[1] / 2 for side in (-1, 1))
    assert near > 0.011 + 0.004 and near < 0.025 < far
