"""What is exported can be played: steps do what absolute poses do, and demonstrations come out again."""

import numpy as np
import pytest
from bimodal.benchmark.datasets.from_demonstrations import demonstration_source
from bimodal.envs.errors import WrongUse
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from bimodal.tasks.core import episode_step
from bimodal.tasks.core.referee import Referee
from bimodal.tasks.demonstrations import collect as demonstrations
from scoring import DUMBBELL

TASK = load_task(DUMBBELL)


def test_demonstrations_that_are_played_again_go_through_the_same_states():
    demos = demonstrations.collect(TASK, "graded", 4)
    states = np.stack(list(demonstrations.played_states(demos)))
    simulation = Simulation(TASK, len(states))
    for step in (0, 30, demos.actions.shape[1] - 1):
        simulation.restore(states[:, step])
        seen = simulation.observe()
        for name, values in demos.observations.items():
            np.testing.assert_allclose(seen[name], values[:, step], atol=1e-6)
    other = demos._replace(seeds=demos.seeds + 1)
    with pytest.raises(WrongUse, match="otherwise on this machine"):
        list(demonstrations.played_states(other))


def play(task, actions, seeds, space):
    """Play actions (N, T, A) from the seeds; return the last state and who succeeded."""
    simulation = Simulation(task, len(seeds))
    simulation.reset(seeds)
    referee = Referee(task, len(seeds))
    for step in range(actions.shape[1]):
        episode_step.advance_and_judge(referee, simulation, actions[:, step].astype(float), step, space)
    return simulation.qpos.copy(), referee.verdict().success


def test_steps_are_the_same_commands_as_the_absolute_poses_of_both_arms(tmp_path):
    task = load_task("TwoPandaHandover-v1")
    demos = demonstrations.collect(task, "bi50", 2, process_noise=0.0)
    file = demonstrations.save(demos, tmp_path / "calm.npz")
    episodes = demonstration_source(file, "ee_delta").episodes
    steps = np.stack([episode.actions for episode in episodes])
    assert np.abs(steps).max() == 1.0 and set(steps[..., 6::7].ravel().tolist()) == {-1.0, 1.0}
    where, success = play(task, steps, demos.seeds, "ee_delta")
    there, _ = play(task, demos.actions, demos.seeds, "ee_absolute")
    assert success.all()
    np.testing.assert_allclose(where, there, atol=1e-5)  # float32 poses, in steps of the grid
