"""Headroom: success against the executed block, of policies that choose and of one that is told."""

import pytest
from bimodal.benchmark.report.pages.headroom_page import headroom_page
from bimodal.benchmark.studies import headroom
from bimodal.benchmark.studies.headroom import HeadroomRow, measure_headroom, methods_of, try_method
from bimodal.benchmark.suites import SUITES
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.policies.training.train import METHODS
from bimodal.tasks import load_task

RING = "PandaLiftRing-v1"


def made_up(task, method, folder):
    assert (folder / "demonstrations.npz").is_file()
    success = {
        "expert": (1.0,),
        "mse_labelled": (0.9, 0.9, 0.95, 0.99, 0.6),
        "flow": (0.1, 0.2, 0.3, 0.5, 0.4),
        "bet": (0.1, 0.6, 0.5, 0.4, 0.3),
    }
    return HeadroomRow(method, success.get(method, (0.0,) * 5))


def test_what_is_known_is_not_measured_again_and_the_page_shows_it(tmp_path, monkeypatch):
    monkeypatch.setattr(headroom, "try_method", made_up)
    monkeypatch.setattr(headroom, "EPISODES", 8)
    first = measure_headroom([RING], workers=0, folder=tmp_path)
    monkeypatch.setattr(headroom, "try_method", None)
    assert measure_headroom([RING], workers=0, folder=tmp_path) == first
    assert [row.method for row in first[0].rows] == list(methods_of(load_task(RING)))
    assert first[0].best.method == "bet", (
        "the best of all that choose, not of those that the certificate asks"
    )
    page = headroom_page(first)
    assert "| mse_labelled (informed control) | 90 | 90 | 95 | 99 | 60 |" in page
    assert "| expert | 100 |  |  |  |  |" in page and "is bet, with 60 %" in page


def test_the_experts_plan_once_and_succeed(tmp_path):
    assert try_method(RING, "expert", tmp_path, range(7000, 7004)) == HeadroomRow("expert", (1.0,))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--headroom",), "no `informed_control`"),
        (("--headroom", "--grace"), "name one of them"),
        (("--vision", "--regressions"), "name one of them"),
    ],
)
def test_a_task_without_headroom_and_two_studies_are_refused(bimodal, options, said):
    code, _, err = bimodal("certify", "PandaLiftDumbbell-v1", *options)
    assert code == 2 and said in err[0]


def test_every_task_of_the_suite_hard_has_headroom_in_the_clean_world():
    hard = SUITES["hard"]
    assert hard.variants == (CLEAN,) and not set(hard.tasks) & set(SUITES["full"].tasks)
    for name in hard.tasks:
        told = load_task(name).informed_control
        assert told.partition(":")[0] in METHODS, f"{name} names no method as its informed control: {told!r}"
    page = headroom_page([])
    assert f"Version {hard.version} has {len(hard.tasks)} tasks" in page and ", ".join(hard.tasks) in page
