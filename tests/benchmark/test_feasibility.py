"""In which variants a task can still be done: the cells, what is kept of them, and how they are shown.

docs/variants.md and benchmark/feasible.json are renewed from runs/feasibility by
`BIMODAL_WRITE_DOCS=1 python -m pytest tests/benchmark/test_feasibility.py -k docs`.
"""

import json
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.certificate import feasibility
from bimodal.benchmark.certificate.feasibility import (
    FLOORS,
    QUICK_SEEDS,
    SEEDS,
    Cell,
    InMode,
    Place,
    acting,
    try_experts,
)
from bimodal.benchmark.certificate.feasibility_store import (
    FOLDER,
    expert_fails,
    keep,
    kept,
    known,
    publish,
)
from bimodal.benchmark.certificate.trials import Outcome, trial
from bimodal.benchmark.report import variants_page as page
from bimodal.benchmark.report.variants_page import (
    axes_section,
    kinds_section,
    suites_section,
    variants_page,
)
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import BimodalError
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.envs.perturbations.core.variant import Variant
from bimodal.envs.seed_ranges import VALIDATION
from bimodal.policies.experts import Tracking, sped_up
from bimodal.tasks import load_task
from bimodal.tasks.core.registry import own_names
from bimodal.tasks.lift_dumbbell import LiftDumbbell

_scoring = runpy.run_path(str(Path(__file__).parents[1] / "scoring.py"))
DUMBBELL, POST, bimodal = _scoring["DUMBBELL"], _scoring["POST"], _scoring["bimodal"]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "variants.md"
AXES = ("actuation.delay", "contact.friction", "contact.knock_after", "start.joints")
"""Those that the tests of the command try."""
SAME_PLACE = "all modes grip in the same place"


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """Experts whose success is known; returns the list of the cells that were tried, with their episodes."""
    calls = []
    for module in (feasibility, page):
        monkeypatch.setattr(module, "acting", lambda: list(AXES))

    def fake(task, axis, level, seeds=SEEDS):
        calls.append((task, axis, level, seeds))
        if (task, axis) == (POST, "contact.knock_after"):
            return Cell(task, axis, level, 0.0, SAME_PLACE)
        return Cell(task, axis, level, {1: 1.0, 2: 0.9, 3: 0.84}[level])

    monkeypatch.setattr(feasibility, "try_experts", fake)
    monkeypatch.chdir(tmp_path)
    return calls


def certify(*arguments, capsys):
    return bimodal("certify", "--variants", "--workers", 1, *arguments, capsys=capsys)


def line(text, axis):
    """Return the rest of a table's line that begins with the name of an axis."""
    found = [row.strip(" |").replace("`", "") for row in text.splitlines()]
    return [" ".join(row.removeprefix(axis).split()) for row in found if row.startswith(f"{axis} ")]


# -------------------------------------------------------------------------------------------- one cell


def test_the_axes_that_concern_an_expert_are_those_that_change_the_world():
    assert set(perturbations()) - set(acting()) >= {"sensing.noise", "sensing.latency", "scene.lighting"}
    assert {"contact.friction", "start.joints", "actuation.delay", "horizon.short", "scene.size"} <= {
        *acting()
    }


@pytest.mark.parametrize(
    ("task", "axis", "level", "success", "feasible"),
    [
        (DUMBBELL, "contact.friction", 1, 1.0, True),
        (DUMBBELL, "sensing.noise", 3, 1.0, True),
        ("PandaLiftMug-v1", "contact.slip", 3, 0.0, False),
    ],
)
def test_the_experts_are_tried_in_the_variant(task, axis, level, success, feasible):
    """Slippery bars are held, poor sight is no concern of theirs, and a mug's rim slips off the fingers."""
    found = try_experts(task, axis, level, seeds=4)
    assert (found.success, found.feasible, found.reason) == (success, feasible, "")


