"""Draws are those of dm_control, from the stream that is passed in."""

import numpy as np
import pytest
from bimodal.envs.random_streams import stream
from bimodal.envs.scene_generation.distributions import choice, sphere, uniform


def test_draws_are_those_of_dm_control_and_leave_the_stream_where_it_does():
    theirs = pytest.importorskip("dm_control.composer.variation.distributions")
    low = np.array([-1.0, 0.0, 2.0])
    for number in range(40):
        one, other = stream("a", number), stream("a", number)
        old = np.random.RandomState(other.bit_generator)
        drawn = theirs.Uniform(low, low + 1)(initial_value=low, random_state=other)
        assert np.array_equal(uniform(one, low, low + 1), drawn)
        assert choice(one, 7) == theirs.UniformInteger(0, 7)(random_state=old)
        assert np.array_equal(sphere(one), theirs.UniformPointOnSphere()(random_state=old))
        assert uniform(one, 0.0, 1.0) == theirs.Uniform(0.0, 1.0)(initial_value=0.0, random_state=other)
        assert one.bit_generator.state["state"]["counter"].tolist() == (
            other.bit_generator.state["state"]["counter"].tolist()
        )


def test_all_choices_are_drawn():
    assert {choice(stream("b", i), 3) for i in range(40)} == {0, 1, 2}
