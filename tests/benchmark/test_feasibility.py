"""The experts under every perturbation: one cell, and what `bimodal certify --variants` measures."""

from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.certificate import feasibility
from bimodal.benchmark.certificate.feasibility import QUICK_EPISODES, InMode, acting, try_experts
from bimodal.benchmark.certificate.trials import TrialResult, run_trial
from bimodal.benchmark.report.pages import variants_page as page
from bimodal.benchmark.scoring.feasible_cells import (
    EPISODES,
    FOLDER,
    CellKey,
    FeasibilityCell,
    expert_fails,
    known_cells,
    load_cells,
    save_cell,
)
from bimodal.benchmark.suites import Suite
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.seed_ranges import VALIDATION
from bimodal.policies.experts import Tracking, sped_up
from bimodal.tasks import load_task
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from scoring import DUMBBELL, POST, bimodal

NAMES = ("actuation.delay", "contact.friction", "contact.knock_after", "start.joints")
"""Those that the tests of the command try."""
FRICTION = CellKey(DUMBBELL, "contact.friction", 1)
SAME_PLACE = "all modes grip in the same place"


# -------------------------------------------------------------------------------------------- one cell


def test_the_axes_that_concern_an_expert_are_those_that_change_the_world():
    assert set(perturbations()) - set(acting()) >= {"sensing.noise", "sensing.latency", "scene.lighting"}
    assert {"contact.friction", "start.joints", "actuation.delay", "horizon.short", "scene.size"} <= {
        *acting()
    }


@pytest.mark.parametrize(
    ("task", "name", "level", "success", "feasible"),
    [
        (DUMBBELL, "contact.friction", 1, 1.0, True),
        (DUMBBELL, "sensing.noise", 3, 1.0, True),
        ("PandaLiftMug-v1", "contact.slip", 3, 0.0, False),
    ],
)
def test_the_experts_are_tried_in_the_variant(task, name, level, success, feasible):
    """Slippery bars are held, poor sight is no concern of theirs, and a mug's rim slips off the fingers."""
    found = try_experts(CellKey(task, name, level), episodes=4)
    assert (found.success, found.feasible, found.reason) == (success, feasible, "")


@pytest.mark.parametrize(
    ("task", "name", "level"),
    [
        ("PandaPlaceEitherNest-v1", "contact.knock", 2),
        ("PandaPlaceEitherNest-v1", "start.joints", 2),
        ("PandaLiftMug-v1", "contact.knock", 3),
        ("PandaPickAroundPost-v1", "horizon.short", 3),
        ("TwoPandaHandover-v1", "contact.knock", 2),
    ],
)
def test_an_expert_that_follows_its_object_succeeds_in_spite_of(task, name, level):
    """What is knocked still gets to where it belongs; a start aside or little time is made up for."""
    assert try_experts(CellKey(task, name, level), episodes=12).success == 1.0


def test_the_expert_of_a_clean_world_that_stands_still_does_not_wait(monkeypatch):
    task, waited = load_task(DUMBBELL), []
    plain = Tracking._waits

    def watched(self):
        waited.append(plain(self))
        return waited[-1]

    monkeypatch.setattr(Tracking, "_waits", watched)
    assert run_trial(task, InMode(task, 1), VALIDATION[:4]).success.all()
    assert len(waited) > 20 and not np.any(waited)


def test_a_hurried_plan_takes_the_same_way_in_less_time():
    """A ramp of 10 steps in 5: every second value; in 4: every 2.5th; the gripper closes no earlier."""
    plan = np.tile(np.arange(1.0, 11.0)[:, None], (1, 10))[None]
    plan[..., 9] = np.where(np.arange(10) < 6, 0.08, -0.008)
    assert sped_up(plan, 10) is plan and sped_up(plan, 12) is plan
    assert (sped_up(plan, 5)[0, :, 0] == [2, 4, 6, 8, 10]).all()
    assert sped_up(plan, 4)[0, :, 0] == pytest.approx([2.5, 5, 7.5, 10])
    assert (sped_up(plan, 5)[0, :, 9] == [0.08, 0.08, 0.08, -0.008, -0.008]).all()
    assert set(np.unique(sped_up(plan, 7)[..., 9])) == {-0.008, 0.08}, "and never half-way"


def test_what_is_impossible_has_its_reason_and_is_not_tried(monkeypatch):
    monkeypatch.setattr(feasibility, "run_trial", None)
    found = try_experts(CellKey(POST, "contact.knock_after", 1))
    assert (found.reason, found.feasible) == (SAME_PLACE, False)


def outcome(success):
    empty = np.zeros(len(success))
    return TrialResult(np.array(success, bool), empty, empty, empty, empty, empty, empty, empty, empty)


