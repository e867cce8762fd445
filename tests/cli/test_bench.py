"""The main job's folder: what was made for other tasks goes, what was made for today's stays."""

import json

from bimodal.cli import bench
from rich.console import Console


def test_what_was_made_for_another_suite_is_discarded_and_nothing_else(tmp_path):
    console = Console(quiet=True)
    made = tmp_path / "flow" / "run.json"
    made.parent.mkdir()
    made.touch()
    for _ in range(2):
        bench._forget_other_suites(tmp_path, console)
        assert made.exists()
    note = tmp_path / "suite.json"
    content = json.loads(note.read_text())
    note.write_text(json.dumps({**content, "identity": {"core": "another suite"}}))
    bench._forget_other_suites(tmp_path, console)
    assert not made.exists() and json.loads(note.read_text()) == content
