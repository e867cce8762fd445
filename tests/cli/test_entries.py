"""`bimodal check`, `reproduce`, `site` and `leaderboard`: entries, sound, edited and hostile."""

import json
import shutil
from pathlib import Path

import pytest
from bimodal.benchmark.suites import EARLIER, SUITES
from bimodal.cli import console
from bimodal.cli.arguments import ENTRIES
from bimodal.leaderboard.files import entry_id

DUMBBELL = "PandaLiftDumbbell-v1"


def changed(entry, tmp_path, change, identified=True):
    """Write an entry with a change; `identified` gives it the id of its new content."""
    content = json.loads(entry.read_text())
    change(content)
    if identified:
        content["entry_id"] = entry_id(content)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(content))
    return path


def test_an_entry_is_reproduced_to_the_last_bit(entry, bimodal, tmp_path):
    code, out, err = bimodal("reproduce", entry, "--threads", 2, "--workers", 0, "--out", "again")
    assert (code, err) == (0, [])
    assert "identical: all 96 episodes agree to the last bit" in out
    assert out.count("16/16 episodes identical") == 6
    part = ("--task", DUMBBELL, "--seeds", 2, "--out", "part", "--json")
    code, out, err = bimodal("reproduce", entry, "--workers", 0, *part)
    told = json.loads(out)
    assert (code, err) == (0, []) and (told["entry"], told["verdict"]) == (str(entry), "identical")
    assert all("2/2 episodes identical" in line for line in told["lines"])
    assert len(told["lines"]) == len(SUITES["smoke"].variants)


@pytest.mark.slow
def test_successes_edited_into_honest_digests_are_forged(entry, bimodal, tmp_path):
    """No success claimed as a hundred, the digests left alone: it was called identical."""
    bimodal("evaluate", "zero", "--suite", "smoke", "--workers", 0, "--no-videos", "--entry", ".")
    truth, claim = json.loads(Path("smoke-zero.json").read_text()), json.loads(entry.read_text())
    for block, better in zip(truth["episodes"], claim["episodes"], strict=True):
        block.update({name: better[name] for name in ("endings", "ended", "steps")})
    truth.update({name: claim[name] for name in ("results", "aggregate")})
    forged = changed(entry, tmp_path, lambda content: (content.clear(), content.update(truth)))
    assert bimodal("check", forged)[0] == 0, "only a replay can tell"
    code, out, _ = bimodal("reproduce", forged, "--workers", 0)
    assert code == 1 and "forged: 96 of 96 episodes contradict their own digest" in out


@pytest.mark.slow
def test_a_few_other_bits_on_another_processor_are_consistent(entry, bimodal, tmp_path):
    def other_bits(content):
        content["episodes"][0]["digests"] = "0" * 8 + content["episodes"][0]["digests"][8:]
        content["provenance"]["machine"]["cpu"] = "Another processor"

    code, out, _ = bimodal("reproduce", changed(entry, tmp_path, other_bits), "--workers", 0)
    text = " ".join(out.split())
    assert code == 0 and "consistent: 95 of 96" in text and "cpu Another processor in the entry" in text


@pytest.mark.parametrize("what", ["suite", "weights"])
def test_what_cannot_be_compared_is_not_run(entry, bimodal, tmp_path, what):
    def change(content):
        if what == "suite":
            content["suite"]["hash"] = "0123456789abcdef"
        else:
            content["policy"]["artifacts"] = {f"{DUMBBELL}/expert.safetensors": "ab" * 32}

    code, _, err = bimodal("reproduce", changed(entry, tmp_path, change), "--workers", 0)
    assert (code, len(err)) == (3 if what == "suite" else 1, 1), err
    assert (
        ("0123456789abcdef" in err[0] and SUITES["smoke"].hash() in err[0])
        if what == "suite"
        else "expert loads no files" in err[0]
    )
    assert not (tmp_path / "runs").exists()


