"""Every perturbation of the scene: as documented, nothing at level 0, and any two combine."""

import itertools

import numpy as np
import pytest
from generated_scenes import DUMBBELL, LOOKS, SCENES, played


def test_there_are_as_many_perturbations_as_documented():
    assert {name.split(".")[1] for name in SCENES} == {
        "blocked", "clutter", "distractors", "shape", "size", "table_height", "table_tilt"
    }  # fmt: skip
    assert {name.split(".")[1] for name in LOOKS} == {"camera", "lighting", "texture"}


@pytest.mark.parametrize("name", SCENES + LOOKS)
def test_level_0_is_clean_to_the_last_bit(name):
    assert np.array_equal(played(DUMBBELL, f"{name}:0", [3, 4]), played(DUMBBELL, "clean", [3, 4]))


def test_any_two_perturbations_combine():
    for pair in itertools.combinations(SCENES, 2):
        name = "+".join(f"{part}:2" for part in pair)
        assert np.isfinite(played(DUMBBELL, name, [0], steps=1)).all()
