"""A variant's name: a combination and its parts, wrong names, and what a task cannot have."""

import re

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.envs.perturbations.core.variant import Variant, parse
from bimodal.envs.simulation import Simulation
from bimodal.tasks import load_task
from perturbed_episodes import TASK, record, recorded


def test_the_combination_is_its_five_perturbations_at_its_level():
    """One of every group but the horizon, each with the draws that it has alone."""
    names = ("contact.friction", "sensing.noise", "actuation.delay", "start.bias", "scene.size")
    assert [(part.name, part.level) for part in Variant("combo:2").parts] == [(name, 2) for name in names]
    written = "+".join(f"{name}:2" for name in names)
    assert list(recorded("combo:2").digests) == list(recorded(written).digests)
    assert list(record("combo:0").digests) == list(recorded("clean").digests)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contact.frictoin:2", "unknown variant 'contact.frictoin': did you mean contact.friction"),
        ("contact.friction", "variant 'contact.friction' has no such level; write contact.friction:1"),
        ("contact.friction:4", "variant 'contact.friction:4' has no such level"),
        ("contact.friction:-1", "has no such level"),
        ("contact.friction:1.5", "has no such level"),
        ("contact.friction:2+", "unknown variant ''"),
        ("clean+contact.friction:2", "clean"),
        ("contact.friction:2+contact.friction:3", "names contact.friction twice"),
        ("combo", "variant 'combo' has no such level; write combo:1"),
        ("combo:1+sensing.noise:2", "names sensing.noise twice"),
    ],
)
def test_a_wrong_name_is_one_line(name, message):
    with pytest.raises(WrongUse, match=re.escape(message)) as error:
        parse(name)
    assert "\n" not in str(error.value)


def test_what_cannot_be_is_refused_with_its_reason():
    for variant, task, why in (
        ("contact.knock:1", "PandaSlideTwinKnob-v1", "contact.knock:1 is impossible: no object is loose"),
        ("contact.slip:2", "PandaSlideTwinKnob-v1", "contact.slip:2 is impossible: no object is loose"),
        ("contact.com_offset:3", TASK.id, "contact.com_offset:3 is impossible: the left_cube ends 2.2 cm"),
        ("contact.knock_after:1", "PandaPickAroundPost-v1", "all modes grip in the same place"),
    ):
        with pytest.raises(WrongUse, match=re.escape(why)) as error:
            Simulation(load_task(task), 1, variant=Variant(variant))
        assert task in str(error.value) and "\n" not in str(error.value)


def test_what_a_camera_gives_is_a_world_for_policies_with_pictures_alone():
    blurred = Variant("contact.mass:1+sensing.camera_blur:1")
    assert blurred.impossible(TASK) == "sensing.camera_blur:1 is impossible: no camera is observed"
    assert blurred.impossible(TASK, pictures=True) == ""
    assert "changes pictures only" in Variant("scene.texture:1").unseen(pictures=False)
    assert Variant("scene.texture:1").unseen(pictures=True) == ""
