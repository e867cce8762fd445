"""`bimodal check FOLDER --since REVISION`: what a pull request may add, and what it may not touch."""

import shutil
import subprocess

import pytest
from bimodal.leaderboard.verification.verify import archive_beside
from scoring import bimodal


def git(folder, *words):
    identity = ("-c", "user.name=Us", "-c", "user.email=us@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def board(submitted, tmp_path, capsys):
    """The entries of a repository, and a function that proposes what lies there; it returns the answer."""
    entries = tmp_path / "leaderboard" / "entries"
    entries.mkdir(parents=True)
    (tmp_path / "code.py").write_text("raise SystemExit('it ran')\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "before")

    def propose():
        git(tmp_path, "checkout", "-qb", "proposal")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", "proposal")
        code, out, _ = bimodal("check", entries, "--since", "main", capsys=capsys)
        return code, " ".join(out.split())

    return entries, propose


def add(submitted, entries):
    for file in (submitted, archive_beside(submitted)):
        shutil.copy(file, entries)


def test_an_entry_and_its_archive_may_be_added(submitted, board):
    entries, propose = board
    add(submitted, entries)
    code, out = propose()
    assert code == 0 and "sound" in out


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda entries: (entries.parents[1] / "code.py").write_text("1"), "code.py: is not in the folder"),
        (
            lambda entries: (entries / "notes.txt").write_text("1"),
            "is neither an entry nor its trace archive",
        ),
        (lambda entries: (entries / "smoke-expert.trace.npz").unlink(), "smoke-expert.trace.npz is missing"),
        (
            lambda entries: (entries / "smoke-expert.trace.npz").write_bytes(b"x"),
            "is another one than it names",
        ),
        (
            lambda entries: (entries / "smoke-expert.json").rename(entries / "mine.json"),
            "its file must be called smoke-expert.json",
        ),
        (lambda entries: (entries / "smoke-expert.json").write_text("{}"), "smoke-expert.json is unsound"),
    ],
    ids=["code", "notes", "no archive", "another archive", "another name", "unsound"],
)
def test_what_else_comes_with_it_is_told(submitted, board, change, problem):
    entries, propose = board
    add(submitted, entries)
    change(entries)
    code, out = propose()
    assert code == 1 and problem in out


def test_an_entry_that_is_there_is_not_changed(submitted, board):
    entries, propose = board
    add(submitted, entries)
    git(entries, "add", "-A")
    git(entries, "commit", "-qm", "an entry")
    (entries / "smoke-expert.trace.npz").write_bytes(b"x")
    code, out = propose()
    assert code == 1 and "smoke-expert.trace.npz: was changed or removed; entries are only added" in out


def test_a_revision_that_is_none(submitted, board, capsys):
    entries, _ = board
    add(submitted, entries)
    code, _, err = bimodal("check", entries, "--since", "nowhere", capsys=capsys)
    assert (code, len(err)) == (2, 1) and "git cannot say what changed" in err[0]
    assert bimodal("check", entries, capsys=capsys)[0] == 0