def test_the_worst_mode_counts_without_the_episodes_in_which_it_is_blocked(monkeypatch):
    """Left: 3 of 4; right: blocked in the first two, 1 of the other 2."""
    success = {0: [1, 1, 1, 0], 1: [0, 0, 0, 1]}
    monkeypatch.setattr(feasibility, "run_trial", lambda task, policy, *a, **k: outcome(success[policy.mode]))
    monkeypatch.setattr(
        Variant, "blocked_mode", lambda self, task, seed: 1 if seed - VALIDATION.start < 2 else -1
    )
    assert try_experts(FRICTION, episodes=4).success == 0.5
    monkeypatch.setattr(Variant, "blocked_mode", lambda self, task, seed: 1)
    assert try_experts(FRICTION, episodes=4).success == 0.75, "always blocked: no figure"


def test_a_world_that_cannot_be_made_is_a_reason_and_no_crash(monkeypatch):
    def refuses(*arguments, **options):
        raise BimodalError("scene.size: no valid scene in 40 tries")

    monkeypatch.setattr(feasibility, "run_trial", refuses)
    found = try_experts(FRICTION, episodes=4)
    assert not found.feasible and found.reason == "scene.size: no valid scene in 40 tries"


# ------------------------------------------------------------------------------------ bimodal certify


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """Experts whose success is known; returns the list of the cells that were tried, with their episodes."""
    calls = []
    for module in (feasibility, page):
        monkeypatch.setattr(module, "acting", lambda: list(NAMES))
    monkeypatch.setattr(feasibility, "SUITES", {})

    def fake(key, episodes=EPISODES):
        task, name, level, magnitude = key
        calls.append((task, name, level if magnitude is None else magnitude, episodes))
        if magnitude is not None:
            return FeasibilityCell(task, name, level, 0.86, magnitude=magnitude)
        if (task, name) == (POST, "contact.knock_after"):
            return FeasibilityCell(task, name, level, 0.0, SAME_PLACE)
        return FeasibilityCell(task, name, level, {1: 1.0, 2: 0.9, 3: 0.84}[level])

    monkeypatch.setattr(feasibility, "try_experts", fake)
    monkeypatch.chdir(tmp_path)
    return calls


def certify(*arguments, capsys):
    return bimodal("certify", "--variants", "--workers", 1, *arguments, capsys=capsys)


def line(text, name):
    """Return the rest of a table's line that begins with the name of a perturbation."""
    found = [row.strip(" |").replace("`", "") for row in text.splitlines()]
    return [" ".join(row.removeprefix(name).split()) for row in found if row.startswith(f"{name} ")]


def test_every_cell_is_measured_once_and_printed(tried, capsys):
    code, out, err = certify(DUMBBELL, POST, capsys=capsys)
    assert (code, err) == (0, [])
    right = {(t, a, level, EPISODES) for t in (DUMBBELL, POST) for a in NAMES for level in (1, 2, 3)}
    assert set(tried) == right and len(tried) == len(right)
    for name in NAMES:
        post = "-[1] -[1] -[1]" if name == "contact.knock_after" else "100 90 84!"
        assert line(out, name) == [f"100 90 84! {post}"]
    assert f"[1] {SAME_PLACE}" in out and "95 % at level 1" in " ".join(out.split())
    tried.clear()
    assert certify(DUMBBELL, POST, capsys=capsys)[1] == out and tried == []
    certify(POST, "--fresh", capsys=capsys)
    assert {cell[0] for cell in tried} == {POST} and len(tried) == len(right) / 2


def test_magnitudes_of_the_suites_of_a_task_are_measured_too_and_marked_by_the_floor_of_level_3(
    tried, monkeypatch, capsys
):
    shifts = ("clean", "contact.friction=0.2", "contact.friction=0.4+start.joints=0.3", "sensing.latency=3")
    monkeypatch.setattr(feasibility, "SUITES", {"mine": Suite("mine", "1", (DUMBBELL,), range(4), shifts)})
    code, out, _ = certify(DUMBBELL, POST, capsys=capsys)
    assert code == 0 and len(tried) == len(set(tried)) == 2 * 3 * len(NAMES) + 3
    assert {cell[:3] for cell in tried if cell[2] not in (1, 2, 3)} == {
        (DUMBBELL, "contact.friction", 0.2),
        (DUMBBELL, "contact.friction", 0.4),
        (DUMBBELL, "start.joints", 0.3),
    }
    assert {cell[2] for cell in tried[: 2 * len(NAMES)]} == {3, 0.2, 0.3}, "the farthest first"
    assert line(out, "contact.friction=0.4, 0.2") == ["86 86 - -"]
    assert line(out, "start.joints=0.3") == ["86 -"]
    text = page.feasibility_section([DUMBBELL, POST], load_cells([DUMBBELL, POST]))
    assert line(text, "contact.friction=0.4, 0.2") == ["| 86 86 | - -"]
    assert expert_fails(load_cells([DUMBBELL]), DUMBBELL, "start.joints=0.3") is None
    tried.clear()
    assert certify(DUMBBELL, POST, capsys=capsys)[1] == out and tried == []