def test_an_edited_entry_is_not_reproduced(entry, bimodal, tmp_path):
    edited = changed(entry, tmp_path, lambda c: c["results"][0].update(successes=3), identified=False)
    code, _, err = bimodal("reproduce", edited)
    assert (code, len(err)) == (1, 1) and "unsound" in err[0]


def test_a_sound_entry_passes(entry, bimodal):
    code, out, err = bimodal("check", entry)
    assert (code, err) == (0, []) and "sound" in out


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"a": NaN}',
        b'{"schema_version": 1, "schema_version": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b" " * 5_000_001,
        b'{"entry_id": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "cut", "list", "null", "binary", "NaN", "twice", "deep", "deeper", "large", "huge number"],
)
@pytest.mark.parametrize("command", ["check", "reproduce"])
def test_a_file_that_is_no_entry_is_refused_in_a_line(bimodal, tmp_path, command, raw):
    path = tmp_path / "entry.json"
    path.write_bytes(raw)
    code, _, err = bimodal(command, path)
    assert (code, len(err)) == (1, 1) and "entry.json" in err[0] and len(err[0]) < 500


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.clear(),
        lambda c: c.pop("episodes"),
        lambda c: c.update(suite=None),
        lambda c: c.update(suite={"name": ["smoke"], "hash": {}}),
        lambda c: c.update(suite={"name": "smoke", "hash": c["suite"]["hash"]}),
        lambda c: c["suite"].update(seeds={"start": 0, "count": 10**12}),
        lambda c: c["policy"].update(name="\x1b[2J[red]evil[/]"),
        lambda c: c["policy"].update(uri="no_such_module:Policy\x00"),
        lambda c: c["policy"].update(uri=7),
        lambda c: c["episodes"][0]["endings"][0].__setitem__(0, "GLORY"),
        lambda c: c["episodes"][0]["ended"].pop(),
        lambda c: c["episodes"].append(c["episodes"][0]),
        lambda c: c["episodes"][0].update(digests="x"),
        lambda c: c["results"][0].update(success=1e308),
    ],
)
def test_hostile_entries_are_refused_by_check_and_reproduce(entry, bimodal, tmp_path, change):
    path = changed(entry, tmp_path, change)
    code, out, err = bimodal("check", path)
    assert code == 1 and err == [] and "problem" in out and "\x1b" not in out
    code, out, err = bimodal("reproduce", path)
    assert code in (1, 2, 3) and len(err) == 1 and "\x1b" not in err[0]
    assert not (tmp_path / "runs").exists()


def test_the_site_is_written_with_and_without_a_run_and_only_over_an_earlier_site(entry, bimodal, tmp_path):
    run, entries = entry.parent / "run", entry.parent
    (tmp_path / "drawn").mkdir()
    none = bimodal("site", "--entries", entries, "--out", tmp_path / "page", "--pictures", tmp_path / "drawn")
    assert none[0] == 2 and "holds no picture" in none[2][0] and not (tmp_path / "page").exists()
    (tmp_path / "drawn" / "PandaLiftDumbbell-v1.jpg").write_bytes(b"picture")
    (tmp_path / "other.md").write_text("# Certificates\n")
    for file, why in (("other.md", "holds no certificate"), ("missing.md", "cannot be read")):
        code, _, err = bimodal("site", "--out", tmp_path / "page", "--certificates", tmp_path / file)
        assert code == 2 and why in err[0] and len(err) == 1 and not (tmp_path / "page").exists()
    for more in ([], ["--run", str(run)], ["--pictures", str(tmp_path / "drawn")]):
        code, _, err = bimodal("site", "--entries", entries, "--out", tmp_path / "page", *more)
        assert (code, err) == (0, []) and (tmp_path / "page" / "index.html").is_file()
    assert (tmp_path / "page" / "pictures" / "PandaLiftDumbbell-v1.jpg").read_bytes() == b"picture"
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("board.json", "index.html", "thesis"):
        (mine / name).write_text("precious")
    code, _, err = bimodal("site", "--entries", entries, "--out", mine)
    assert (code, len(err)) == (2, 1)
    assert {file.read_text() for file in mine.iterdir()} == {"precious"}


