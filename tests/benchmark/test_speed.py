"""The speed benchmark: what it compares and how, never how fast this machine is."""

import json

import mujoco
import numpy as np
import pytest
from bimodal.benchmark.provenance import machine
from bimodal.benchmark.speed import peer_rows as peer_module
from bimodal.benchmark.speed import speed as module
from bimodal.benchmark.speed.measure import SpeedRow, alternate, median_ratio
from bimodal.benchmark.speed.other_physics import Physics, with_meshes
from bimodal.benchmark.speed.peer_rows import TASK, peer_rows
from bimodal.benchmark.speed.speed import speed, speed_table
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.robot.panda import COLLISION_GROUP
from bimodal.tasks import load_task
from rich.console import Console


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    peer = tmp_path_factory.mktemp("peer") / "peer.json"
    peer.write_text(json.dumps({"control_steps_per_second_per_core": 200.0}))
    told = []
    return list(speed(peer, quick=True, progress=told.append)), told


@pytest.mark.slow
def test_every_row_has_a_finite_value_and_a_name_of_its_own(quick):
    rows, told = quick
    assert len({row.name for row in rows}) == len(rows) >= 6
    assert all(np.isfinite(row.value) and row.value >= 0 for row in rows)
    assert all(row.value > 0 for row in rows if row.unit == "x")
    assert told == ["evaluator", "tasks", "variants", "peer", "physics", "batch"]


def test_a_part_is_measured_alone_and_its_rows_come_one_by_one(monkeypatch):
    came = []

    def rows(_):
        for number in range(2):
            came.append(number)
            yield SpeedRow(f"row {number}", 1.0, "x")

    monkeypatch.setitem(module.PARTS, "batch", rows)
    measured = speed(only=("batch",))
    assert next(measured).name == "row 0" and came == [0]
    assert [row.name for row in measured] == ["row 1"]
    with pytest.raises(WrongUse, match="unknown part 'bach': did you mean batch"):
        next(speed(only=("bach",)))


def test_what_was_measured_is_kept_when_it_is_stopped(monkeypatch, bimodal, tmp_path):
    def rows(_):
        yield SpeedRow("first", 2.5, "x", 3.0, note="behind it")
        raise WrongUse("stopped")

    monkeypatch.setitem(module.PARTS, "batch", rows)
    file = tmp_path / "runs" / "speed.jsonl"
    code, _, err = bimodal("speed", "--only", "batch", "--out", file)
    assert (code, err) == (2, ["first: 2.5 x (>= 3); behind it", "bimodal: stopped"])
    (row,) = map(json.loads, file.read_text().splitlines())
    assert (row["name"], row["value"], row["target"]) == ("first", 2.5, 3.0)


@pytest.mark.slow
def test_the_peer_is_divided_by(quick):
    row = next(row for row in quick[0] if row.name == "evaluator / robosuite's Lift")
    ours, peer = (float(word.replace(",", "")) for word in row.note.split(" control")[0].split(" / "))
    assert peer == 200.0 and row.target == 15.0
    assert row.value == pytest.approx(ours / peer, rel=0.01)


@pytest.mark.slow
def test_neither_time_step_nor_shapes_change_an_outcome(quick):
    (row,) = (row for row in quick[0] if "outcomes that time step" in row.name)
    assert row.value == 0 and row.met, row.note
    for physics in ("5 ms", "2 ms", "2 ms, mesh shapes"):
        assert f"8/8, 0/8 at {physics}" in row.note


@pytest.mark.slow
def test_the_table_names_the_processor_and_shows_every_row(quick):
    console = Console(width=300)
    with console.capture() as caught:
        console.print(speed_table(quick[0]))
    text = caught.get()
    assert machine()["cpu"] in text
    assert all(row.name in text and row.note in text for row in quick[0])
    assert ">= 15" in text and "<= 0" in text


def test_the_peer_is_run_where_it_is_built_and_left_out_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(peer_module, "_ROOT", tmp_path)
    assert peer_rows(None, rounds=1, episodes=4, may_run=True) == []
    python, script = tmp_path / ".peers/bin/python", tmp_path / "tools/peer_lift.py"
    for file in (python, script):
        file.parent.mkdir(parents=True)
    script.touch()
    python.write_text("#!/bin/sh\necho '{\"control_steps_per_second_per_core\": 100.0}'\n")
    python.chmod(0o755)
    assert len(peer_rows(None, rounds=1, episodes=4, may_run=True)) == 3
    assert peer_rows(None, rounds=1, episodes=4, may_run=False) == []
    python.write_text("#!/bin/sh\necho 'no robosuite here' >&2; exit 3\n")
    with pytest.raises(BimodalError, match="no robosuite here"):
        peer_rows(None, rounds=1, episodes=4, may_run=True)


def test_a_damaged_answer_of_the_peer_is_told(tmp_path):
    bad = tmp_path / "peer.json"
    bad.write_text("{}")
    for path, words in ((bad, "did not give the JSON"), (tmp_path / "none.json", "cannot read")):
        with pytest.raises(WrongUse, match=words):
            peer_rows(path, rounds=1, episodes=4, may_run=False)


# ------------------------------------------------------------------------------------------ method


def test_sides_are_measured_in_turn():
    calls = []

    def side(name, values):
        numbers = iter(values)
        return lambda: calls.append(name) or next(numbers)

    found = alternate({"a": side("a", [1.0, 2.0, 9.0]), "b": side("b", [2.0, 8.0, 9.0])}, 3)
    assert calls == ["a", "b"] * 3
    assert median_ratio(found["a"], found["b"]) == 0.5


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (SpeedRow("a", 0.9, "x", 0.85), True),
        (SpeedRow("a", 0.8, "x", 0.85), False),
        (SpeedRow("a", 59.0, "s", 60, at_most=True), True),
        (SpeedRow("a", 61.0, "s", 60, at_most=True), False),
        (SpeedRow("a", 1.0, "x"), None),
    ],
)
def test_a_target_is_met_or_not(row, met):
    assert row.met is met


def test_mesh_shapes_replace_the_lean_ones_and_nothing_else():
    lean, full = load_task(TASK).spec().compile(), with_meshes(load_task(TASK).spec()).compile()
    assert np.array_equal(lean.body_mass, full.body_mass) and lean.nq == full.nq

    def robot(model):
        own = [
            i for i in range(model.ngeom) if model.geom_group[i] == COLLISION_GROUP and model.geom_bodyid[i]
        ]
        return [mujoco.mjtGeom(model.geom_type[i]).name for i in own], model.geom_conaffinity[own]

    kinds, _ = robot(full)
    assert kinds.count("mjGEOM_MESH") == 11 and kinds.count("mjGEOM_BOX") == 2, (
        "eight links, hand, fingers; two pads"
    )
    assert "mjGEOM_MESH" not in robot(lean)[0]
    assert (robot(full)[1] == 1).all()
    assert str(Physics(0.002, meshes=True)) == "2 ms, mesh shapes"
