"""Folders of entries: what cannot stand on the board costs itself alone, and is told why."""

import json
import shutil
import subprocess
import sys

import pytest
from bimodal.envs.errors import WrongUse
from bimodal.leaderboard.entry import file_name, write_entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.folders import read_folders
from fabricated_entries import make, write


@pytest.fixture
def folder(tmp_path):
    """A folder of two sound entries."""
    for name, wins in (("low", 2), ("high", 15)):
        write_entry(make(tmp_path / "runs", name, wins), tmp_path / "entries")
    return tmp_path / "entries"


def names(found):
    return [entry.policy.name for entry in found.entries]


def renamed(raw, name):
    """The entry as if it were of a policy in a file of that name."""
    policy = {"name": name, "uri": f"{name}.py:{name}", "class": name, "artifacts": {f"{name}.py": "0" * 64}}
    raw = raw | {"policy": raw["policy"] | policy}
    return raw | {"entry_id": entry_id(raw)}


def test_several_folders_make_one_board(folder, tmp_path):
    write_entry(make(tmp_path / "runs", "third", 9), tmp_path / "more")
    assert names(read_folders([folder, tmp_path / "more"])) == ["high", "low", "third"]


@pytest.mark.parametrize("content", ["{", "[]", "{}", "\udcff"])
def test_a_damaged_file_costs_itself_alone(folder, content):
    (folder / "a.json").write_text(content, errors="surrogateescape")
    found = read_folders([folder])
    assert names(found) == ["high", "low"]
    (line,) = found.left_out
    assert str(folder / "a.json") in line


def test_hidden_files_and_other_files_are_not_read(folder):
    for name in ("._smoke-low.json", ".#smoke-low.json", "notes.txt"):
        (folder / name).write_text("{")
    (folder / "sub.json").mkdir()
    assert not read_folders([folder]).left_out


def test_a_copied_file_is_no_second_rival(folder):
    shutil.copy(folder / "smoke-low.json", folder / "smoke-low (2).json")
    found = read_folders([folder])
    assert names(found) == ["high", "low"]
    assert found.left_out == (f"{folder}/smoke-low.json is a copy of {folder}/smoke-low (2).json",)


def test_names_that_read_alike_do_not_stand_side_by_side(folder, tmp_path):
    write(renamed(make(tmp_path / "runs", "other", 7).plain(), "HIGH"), tmp_path / "more")
    (line,) = read_folders([folder, tmp_path / "more"]).left_out
    assert line.endswith(f"has the name of {folder}/smoke-high.json: HIGH, high")


def test_the_episodes_of_another_policy_are_a_copy(folder, tmp_path):
    write(renamed(json.loads((folder / "smoke-high.json").read_text()), "Thief"), tmp_path / "more")
    (line,) = read_folders([folder, tmp_path / "more"]).left_out
    assert line.endswith(
        f"holds the episodes of {folder}/smoke-high.json, whose policy is made of other files"
    )


def test_an_edited_entry_is_named_with_what_is_wrong(folder):
    edited = json.loads((folder / "smoke-low.json").read_text())
    edited["results"][0]["successes"] = 16
    (folder / "smoke-low.json").write_text(json.dumps(edited))
    (line,) = read_folders([folder]).left_out
    assert line.startswith(f"{folder}/smoke-low.json is unsound: ") and "successes is 16" in line


def test_a_folder_that_is_none_is_wrong_use(tmp_path):
    assert read_folders([tmp_path]) == ((), ())
    with pytest.raises(WrongUse, match="is not a folder of entries"):
        read_folders([tmp_path / "nowhere"])


def test_the_board_loads_no_library_that_it_does_not_need():
    program = "import sys; from bimodal.leaderboard import board_table, folders; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in out.split()}
    assert not loaded & {"scipy", "torch", "pandas", "matplotlib", "jinja2"}


@pytest.mark.parametrize(
    ("suite", "version", "policy", "name"),
    [
        ("core", "2", "vision_flow", "core-vision-flow.json"),
        ("core-vision", "1", "flow", "core_vision-flow.json"),
        ("hard", "1", "flow", "hard-flow.json"),
        ("hard", "2", "flow", "hard-2-flow.json"),
        ("hard", "3", "flow", "hard-3-flow.json"),
        ("hard", "4", "flow", "hard-4-flow.json"),
        ("core*", "2", "safe(Mine)", "core-part-safe-mine.json"),
        ("../x", "1", "../y", "x-y.json"),
    ],
)
def test_no_two_suites_and_no_two_versions_share_the_file_of_an_entry(sound, suite, version, policy, name):
    changes = {"suite": {"name": suite, "version": version}, "policy": {"name": policy}}
    parts = {part: getattr(sound, part).model_copy(update=new) for part, new in changes.items()}
    assert file_name(sound.model_copy(update=parts)) == name