@pytest.mark.parametrize(
    ("task", "axis", "level"),
    [
        ("PandaPlaceEitherNest-v1", "contact.knock", 2),
        ("PandaPlaceEitherNest-v1", "start.joints", 2),
        ("PandaLiftMug-v1", "contact.knock", 3),
        ("PandaPickAroundPost-v1", "horizon.short", 3),
        ("TwoPandaHandover-v1", "contact.knock", 2),
    ],
)
def test_an_expert_that_follows_its_object_succeeds_in_spite_of(task, axis, level):
    """What is knocked still gets to where it belongs; a start aside or little time is made up for."""
    assert try_experts(task, axis, level, seeds=12).success == 1.0


def test_the_expert_of_a_clean_world_that_stands_still_does_not_wait(monkeypatch):
    task, waited = load_task(DUMBBELL), []
    plain = Tracking._waits

    def watched(self):
        waited.append(plain(self))
        return waited[-1]

    monkeypatch.setattr(Tracking, "_waits", watched)
    assert trial(task, InMode(task, 1), VALIDATION[:4]).success.all()
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
    monkeypatch.setattr(feasibility, "trial", None)
    found = try_experts(POST, "contact.knock_after", 1)
    assert (found.reason, found.feasible) == (SAME_PLACE, False)


def outcome(success):
    empty = np.zeros(len(success))
    return Outcome(np.array(success, bool), empty, empty, empty, empty, empty, empty)


def test_the_worst_mode_counts_without_the_episodes_in_which_it_is_blocked(monkeypatch):
    """Left: 3 of 4; right: blocked in the first two, 1 of the other 2."""
    success = {0: [1, 1, 1, 0], 1: [0, 0, 0, 1]}
    monkeypatch.setattr(feasibility, "trial", lambda task, policy, *a, **k: outcome(success[policy.mode]))
    monkeypatch.setattr(Variant, "blocked", lambda self, task, seed: 1 if seed - VALIDATION.start < 2 else -1)
    assert try_experts(DUMBBELL, "contact.friction", 1, seeds=4).success == 0.5
    monkeypatch.setattr(Variant, "blocked", lambda self, task, seed: 1)
    assert try_experts(DUMBBELL, "contact.friction", 1, seeds=4).success == 0.75, "always blocked: no figure"


def test_a_world_that_cannot_be_made_is_a_reason_and_no_crash(monkeypatch):
    def refuses(*arguments, **options):
        raise BimodalError("scene.size: no valid scene in 40 tries")

    monkeypatch.setattr(feasibility, "trial", refuses)
    found = try_experts(DUMBBELL, "contact.friction", 1, seeds=4)
    assert not found.feasible and found.reason == "scene.size: no valid scene in 40 tries"


def test_floors_fall_with_the_level_and_count_themselves_in():
    assert [FLOORS[level] for level in (1, 2, 3)] == [0.95, 0.90, 0.85]
    for level, floor in FLOORS.items():
        assert Cell(DUMBBELL, "contact.friction", level, floor).feasible
        assert not Cell(DUMBBELL, "contact.friction", level, floor - 1e-9).feasible


# ------------------------------------------------------------------------------------ bimodal certify


def test_every_cell_is_measured_once_and_printed(tried, capsys):
    code, out, err = certify(DUMBBELL, POST, capsys=capsys)
    assert (code, err) == (0, [])
    right = {(t, a, level, SEEDS) for t in (DUMBBELL, POST) for a in AXES for level in (1, 2, 3)}
    assert set(tried) == right and len(tried) == len(right)
    for axis in AXES:
        post = "-[1] -[1] -[1]" if axis == "contact.knock_after" else "100 90 84!"
        assert line(out, axis) == [f"100 90 84! {post}"]
    assert f"[1] {SAME_PLACE}" in out and "95 % at level 1" in " ".join(out.split())
    tried.clear()
    assert certify(DUMBBELL, POST, capsys=capsys)[1] == out and tried == []
    certify(POST, "--fresh", capsys=capsys)
    assert {cell[0] for cell in tried} == {POST} and len(tried) == len(right) / 2


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
    assert len(first) == 7 and len(tried) == len(set(tried)) == 3 * len(AXES)


