"""Printed boards that are kept: they come back for the same files alone, only from a folder of this user."""

import os
import sys
from pathlib import Path

import pytest
from bimodal.cli import kept_boards
from bimodal.cli import leaderboard as command
from bimodal.cli.kept_boards import Printed, board_key, keep_board, kept_board
from bimodal.envs.storage import user_cache
from bimodal.leaderboard.entry import write_entry
from fabricated_entries import make

ROOT = Path(__file__).parents[2]
BOARD = Printed("the board\n", ("a.json is unsound",), 0)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """The folder of kept boards, below an empty cache; no plug-in is asked for.

    A change in a folder of Python's path ends the use of a board, and other tests may write into ours.
    """
    places = [place for place in sys.path if "site-packages" in place or not Path(place).is_relative_to(ROOT)]
    monkeypatch.setattr(sys, "path", places)
    for name in [name for name in os.environ if name.startswith("BIMODAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(user_cache.platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache" / "boards"


@pytest.fixture
def folder(tmp_path):
    """A folder with the file of an entry, for which a board is store."""
    folder = tmp_path / "entries"
    folder.mkdir()
    (folder / "a.json").write_text("{}")
    keep_board(board_key([folder], 80), BOARD)
    assert kept_board(board_key([folder], 80)) == BOARD
    return folder


def test_the_second_call_prints_the_same_and_checks_nothing(tmp_path, bimodal, monkeypatch):
    for name, wins in (("low", 2), ("high", 15)):
        write_entry(make(tmp_path / "runs", name, wins), tmp_path / "entries")
    (tmp_path / "entries" / "a.json").write_text("{")
    first = bimodal("leaderboard", tmp_path / "entries")
    monkeypatch.setattr(command, "_board", None)
    assert bimodal("leaderboard", tmp_path / "entries") == first
    assert "high" in first[1] and "left out" in first[2][0]


def other_content(folder):
    (folder / "a.json").write_text("[]")


def one_more_file(folder):
    (folder / "b.json").write_text("{}")


def another_name(folder):
    (folder / "a.json").rename(folder / "b.json")


def more_than_an_entry(folder):
    (folder / "a.json").write_bytes(b" " * (kept_boards.MOST_BYTES + 1))


@pytest.mark.parametrize("change", [other_content, one_more_file, another_name, more_than_an_entry])
def test_a_board_of_other_files_is_not_taken(folder, change):
    change(folder)
    assert kept_board(board_key([folder], 80)) is None


def test_a_board_of_another_terminal_code_or_plug_in_is_not_taken(folder, monkeypatch):
    assert kept_board(board_key([folder], 100)) is None
    monkeypatch.setenv("BIMODAL_AXES", "my_axes.py")
    assert board_key([folder], 80) == ""
    monkeypatch.delenv("BIMODAL_AXES")
    monkeypatch.setattr(kept_boards, "_ROOMS", ("cli",))
    assert kept_board(board_key([folder], 80)) is None


def cut_off(store, file):
    file.write_bytes(file.read_bytes()[:-3])


def a_changed_letter(store, file):
    file.write_bytes(file.read_bytes().replace(b"board", b"hoard"))


def no_text(store, file):
    file.write_bytes(b"\xff\xfe")


def a_link(store, file):
    file.rename(store / "elsewhere")
    file.symlink_to(store / "elsewhere")


def a_pipe(store, file):
    file.unlink()
    os.mkfifo(file)


def writable_by_others(store, file):
    store.chmod(0o777)


def a_linked_folder(store, file):
    store.rename(store.with_name("elsewhere"))
    store.symlink_to(store.with_name("elsewhere"))


@pytest.mark.parametrize(
    "harm",
    [cut_off, a_changed_letter, no_text, a_link, a_pipe, writable_by_others, a_linked_folder],
)
def test_what_is_damaged_or_open_to_others_is_ignored(folder, store, harm):
    (file,) = store.iterdir()
    harm(store, file)
    assert kept_board(board_key([folder], 80)) is None


def test_the_folder_of_another_user_is_neither_read_nor_written(folder, store, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: store.stat().st_uid + 1)
    assert kept_board(board_key([folder], 80)) is None
    keep_board("another", BOARD)
    assert len(list(store.iterdir())) == 1


def test_few_boards_are_kept_those_that_were_used_last(store, monkeypatch):
    monkeypatch.setattr(kept_boards, "MOST_KEPT", 2)
    for time, key in enumerate(("one", "two")):
        keep_board(key, BOARD)
        os.utime(store / key, (time, time))
    assert kept_board("one") == BOARD, "used: now it is the later one"
    keep_board("three", BOARD)
    assert {path.name for path in store.iterdir()} == {"one", "three"}


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(folder, store):
    (file,) = store.iterdir()
    file.unlink()
    store.rmdir()
    store.write_text("a file in the way")
    keep_board(board_key([folder], 80), BOARD)
    assert kept_board(board_key([folder], 80)) is None