@pytest.mark.parametrize("command", [["leaderboard"], ["site", "--out", "page", "--entries"]])
def test_a_damaged_entry_costs_itself_alone_and_is_named_once(entry, bimodal, tmp_path, command):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "bad.json").write_text("{")
    code, _, err = bimodal(*command, "some")
    assert code == 1 and len(err) == 1 and "bad.json" in err[0] and not (tmp_path / "page").exists()
    (tmp_path / "some" / "good.json").write_bytes(entry.read_bytes())
    code, out, err = bimodal("--quiet", *command, "some")
    assert code == 0 and len(err) == 1 and "left out: some/bad.json is not strict JSON" in err[0]
    assert "expert" in (out if command == ["leaderboard"] else Path("page/board.csv").read_text())


def test_a_folder_without_entries_has_no_board_but_a_page(bimodal, tmp_path):
    (tmp_path / "none").mkdir()
    code, _, err = bimodal("leaderboard", "none")
    assert code == 2 and "there are no entries in none" in err[0]
    assert bimodal("site", "--entries", "none", "--out", "page")[0] == 0


def test_the_board_is_given_to_programs_with_the_numbers_of_the_entry(entry, bimodal):
    code, out, err = bimodal("leaderboard", entry.parent, "--json")
    ((board,), content) = json.loads(out), json.loads(entry.read_text())
    assert (code, err, board["suite"]) == (0, [], content["suite"])
    (row,) = board["rows"]
    assert (row["policy"], row["entry"]) == ("expert", content["entry_id"])
    assert row["success"]["estimate"] == content["aggregate"]["success_macro"]


def test_the_site_tells_a_log_its_parts_unless_it_is_to_be_quiet(entry, bimodal, monkeypatch):
    monkeypatch.setattr(console, "EVERY_S", 0.0)
    monkeypatch.delenv(console.QUIET)
    command = ["site", "--entries", entry.parent, "--run", entry.parent / "run", "--out", "page"]
    told = [line.partition(",")[0] for line in bimodal(*command)[2]]
    assert told == [f"page: {done} of 3 parts" for done in range(4)]
    assert bimodal("--quiet", *command)[2] == []


def test_a_finished_run_is_not_discarded_by_a_reproduction(entry, bimodal):
    run = entry.parent / "run"
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file()}
    code, _, err = bimodal("reproduce", entry, "--out", run)
    assert (code, len(err)) == (2, 1) and "finished run" in err[0]
    assert {file: file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_the_board_and_a_certificate_are_printed(entry, bimodal):
    code, out, _ = bimodal("leaderboard", entry.parent)
    assert code == 0 and "expert" in out
    code, out, _ = bimodal("certify", "PandaLiftPot-v1", "--quick")
    assert code == 0 and "PandaLiftPot-v1" in out


def test_a_suite_that_a_later_version_follows_is_named_and_shown_when_asked_for(bimodal):
    last = f"hard {SUITES['hard'].version}"
    earlier = [f"hard {one.version}" for one in EARLIER if one.name == "hard"]
    code, out, _ = bimodal("leaderboard")
    assert code == 0 and f"{last}  " in out and not any(f"{name}  " in out for name in earlier)
    assert f"not shown: {', '.join(earlier)}, which later versions follow (--earlier)" in out
    code, out, _ = bimodal("leaderboard", "--earlier")
    assert code == 0 and all(f"{name}  " in out for name in (*earlier, last)) and "not shown" not in out


def test_entries_of_earlier_versions_alone_are_shown(bimodal, tmp_path):
    shutil.copy(ENTRIES / "hard-2-expert.json", tmp_path)
    code, out, _ = bimodal("leaderboard", tmp_path)
    assert code == 0 and "hard 2  " in out and "not shown" not in out
