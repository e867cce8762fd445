"""In which variants a task can still be done: the cells on disk and in the package, and what they mean."""

import json
from dataclasses import replace

import pytest
from bimodal.benchmark.scoring.feasible_cells import (
    FLOORS,
    PUBLISHED,
    CellKey,
    FeasibilityCell,
    expert_fails,
    known_cells,
    load_cells,
    publish,
    save_cell,
)
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from scoring import DUMBBELL, POST


def test_floors_fall_with_the_level_and_count_themselves_in():
    assert [FLOORS[level] for level in (1, 2, 3)] == [0.95, 0.90, 0.85]
    for level, floor in FLOORS.items():
        assert FeasibilityCell(DUMBBELL, "contact.friction", level, floor).feasible
        assert not FeasibilityCell(DUMBBELL, "contact.friction", level, floor - 1e-9).feasible


def test_a_cell_survives_its_file_beside_the_others(tmp_path):
    cells = [
        FeasibilityCell(DUMBBELL, "contact.friction", 1, 0.98),
        FeasibilityCell(DUMBBELL, "contact.friction", 2, 0.0, "why | not"),
        FeasibilityCell(POST, "contact.friction", 1, 1.0),
    ]
    for cell in (replace(cells[0], success=0.1), *cells):
        save_cell(cell, tmp_path)
    assert load_cells([DUMBBELL, POST], tmp_path) == {cell.key: cell for cell in cells}
    assert load_cells([POST], tmp_path) == {cells[2].key: cells[2]}


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"values": []}', "no name", "no figure", "bytes"])
def test_a_damaged_file_is_measured_again(tmp_path, damage):
    save_cell(FeasibilityCell(DUMBBELL, "contact.friction", 1, 1.0), tmp_path)
    file = tmp_path / f"{DUMBBELL}.json"
    content = json.loads(file.read_text())
    (value,) = content["values"].values()
    if damage == "no name":
        value["perturbation"] = "contact.frction"
    elif damage == "no figure":
        value["success"] = "high"
    file.write_bytes(b"\xff" if damage == "bytes" else b"")
    if damage != "bytes":
        file.write_text(json.dumps(content) if damage.startswith("no ") else damage)
    assert load_cells([DUMBBELL], tmp_path) == {}
    save_cell(cell := FeasibilityCell(DUMBBELL, "contact.friction", 1, 0.5), tmp_path)
    assert load_cells([DUMBBELL], tmp_path) == {cell.key: cell}


def test_what_is_published_counts_on_other_versions_but_not_for_another_task_or_magnitude(
    tmp_path, monkeypatch
):
    cells = [FeasibilityCell(DUMBBELL, "combo", 2, 0.5), FeasibilityCell(POST, "contact.friction", 1, 1.0)]
    for cell in cells:
        save_cell(cell, tmp_path)
    publish([POST, DUMBBELL], tmp_path, file := tmp_path / "all.json")
    nowhere, right = tmp_path / "nowhere", {cell.key: cell for cell in cells}
    assert known_cells([DUMBBELL, POST], nowhere, file) == right
    assert known_cells([POST], nowhere, file) == {cells[1].key: cells[1]}
    monkeypatch.setattr("bimodal.benchmark.scoring.feasible_cells.versions", lambda: {"mujoco": "4.0.1"})
    assert known_cells([DUMBBELL, POST], nowhere, file) == right
    save_cell(newer := replace(cells[1], success=0.2), nowhere)
    assert known_cells([POST], nowhere, file) == {newer.key: newer}, "what was measured here goes before it"
    monkeypatch.setattr(perturbations()["sensing.noise"], "levels", (0.0, 2.0, 6.0, 10.0))
    assert known_cells([DUMBBELL], nowhere, file) == {}, "another magnitude in the combination"
    monkeypatch.undo()
    monkeypatch.setattr(LiftDumbbell, "success_height", 0.05)
    assert known_cells([DUMBBELL], nowhere, file) == {}
    for damage in ("", "{", "[1]", '[{"task": 3}]'):
        file.write_text(damage)
        assert known_cells([POST], tmp_path / "empty", file) == {}


def test_of_a_mixture_the_weakest_part_counts():
    cells = {
        place: FeasibilityCell(*place[:3], success)
        for place, success in (
            (CellKey(DUMBBELL, "contact.friction", 1), 0.94),
            (CellKey(DUMBBELL, "contact.mass", 3), 0.85),
            (CellKey(DUMBBELL, "start.joints", 2), 0.2),
            (CellKey(DUMBBELL, "combo", 1), 0.5),
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


def test_what_comes_with_the_package_is_written_again_byte_for_byte(tmp_path):
    published = PUBLISHED.read_text()
    tasks = [content["task"] for content in json.loads(published)][:2]
    for cell in known_cells(tasks, tmp_path / "none").values():
        save_cell(cell, tmp_path)
    publish(tasks, tmp_path, file := tmp_path / "again.json")
    text = file.read_text()
    assert len(text) > 10_000 and published.startswith(text.removesuffix("\n]\n"))


def test_what_was_not_measured_again_stays_published(tmp_path):
    friction, noise, post = (
        FeasibilityCell(DUMBBELL, "contact.friction", 1, 0.98),
        FeasibilityCell(DUMBBELL, "sensing.noise", 1, 0.9),
        FeasibilityCell(POST, "contact.friction", 1, 1.0),
    )
    for cell in (friction, noise, post):
        save_cell(cell, tmp_path / "first")
    file = tmp_path / "feasible.json"
    publish([DUMBBELL, POST], tmp_path / "first", file)
    first = file.read_text()
    publish([DUMBBELL, POST], tmp_path / "nowhere", file)
    assert file.read_text() == first
    save_cell(again := replace(noise, success=0.5), tmp_path / "again")
    publish([DUMBBELL, POST], tmp_path / "again", file)
    found = known_cells([DUMBBELL, POST], tmp_path / "nowhere", file)
    assert found == {cell.key: cell for cell in (friction, again, post)}
    file.write_text(file.read_text().replace('"mujoco": "', '"mujoco": "0.'))
    publish([DUMBBELL], tmp_path / "again", file)
    found = known_cells([DUMBBELL, POST], tmp_path / "nowhere", file)
    assert found == {cell.key: cell for cell in (again, post)}, "of two versions the later alone"