def test_the_experts_are_tried_at_a_magnitude():
    key = CellKey(DUMBBELL, "horizon.short", 3, 0.2)
    found = try_experts(key, episodes=4)
    assert (found.key, found.success, found.feasible) == (key, 0.0, False)
    assert expert_fails({key: found}, DUMBBELL, "contact.mass:1+horizon.short=0.2") == 0.0
    assert expert_fails({key: found}, DUMBBELL, "horizon.short:3") is None


def test_a_measurement_that_was_stopped_goes_on(tried, monkeypatch, capsys):
    fake = feasibility.try_experts

    def stopped(*arguments):
        if len(tried) == 7:
            raise KeyboardInterrupt
        return fake(*arguments)

    monkeypatch.setattr(feasibility, "try_experts", stopped)
    assert certify(DUMBBELL, capsys=capsys)[0] == 130
    first = list(tried)
    monkeypatch.setattr(feasibility, "try_experts", fake)
    assert certify(DUMBBELL, capsys=capsys)[0] == 0
    assert len(first) == 7 and len(tried) == len(set(tried)) == 3 * len(NAMES)


@pytest.mark.parametrize("what", ["magnitude", "task", "versions", "unit"])
def test_what_has_changed_is_measured_again(tried, monkeypatch, capsys, what):
    certify(DUMBBELL, capsys=capsys)
    tried.clear()
    every, friction = {(a, level) for a in NAMES for level in (1, 2, 3)}, perturbations()["contact.friction"]
    if what == "magnitude":
        monkeypatch.setattr(friction, "levels", (1.0, 0.75, 0.4, 0.3))
        again = {("contact.friction", 2)}
    elif what == "unit":
        monkeypatch.setattr(friction, "unit", "%")
        again = {("contact.friction", level) for level in (1, 2, 3)}
    elif what == "task":
        monkeypatch.setattr(LiftDumbbell, "success_height", 0.05)
        again = every
    else:
        monkeypatch.setattr("bimodal.benchmark.scoring.feasible_cells.versions", lambda: {"mujoco": "4.0.1"})
        again = every
    certify(DUMBBELL, capsys=capsys)
    assert {cell[1:3] for cell in tried} == again and len(tried) == len(again)


def test_a_quick_look_neither_reads_nor_keeps(tried, capsys):
    save_cell(FeasibilityCell(DUMBBELL, "contact.friction", 1, 0.0))
    before = {file: file.read_bytes() for file in FOLDER.iterdir()}
    code, out, _ = certify(DUMBBELL, "--quick", capsys=capsys)
    assert code == 0 and line(out, "contact.friction") == ["100 90 84!"]
    assert {cell[3] for cell in tried} == {QUICK_EPISODES} and len(tried) == 3 * len(NAMES)
    assert {file: file.read_bytes() for file in FOLDER.iterdir()} == before


@pytest.mark.parametrize("other", ["--controls", "--limits"])
def test_two_studies_at_once_are_refused_in_one_line(tried, capsys, other):
    code, _, err = certify(DUMBBELL, other, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "name one" in err[0] and tried == []


def test_the_page_shows_what_is_measured_and_dashes_for_the_rest(tried, capsys):
    certify(POST, capsys=capsys)
    code, _, _ = certify(POST, "--page", "variants.md", capsys=capsys)
    text = Path("variants.md").read_text()
    assert code == 0
    table = next(
        part for part in text.split("\n\n") if part.startswith("| perturbation |") and "Around Post" in part
    )
    column = [name.strip() for name in table.splitlines()[0].split("|")].index("Pick Around Post")
    cells = {row.split("|")[1].strip(" `"): row.split("|")[column].strip() for row in table.splitlines()[2:]}
    assert cells["contact.knock_after"] == "-[1] -[1] -[1]"
    assert {cells[name] for name in NAMES if name != "contact.knock_after"} == {"100 90 **84**"}
    assert f"- [1] {SAME_PLACE}" in text
    published = known_cells(own_names())
    tasks = {key.task for key in published}
    others = [(task, name) for task in tasks - {POST} for name in NAMES]
    unknown = [one for one in others if not any((*one, level, None) in published for level in (1, 2, 3))]
    levels = [row for row in text.splitlines() if row.startswith(tuple(f"| `{name}` |" for name in NAMES))]
    assert sum(cell.strip() == "- - -" for row in levels for cell in row.split("|")) == len(unknown)
    left = text.partition("Nothing is measured of ")[2].partition(".\n")[0]
    assert {name.strip("`") for name in left.split(", ")} == {*own_names()} - tasks