@pytest.mark.parametrize("what", ["magnitude", "task", "versions", "unit"])
def test_what_has_changed_is_measured_again(tried, monkeypatch, capsys, what):
    certify(DUMBBELL, capsys=capsys)
    tried.clear()
    every, friction = {(a, level) for a in AXES for level in (1, 2, 3)}, perturbations()["contact.friction"]
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
        monkeypatch.setattr(
            "bimodal.benchmark.certificate.feasibility_store.versions", lambda: {"mujoco": "4.0.1"}
        )
        again = every
    certify(DUMBBELL, capsys=capsys)
    assert {cell[1:3] for cell in tried} == again and len(tried) == len(again)


def test_a_quick_look_neither_reads_nor_keeps(tried, capsys):
    keep(Cell(DUMBBELL, "contact.friction", 1, 0.0))
    before = {file: file.read_bytes() for file in FOLDER.iterdir()}
    code, out, _ = certify(DUMBBELL, "--quick", capsys=capsys)
    assert code == 0 and line(out, "contact.friction") == ["100 90 84!"]
    assert {cell[3] for cell in tried} == {QUICK_SEEDS} and len(tried) == 3 * len(AXES)
    assert {file: file.read_bytes() for file in FOLDER.iterdir()} == before


@pytest.mark.parametrize("other", ["--controls", "--limits"])
def test_two_studies_at_once_are_refused_in_one_line(tried, capsys, other):
    code, _, err = certify(DUMBBELL, other, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "leave one out" in err[0] and tried == []


# -------------------------------------------------------------------------------------------- on disk


def test_a_cell_survives_its_file_beside_the_others(tmp_path):
    cells = [
        Cell(DUMBBELL, "contact.friction", 1, 0.98),
        Cell(DUMBBELL, "contact.friction", 2, 0.0, "why | not"),
        Cell(POST, "contact.friction", 1, 1.0),
    ]
    for cell in (cells[0]._replace(success=0.1), *cells):
        keep(cell, tmp_path)
    assert kept([DUMBBELL, POST], tmp_path) == {cell.place: cell for cell in cells}
    assert kept([POST], tmp_path) == {cells[2].place: cells[2]}


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"cells": []}', "no axis", "no figure", "bytes"])
def test_a_damaged_file_is_measured_again(tmp_path, damage):
    keep(Cell(DUMBBELL, "contact.friction", 1, 1.0), tmp_path)
    file = tmp_path / f"{DUMBBELL}.json"
    content = json.loads(file.read_text())
    if damage == "no axis":
        content["cells"][0]["axis"] = "contact.frction"
    elif damage == "no figure":
        content["cells"][0]["success"] = "high"
    file.write_bytes(b"\xff" if damage == "bytes" else b"")
    if damage != "bytes":
        file.write_text(json.dumps(content) if damage.startswith("no ") else damage)
    assert kept([DUMBBELL], tmp_path) == {}
    keep(cell := Cell(DUMBBELL, "contact.friction", 1, 0.5), tmp_path)
    assert kept([DUMBBELL], tmp_path) == {cell.place: cell}


# ------------------------------------------------------------------------------------------------ page


def test_the_page_shows_what_is_measured_and_dashes_for_the_rest(tried, capsys):
    certify(POST, capsys=capsys)
    code, _, _ = certify(POST, "--page", "variants.md", capsys=capsys)
    text = Path("variants.md").read_text()
    assert code == 0
    table = next(part for part in text.split("\n\n") if part.startswith("| axis |") and "Around Post" in part)
    column = [name.strip() for name in table.splitlines()[0].split("|")].index("Pick Around Post")
    cells = {row.split("|")[1].strip(" `"): row.split("|")[column].strip() for row in table.splitlines()[2:]}
    assert cells.pop("contact.knock_after") == "-[1] -[1] -[1]"
    assert set(cells) == {*AXES} - {"contact.knock_after"} and set(cells.values()) == {"100 90 **84**"}
    assert f"- [1] {SAME_PLACE}" in text
    assert text.count("- - -") == len(AXES) * (len(own_names()) - 1)


