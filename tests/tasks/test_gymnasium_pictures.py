"""Pictures and words in observations of the Gymnasium environments: the evaluator's, row by row."""

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.rollout.observation import Observer
from bimodal.envs.errors import WrongUse
from bimodal.envs.simulation import Simulation
from bimodal.policies.core.policy import Needs
from bimodal.tasks import load_task

ID = "bimodal/PandaLiftDumbbell-v1"
TASK = load_task("PandaLiftDumbbell-v1")
SEEN = ("wrist_image", "instruction")


@pytest.fixture(scope="module")
def expected(drawing):
    """What the evaluator shows of episodes 3 and 4 at their start."""
    simulation = Simulation(TASK, 2)
    simulation.reset([3, 4])
    return Observer(TASK, simulation, Needs(SEEN)).see(0, np.ones(2, bool))


def test_one_environment_shows_what_the_evaluator_shows(expected):
    env = gymnasium.make(ID, observe=SEEN)
    seen, _ = env.reset(seed=3)
    assert env.observation_space.contains(seen)
    assert np.array_equal(seen["wrist_image"], expected["wrist_image"][0])
    assert seen["instruction"] == TASK.goal
    assert list(seen)[-2:] == list(SEEN) and list(seen)[:-2] == [spec.name for spec in TASK.observation]
    env.close()


@pytest.mark.parametrize("variant", ["clean", "contact.friction:1"])
def test_rows_show_their_own_pictures(expected, variant):
    envs = gymnasium.make_vec(ID, num_envs=2, observe=SEEN, variant=variant)
    seen, _ = envs.reset(seed=3)
    assert envs.observation_space.contains(seen)
    assert np.array_equal(seen["wrist_image"], expected["wrist_image"])
    assert seen["instruction"] == (TASK.goal,) * 2
    stay = np.concatenate([seen["tcp_position"], seen["tcp_rotation"], np.full((2, 1), 0.02)], axis=1)
    assert not np.array_equal(envs.step(stay)[0]["wrist_image"], seen["wrist_image"])  # the fingers close
    envs.close()


@pytest.mark.parametrize("wrong", [{"observe": ("top_image",)}, {"observe": SEEN, "image_size": 64}])
def test_pictures_that_do_not_exist_are_refused(wrong):
    with pytest.raises(WrongUse, match=r"top_image.*front_image|image_size is 64; it must be in"):
        gymnasium.make(ID, **wrong)


def test_other_words_are_told_row_by_row_and_refused_where_nobody_reads_them():
    how = {"num_envs": 2, "variant": "language.paraphrase:3"}
    envs = gymnasium.make_vec(ID, observe=("instruction",), **how)
    seen, _ = envs.reset(seed=3)
    assert envs.observation_space.contains(seen)
    said = [envs.unwrapped.simulations[row].variant.instruction(TASK, 3 + row, "any") for row in range(2)]
    assert seen["instruction"] == tuple(said) and TASK.goal not in said
    envs.close()
    with pytest.raises(WrongUse, match=r"^language.paraphrase:3 changes the instruction, which is not"):
        gymnasium.make_vec(ID, **how)
