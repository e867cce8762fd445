"""Marks beside the entries: what maintainers found out, kept in one file."""

import json

import pytest
from bimodal.cli.arguments import ENTRIES
from bimodal.envs.errors import BimodalError
from bimodal.leaderboard.check import check_entry
from bimodal.leaderboard.entry import read_entry
from bimodal.leaderboard.marks import Mark, add_mark, known_marks, read_marks

SHIPPED = sorted(ENTRIES.glob("*.json"))


def test_a_mark_brings_nothing_back_that_was_withdrawn(tmp_path):
    file = tmp_path / "marks.json"
    mark = Mark(level="replayed", by="Us", date="2026-11-29", found="all", withdrawn="trained on the panel")
    add_mark("ab" * 32, mark, file)
    add_mark("ab" * 32, mark.model_copy(update={"level": "reproduced", "withdrawn": None}), file)
    add_mark("ab" * 32, mark.model_copy(update={"found": "again"}), file)
    (kept,) = read_marks(file).values()
    assert (kept.level, kept.withdrawn, kept.found) == ("reproduced", "trained on the panel", "all")
    assert "progress" not in json.loads(file.read_text())["ab" * 32]
    far = mark.model_copy(update={"level": "reproduced", "progress": {"PandaLiftPot-v1": 0.25}})
    for after in (far, far.model_copy(update={"progress": None})):
        add_mark("ab" * 32, after, file)
        assert read_marks(file)["ab" * 32].progress == {"PandaLiftPot-v1": 0.25}, "what was measured stays"
    file.write_text('{"x": 1}')
    with pytest.raises(BimodalError, match="is damaged"):
        read_marks(file)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_entry_with_a_mark_is_sound(path):
    raw = json.loads(path.read_text())
    assert raw["entry_id"] in known_marks()
    assert check_entry(raw) == [], "a board reads it without this check"
    assert read_entry(path).plain() == raw


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"authors": ["Somebody else"]}, "entry_id: is "),
        ({"created": "2026-02-30T00:00:00+00:00"}, "created"),
        ({"entry_id": ["a"]}, "entry_id"),
    ],
)
def test_nothing_else_may_borrow_a_mark(changed, problem, tmp_path):
    raw = json.loads(SHIPPED[0].read_text()) | changed
    forged = tmp_path / "entry.json"
    forged.write_text(json.dumps(raw))
    with pytest.raises(BimodalError, match=problem):
        read_entry(forged)
