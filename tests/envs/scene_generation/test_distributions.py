"""Draws are those of dm_control, from the stream that is passed in."""

import numpy as np
from bimodal.envs.random_streams import stream
from bimodal.envs.scene_generation.distributions import choice, uniform


def test_draws_come_from_dm_control_and_from_the_stream():
    one, other = stream("a", 1), stream("a", 1)
    assert np.array_equal(uniform(one, np.zeros(3), 1.0), other.uniform(np.zeros(3), np.ones(3)))
    assert {choice(stream("b", i), 3) for i in range(40)} == {0, 1, 2}
