"""The store of what was measured: found again by the same identity alone, and never half written."""

from pathlib import Path
from typing import NamedTuple

import pytest
from bimodal.benchmark.records.measurement_store import MeasurementStore
from bimodal.envs.errors import BimodalError

IDENTITY = {"versions": {"mujoco": "4.0.0"}, "seeds": (1, 2)}


class Cell(NamedTuple):
    name: str
    success: float


def store(folder, **changes):
    return MeasurementStore(folder / "deep" / "a.json", IDENTITY | changes, Cell)


def test_values_are_found_again_in_their_order_and_the_rest_is_missing(tmp_path):
    assert store(tmp_path).values() == {} and store(tmp_path).get("b") is None
    store(tmp_path).put("b", Cell("b", 0.1 + 0.2))
    store(tmp_path).put("a", Cell("a", 1.0))
    store(tmp_path).put("b", Cell("b", 0.5))
    assert list(store(tmp_path).values().items()) == [("b", Cell("b", 0.5)), ("a", Cell("a", 1.0))]
    assert store(tmp_path).missing(["c", "a", "d"]) == ["c", "d"]


def test_values_of_another_identity_do_not_count_and_make_way(tmp_path):
    store(tmp_path).put("a", Cell("a", 1.0))
    assert store(tmp_path, seeds=(1, 3)).values() == {}
    assert store(tmp_path).missing("a") == []
    store(tmp_path, seeds=(1, 3)).put("b", Cell("b", 0.0))
    assert store(tmp_path).missing("ab") == ["a", "b"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b'{"identity": 1}'])
def test_a_damaged_file_is_empty_and_can_be_written(tmp_path, damage):
    store(tmp_path).put("a", Cell("a", 1.0))
    store(tmp_path).file.write_bytes(damage)
    assert store(tmp_path).values() == {}
    store(tmp_path).put("a", Cell("a", 0.5))
    assert store(tmp_path).get("a") == Cell("a", 0.5)


def test_a_damaged_value_is_missing_and_the_others_stay(tmp_path):
    for name in "ab":
        store(tmp_path).put(name, Cell(name, 0.25))
    file = store(tmp_path).file
    file.write_text(file.read_text().replace("0.25", '"high"', 1))
    assert store(tmp_path).values() == {"b": Cell("b", 0.25)}


def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path, monkeypatch):
    store(tmp_path).put("a", Cell("a", 1.0))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BimodalError, match="No space left"):
        store(tmp_path).put("b", Cell("b", 1.0))
    assert list(store(tmp_path).values()) == ["a"]
    assert [file.name for file in store(tmp_path).file.parent.iterdir()] == ["a.json"]
