"""Marks beside the entries: what maintainers found out, kept in one file."""

import pytest
from bimodal.envs.errors import BimodalError
from bimodal.leaderboard.marks import Mark, add_mark, read_marks


def test_a_mark_brings_nothing_back_that_was_withdrawn(tmp_path):
    file = tmp_path / "marks.json"
    mark = Mark(level="replayed", by="Us", date="2026-11-29", found="all", withdrawn="trained on the panel")
    add_mark("ab" * 32, mark, file)
    add_mark("ab" * 32, mark.model_copy(update={"level": "reproduced", "withdrawn": None}), file)
    add_mark("ab" * 32, mark.model_copy(update={"found": "again"}), file)
    (kept,) = read_marks(file).values()
    assert (kept.level, kept.withdrawn, kept.found) == ("reproduced", "trained on the panel", "all")
    file.write_text('{"x": 1}')
    with pytest.raises(BimodalError, match="is damaged"):
        read_marks(file)
