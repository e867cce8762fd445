"""A file from outside imports what lies beside it, and shadows nothing."""

import sys

import pytest
from bimodal.envs.plugins import import_file as importing
from bimodal.envs.plugins.import_file import import_file


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(importing, "_FOLDERS", [])
    sys.modules.pop("nets_beside", None)


def plugin(folder, gain, code="from nets_beside import GAIN\ndef late():\n    import later_beside\n"):
    folder.mkdir()
    (folder / "nets_beside.py").write_text(f"GAIN = {gain}\n")
    (folder / "later_beside.py").write_text("")
    (folder / "queue.py").write_text("raise SystemError\n")
    (folder / "mine.py").write_text(code)
    return folder / "mine.py"


def test_a_file_imports_its_neighbours_while_and_after_it_is_imported(tmp_path):
    module = import_file(plugin(tmp_path / "a", 1), "policy")
    module.late()
    assert module.GAIN == 1


def test_two_files_have_each_its_own_helper_of_one_name(tmp_path):
    gains = [import_file(plugin(tmp_path / name, gain), "policy").GAIN for gain, name in enumerate("ab", 1)]
    assert gains == [1, 2]


def test_a_neighbour_shadows_nothing_of_the_standard_library(tmp_path):
    import queue

    sys.modules.pop("queue")
    try:
        found = import_file(plugin(tmp_path / "a", 1, "from queue import Queue\n"), "policy").Queue
        assert found.__module__ == "queue" and "SimpleQueue" in vars(sys.modules["queue"])
    finally:
        sys.modules["queue"] = queue
