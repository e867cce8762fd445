"""`bimodal diagnose --search`: the smallest magnitude that breaks a policy, and what cannot be searched."""

import json
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.diagnosis import search as module
from bimodal.benchmark.diagnosis.rerun import Reruns
from bimodal.benchmark.diagnosis.search import Searched, search_task
from bimodal.benchmark.diagnosis.search_table import search_sentence
from bimodal.envs.perturbations.core.registry import perturbations
from scoring import DUMBBELL, bimodal

EXAMPLE = Path(__file__).parents[3] / "examples" / "front_camera.py"


@pytest.fixture
def broken_from(monkeypatch):
    """Have episodes succeed up to a magnitude without simulating any; of `lucky` clean ones, only so many."""

    def set_up(limit, lucky=50):
        def outcome(task, arm, seeds, *_):
            parts = arm.world().parts
            far = abs(parts[0].magnitude - parts[0].levels[0]) if parts else 0.0
            won = np.arange(len(seeds)) < (lucky if far < limit else 0)
            return Reruns(*[won[:, None]] * 4)

        monkeypatch.setattr(module, "rerun", outcome)

    return set_up


def searched(axis, seeds=50):
    return search_task(Searched(DUMBBELL, "flow", axis, tuple(range(seeds)), "1"))


@pytest.mark.parametrize(
    ("axis", "limit", "steps", "first", "last"),
    [
        ("sensing.noise", 3.0, 5, 3.125, 2.75),
        ("contact.friction", 0.6, 5, 0.4, 0.425),  # falls with the level
        ("actuation.delay", 3, 3, 3, 2),  # whole numbers
        ("actuation.delay", 1, 2, 1, None),
        ("scene.size", 10, 2, 10, 5),  # levels alone
    ],
)
def test_the_smallest_magnitude_is_bracketed(broken_from, axis, limit, steps, first, last):
    broken_from(limit)
    found = searched(axis)
    assert len(found.steps) == steps
    assert found.first is not None and found.first.magnitude == pytest.approx(first)
    assert (found.last.magnitude if found.last else None) == (last and pytest.approx(last))
    strengths = [abs(step.magnitude - perturbations()[axis].levels[0]) for step in found.steps]
    assert strengths == sorted(strengths)
    assert f"breaks at {found.first.magnitude:g}" in search_sentence(found).replace("x ", "")


def test_what_no_level_breaks_is_said_with_what_the_seeds_could_show(broken_from):
    broken_from(np.inf)
    found = searched("sensing.noise")
    assert [step.level for step in found.steps] == [2, 3] and found.first is None
    assert "no level of sensing.noise breaks flow; these seeds would show a loss of" in search_sentence(found)


def test_a_policy_that_hardly_succeeds_has_nothing_to_lose(broken_from):
    broken_from(1.0, lucky=6)
    found = searched("sensing.noise")
    assert found.steps == () and "ask for more --seeds" in search_sentence(found)


def test_the_command_finds_where_the_expert_runs_out_of_time(capsys):
    words = ("--search", "horizon.short", "--task", DUMBBELL, "--seeds", 8, "--workers", 0, "--json")
    code, out, _ = bimodal("diagnose", "expert", *words, capsys=capsys)
    (found,) = json.loads(out)
    assert code == 1
    assert 0.6 <= found["breaks_at"]["magnitude"] < found["holds_at"]["magnitude"] <= 0.75


def test_the_command_finds_where_a_policy_of_pictures_loses_the_orange_hub(capsys):
    """The example finds the hub by its colour, and gives up where the picture is too bright for it."""
    words = (
        "--search",
        "sensing.camera_exposure",
        "--task",
        DUMBBELL,
        "--seeds",
        8,
        "--workers",
        0,
        "--json",
    )
    code, out, _ = bimodal("diagnose", f"{EXAMPLE}:FrontCamera", *words, "--no-sandbox", capsys=capsys)
    (found,) = json.loads(out)
    assert code == 1 and found["clean"]["estimate"] == 1.0
    assert 0 < found["breaks_at"]["magnitude"] <= 1.5 and found["unit"] == "stops"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("flow", "--search", "actuation.dealy"), "did you mean actuation.delay"),
        (("expert", "--search", "sensing.noise"), "cannot reach expert, which reads the simulator"),
        (("flow", "--search", "scene.lighting"), "changes pictures only: flow reads no pictures"),
        (("mse", "--search", "sensing.camera_noise"), "changes pictures only: mse reads no pictures"),
        (("flow", "--search", "contact.knock", "--task", "PandaSlideTwinKnob-v1"), "no object is loose"),
        (("flow", "--search", "contact.knock", "--seeds", 0), "a number of episodes"),
        (("nobody", "--search", "contact.knock"), "unknown policy"),
        (("runs/smoke-flow", "--seeds", 5), "--seeds is for --search"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(words, told, capsys):
    code, _, err = bimodal("diagnose", *words, "--workers", 0, capsys=capsys)
    assert code == 2 and len(err) == 1 and told in err[0]