def test_the_page_says_magnitudes_units_and_where_an_axis_acts():
    text = axes_section()
    for name, axis in perturbations().items():
        (row,) = [row for row in text.splitlines() if row.startswith(f"| `{name}` |")]
        parts = [part.strip() for part in row.split("|")][1:-1]
        assert parts[-1] == axis.unit and [float(part) for part in parts[-4:-1]] == [*axis.levels[1:]]
        assert parts[1] == " ".join(axis.__doc__.split()) and parts[2]
    (row,) = [row for row in text.splitlines() if row.startswith("| `contact.slip` |")]
    assert "| numbers of the physics, the running simulation |" in row
    (row,) = [row for row in text.splitlines() if row.startswith("| `sensing.latency` |")]
    assert "| what the policy sees | 1 | 2 | 4 | control steps |" in row


def test_the_page_lists_the_variants_of_every_suite():
    for name, suite in SUITES.items():
        (row,) = [row for row in suites_section().splitlines() if row.startswith(f"| `{name}` |")]
        assert f"{len(suite.seeds)} clean, {len(suite.panel(suite.variants[-1]))} shifted" in row
        named = all(f"`{variant}`" in row for variant in suite.variants[1:])
        assert named or "every axis and the combination at every level" in row


def test_what_is_published_counts_on_other_versions_but_not_for_another_task_or_magnitude(
    tmp_path, monkeypatch
):
    cells = [Cell(DUMBBELL, "combo", 2, 0.5), Cell(POST, "contact.friction", 1, 1.0)]
    for cell in cells:
        keep(cell, tmp_path)
    publish([POST, DUMBBELL], tmp_path, file := tmp_path / "all.json")
    nowhere, right = tmp_path / "nowhere", {cell.place: cell for cell in cells}
    assert known([DUMBBELL, POST], nowhere, file) == right
    assert known([POST], nowhere, file) == {cells[1].place: cells[1]}
    monkeypatch.setattr(
        "bimodal.benchmark.certificate.feasibility_store.versions", lambda: {"mujoco": "4.0.1"}
    )
    assert known([DUMBBELL, POST], nowhere, file) == right
    keep(newer := cells[1]._replace(success=0.2), nowhere)
    assert known([POST], nowhere, file) == {newer.place: newer}, "what was measured here goes before it"
    monkeypatch.setattr(perturbations()["sensing.noise"], "levels", (0.0, 2.0, 6.0, 10.0))
    assert known([DUMBBELL], nowhere, file) == {}, "another magnitude in the combination"
    monkeypatch.undo()
    monkeypatch.setattr(LiftDumbbell, "success_height", 0.05)
    assert known([DUMBBELL], nowhere, file) == {}
    for damage in ("", "{", "[1]", '[{"task": 3}]'):
        file.write_text(damage)
        assert known([POST], tmp_path / "empty", file) == {}


def test_of_a_mixture_the_weakest_part_counts():
    cells = {
        place: Cell(*place, success)
        for place, success in (
            (Place(DUMBBELL, "contact.friction", 1), 0.94),
            (Place(DUMBBELL, "contact.mass", 3), 0.85),
            (Place(DUMBBELL, "start.joints", 2), 0.2),
            (Place(DUMBBELL, "combo", 1), 0.5),
        )
    }
    for variant, figure in (
        ("contact.friction:1", 0.94),
        ("contact.mass:3", None),
        ("contact.friction:1+start.joints:2", 0.2),
        ("combo:1+start.joints:2", 0.2),
        ("combo:1", 0.5),
        ("contact.friction:2", None),
        ("clean", None),
    ):
        assert expert_fails(cells, DUMBBELL, variant) == figure, variant
    assert expert_fails(cells, POST, "combo:1") is None


def test_a_page_of_nothing_measured_is_a_page():
    text = variants_page([DUMBBELL], {})
    assert line(text, "contact.friction")[-1] == "| - - -" and "[1]" not in text.split("impossible for")[1]
    low = variants_page([DUMBBELL], {Place(DUMBBELL, "contact.friction", 3): Cell(DUMBBELL, "", 3, 0.2)})
    assert line(low, "contact.friction")[-1] == "| - - **20**"


def test_the_page_in_docs_is_of_the_present_axes_and_suites():
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        PAGE.write_text(variants_page(own_names(), kept(own_names(), ROOT / FOLDER)))
        publish(own_names(), ROOT / FOLDER)
    text, advice = PAGE.read_text(), "docs/variants.md is old; see this file's first lines"
    assert all(part() in text for part in (axes_section, kinds_section, suites_section)), advice
