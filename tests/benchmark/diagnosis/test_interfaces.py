"""Which interface a variant disturbs, and what is left of it when that is restored."""

import pytest
from bimodal.benchmark.diagnosis.interfaces import REPAIRS, disturbed, interface_of, without
from bimodal.envs.perturbations.core.perturbation import Perturbation
from bimodal.envs.perturbations.core.registry import perturbations

TEXT = [
    *("perception", "representation", "dynamics", "planning"),
    *("control", "data coverage", "timing", "evaluation"),
]


def test_the_words_are_those_of_the_text():
    assert sorted(REPAIRS) == sorted(TEXT)


@pytest.mark.parametrize(
    ("name", "interface"),
    [
        ("sensing.noise", "perception"),
        ("sensing.latency", "timing"),
        ("actuation.delay", "timing"),
        ("actuation.gain", "control"),
        ("contact.knock", "dynamics"),
        ("scene.size", "data coverage"),
        ("start.bias", "data coverage"),
        ("horizon.short", "evaluation"),
    ],
)
def test_every_perturbation_disturbs_one_interface(name, interface):
    assert interface_of(perturbations()[name](2)) == interface


def test_a_perturbation_of_an_unknown_group_is_placed_by_what_it_changes():
    class Fog(Perturbation):
        name = "weather.fog"
        levels = (0.0, 1.0, 2.0, 3.0)

        def perturb_observation(self, seen, step):
            return seen

    class Ice(Perturbation):
        name = "weather.ice"
        levels = (0.0, 1.0, 2.0, 3.0)

        def perturb_model(self, model, episode):
            model.geom_friction[:] *= 0.1

    assert (interface_of(Fog(1)), interface_of(Ice(1))) == ("perception", "dynamics")


def test_one_interface_is_restored_and_the_others_stay():
    variant = "sensing.noise:2+sensing.latency:1+contact.mass:3"
    assert disturbed(variant) == {"perception", "timing", "dynamics"}
    assert without(variant, {"timing"}) == "sensing.noise:2+contact.mass:3"
    assert without(variant, disturbed(variant)) == "clean"
    assert without("combo:1", {"perception"}).count("+") == 3
