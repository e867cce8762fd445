"""Commands come late, are lost or scatter, and servos weaken, by what is claimed."""

import numpy as np
import pytest
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.specs import from_grid, to_grid
from perturbed_episodes import begin


def commands(variant, space="ee_absolute", n=40, steps=60):
    """Return what is asked and what the robot is told, (steps, n, A), and the command that stays, (n, A)."""
    simulation = begin(variant, range(n))
    stay = simulation.stay(space)
    asked = to_grid(0.99 * stay * (1 - 2e-3 * np.arange(steps)[:, None, None]) + 0.01 * (space == "ee_delta"))
    told = [
        simulation.variant.perturb_action(grid, space, step, simulation) for step, grid in enumerate(asked)
    ]
    return asked, np.array(told), to_grid(stay)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_delay_is_so_many_control_steps(level):
    late = perturbations()["actuation.delay"].levels[level]
    asked, told, stay = commands(f"actuation.delay:{level}", n=2, steps=12)
    assert (told[late:] == asked[:-late]).all() and (told[:late] == stay).all()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_jitter_takes_up_to_so_many_control_steps_and_never_goes_back(level):
    late = perturbations()["actuation.jitter"].levels[level]
    asked, told, _ = commands(f"actuation.jitter:{level}")
    age = np.arange(60)[:, None] - np.abs(told[:, None] - asked[None]).sum(-1).argmin(1)
    assert age[late:].max() == late and age.min() == 0
    assert (np.diff(age[late:], axis=0) <= 1).all() and (age[1:] < age[:-1]).any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_share_of_the_commands_is_dropped_and_the_last_one_held(level):
    asked, told, _ = commands(f"actuation.dropped:{level}")
    lost = (told != asked).any(-1)
    assert lost.mean() == pytest.approx(perturbations()["actuation.dropped"].levels[level], abs=0.03)
    rows = np.argwhere(lost[1:])
    assert all((told[step + 1, row] == told[step, row]).all() for step, row in rows)


def test_a_dropped_step_of_the_hand_is_no_step():
    asked, told, _ = commands("actuation.dropped:3", space="ee_delta", n=4)
    lost = (told != asked).any(-1)
    assert lost.any() and not told[lost][:, :6].any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_commanded_position_scatters(level):
    asked, told, _ = commands(f"actuation.noise:{level}")
    error = from_grid(told - asked)
    assert error[..., :3].std() == pytest.approx(
        1e-3 * perturbations()["actuation.noise"].levels[level], rel=0.05
    )
    assert np.abs(error[..., :3].mean()) < 2e-4 and not error[..., 3:].any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_weak_servos_give_way_by_the_inverse_of_the_gain(level):
    give = []
    for variant in ("clean", f"actuation.gain:{level}"):
        simulation = begin(variant)
        stay, start = simulation.stay("joint_absolute"), simulation.tcp_position.copy()
        hand = simulation.model.body("right_gripper").id
        simulation.batch.bind("xfrc_applied")[0, hand, 1] = 5.0
        for _ in range(30):
            simulation.step(stay, "joint_absolute")
        give.append((simulation.tcp_position - start)[0, 1])
    assert give[0] / give[1] == pytest.approx(perturbations()["actuation.gain"].levels[level], rel=0.05)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_gripper_closes_slower_by_the_factor(level):
    speeds = []
    for variant in ("clean", f"actuation.gripper_speed:{level}"):
        simulation = begin(variant)
        action = simulation.stay("ee_absolute")
        action[:, -1] = -0.008
        simulation.step(action)
        speeds.append(simulation.qvel[0, simulation.arms[0].fingers[0]])
    assert speeds[1] / speeds[0] == pytest.approx(
        perturbations()["actuation.gripper_speed"].levels[level], rel=0.03
    )
