"""Where the code of an entry's policy is looked for, and that nothing is imported before it is compared."""

import sys
from hashlib import sha256
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.suites import SUITES
from bimodal.envs.errors import NotComparable, WrongUse
from bimodal.leaderboard.entry import portable_uri
from bimodal.leaderboard.files import entry_id, pretty
from bimodal.leaderboard.verification.policy_source import checked_uri
from bimodal.leaderboard.verification.reproduce import Part, part_of, reproduce
from fabricated_entries import DUMBBELL, make

CODE = "raise SystemExit('it was imported')\n"
DIGEST = {"mine.py": sha256(CODE.encode()).hexdigest()}


@pytest.fixture
def policy(sound, tmp_path, monkeypatch):
    """Return a function that gives the entry's policy a URI and artifacts; the working directory is empty."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def of(uri, artifacts=DIGEST):
        return sound.policy.model_copy(update={"uri": uri, "artifacts": artifacts})

    return of


@pytest.mark.parametrize("uri", ["mine.py:Mine", "safe(mine.py:Mine)", "policies/mine.py:Mine"])
@pytest.mark.parametrize("place", ["work", "work/policies", "entries", "entries/policies"])
def test_the_file_is_found_here_and_beside_the_entry_by_its_sha256(policy, tmp_path, uri, place):
    if place == "work/policies" and "/" not in uri:
        place = "entries"
    file = tmp_path / place / "mine.py"
    if (place == "work" and "/" in uri) or (place == "entries/policies" and "/" not in uri):
        file = tmp_path / "entries" / "mine.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CODE)
    found = checked_uri(tmp_path / "entries" / "e.json", policy(uri))
    path = Path(found.removeprefix("safe(").removesuffix(")").rpartition(":")[0])
    assert path.resolve() == file and found.startswith("safe(") == uri.startswith("safe(")


def test_another_file_here_does_not_hide_the_right_one(policy, tmp_path):
    Path("mine.py").write_text("other = 1\n")
    (tmp_path / "mine.py").write_text(CODE)
    assert checked_uri(tmp_path / "e.json", policy("mine.py:Mine")) == f"{tmp_path / 'mine.py'}:Mine"


def test_the_file_is_taken_where_the_user_says(policy, tmp_path):
    told = tmp_path / "renamed.py"
    told.write_text(CODE)
    assert checked_uri(tmp_path / "e.json", policy("mine.py:Mine"), told) == f"{told}:Mine"
    with pytest.raises(WrongUse, match="is no file"):
        checked_uri(tmp_path / "e.json", policy("flow"), told)


def test_no_file_and_another_file_are_told_apart(policy, tmp_path):
    with pytest.raises(NotComparable, match=r"there is no mine\.py here or beside .*--policy FILE"):
        checked_uri(tmp_path / "e.json", policy("mine.py:Mine"))
    Path("mine.py").write_text("other = 1\n")
    with pytest.raises(NotComparable, match=r"made with another mine\.py than mine\.py"):
        checked_uri(tmp_path / "e.json", policy("mine.py:Mine"))


@pytest.mark.parametrize("uri", ["evil:Mine", "safe(evil:Mine)", "package.evil:Mine", "this:Mine"])
def test_a_module_is_not_imported_before_its_sha256_is_compared(policy, tmp_path, uri):
    for folder in (Path(), Path("package")):
        folder.mkdir(exist_ok=True)
        (folder / "evil.py").write_text("open('it-ran', 'w').close()\n")
    (Path("package") / "__init__.py").write_text("open('it-ran', 'w').close()\n")
    before = set(sys.modules)
    with pytest.raises(NotComparable, match="made with another"):
        checked_uri(tmp_path / "e.json", policy(uri))
    assert not Path("it-ran").exists() and not {"evil", "package", "this"} & (set(sys.modules) - before)


def test_a_module_with_the_right_sha256_is_taken(policy, tmp_path):
    Path("mine.py").write_text(CODE)
    assert checked_uri(tmp_path / "e.json", policy("mine:Mine")) == "mine:Mine"


def test_a_hostile_entry_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = make(tmp_path, "mine", 4).plain()
    raw["policy"]["uri"] = "evil:Mine"
    raw["entry_id"] = entry_id(raw)
    (tmp_path / "e.json").write_text(pretty(raw))
    (tmp_path / "evil.py").write_text("open('it-ran', 'w').close()\n")
    with pytest.raises(NotComparable, match=r"made with another evil\.py"):
        reproduce(tmp_path / "e.json", EvalOptions())
    assert not (tmp_path / "it-ran").exists()


# -------------------------------------------------------------------------------- what entries keep


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("flow", "flow"),
        ("mine.py:Mine", "mine.py:Mine"),
        ("package.module:Mine", "package.module:Mine"),
        ("{here}/policies/mine.py:Mine", "policies/mine.py:Mine"),
        ("{here}/../mine.py:Mine", "mine.py:Mine"),
        ("/home/me/mine.py:Mine", "mine.py:Mine"),
        ("safe(/home/me/mine.py:Mine)", "safe(mine.py:Mine)"),
        ("../mine.py:Mine", "mine.py:Mine"),
    ],
)
def test_an_address_keeps_no_folder_of_its_makers(uri, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert portable_uri(uri.format(here=tmp_path)) == kept


def test_an_entry_keeps_no_folder_of_its_makers(tmp_path):
    options = {"threads": 1, "deadline_s": 30.0, "checkpoints": "/home/me/runs/checkpoints"}
    assert "/home/me" not in pretty(make(tmp_path, "mine", 4, options=options).plain())


# ------------------------------------------------------------------------------------- parts of it


def test_a_part_of_a_suite_has_the_seeds_that_its_variants_share():
    core = SUITES["core"]
    part = part_of(core, Part(tasks=(DUMBBELL,), seeds=range(40, 60)))
    assert (part.tasks, part.seeds, list(part.panel("x"))) == (
        (DUMBBELL,),
        range(40, 60),
        list(range(40, 50)),
    )
    late = part_of(core, Part(seeds=range(60, 70)))
    assert (late.variants, late.tasks) == (("clean",), core.tasks)
    assert part_of(core, Part()) == core


@pytest.mark.parametrize("part", [Part(tasks=("TwoPandaHandover-v1",)), Part(seeds=range(15, 17))])
def test_a_part_that_the_entry_has_not_is_refused(part):
    with pytest.raises(WrongUse, match=r"is not in the suite smoke|must lie within 0\.\.15"):
        part_of(SUITES["smoke"], part)
