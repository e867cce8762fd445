"""The command line from outside: what it makes, and one line for everything that is wrong."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.evaluation.worker_process import DEBUG
from bimodal.benchmark.suites import SUITES
from bimodal.cli import main as cli
from bimodal.cli.main import COMMANDS
from bimodal.envs.errors import WrongUse
from bimodal.leaderboard.files import entry_id
from bimodal.tasks import load_task, task_names
from bimodal.tasks.demonstrations import collect as demonstrations

DUMBBELL, POT = "PandaLiftDumbbell-v1", "PandaLiftPot-v1"
BIMODAL = Path(sys.executable).with_name("bimodal")


@pytest.fixture
def bimodal(capsys, tmp_path, monkeypatch):
    """Run a command in this process, in an empty folder; returns (exit code, output, lines of errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DEBUG, "")

    def run(*arguments):
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err.splitlines()

    return run


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Eight demonstrations of the dumbbell."""
    task = load_task(DUMBBELL)
    return demonstrations.save(
        demonstrations.collect(task, "bi50", 8), tmp_path_factory.mktemp("demos") / "demos.npz"
    )


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """The expert's entry on the smoke suite, as the command line writes it."""
    folder = tmp_path_factory.mktemp("entry")
    arguments = ["evaluate", "expert", "--suite", "smoke", "--workers", "0", "--no-videos"]
    assert cli.main([*arguments, "--out", str(folder / "run"), "--entry", str(folder)]) == 0
    return folder / "smoke-expert.json"


def changed(entry, tmp_path, change, identified=True):
    """Write an entry with a change; `identified` gives it the id of its new content."""
    content = json.loads(entry.read_text())
    change(content)
    if identified:
        content["entry_id"] = entry_id(content)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(content))
    return path


# ------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, bimodal):
    code, out, err = bimodal(command, "--help")
    assert (code, err) == (0, []) and f"Example: {COMMANDS[command].EXAMPLE}" in " ".join(out.split())
    assert (COMMANDS[command].run.__doc__ or "").splitlines()[0] in " ".join(out.split())


def test_the_help_lists_every_command(bimodal):
    code, out, _ = bimodal("--help")
    assert code == 0 and set(COMMANDS) <= set(out.split())


def test_the_installed_program_runs():
    found = subprocess.run([BIMODAL, "--version"], capture_output=True, text=True, check=False)
    assert found.returncode == 0 and found.stdout.startswith("bimodal ") and not found.stderr


@pytest.mark.parametrize(
    ("command", "names"), [("tasks", task_names()), ("policies", ("expert", "flow", "mse"))]
)
def test_names_are_listed(command, names, bimodal):
    code, out, err = bimodal(command)
    assert (code, err) == (0, []) and all(name in out for name in names)


# -------------------------------------------------------------------------------------------- wrong use

WRONG = {
    "no command": ((), "COMMAND"),
    "near command": (("evalute", "expert"), "did you mean evaluate"),
    "far command": (("xyzzy",), "unknown command 'xyzzy'"),
    "quote": (("it's",), "unknown command"),
    "no policy": (("evaluate",), "policy"),
    "near policy": (("evaluate", "exprt"), "did you mean expert"),
    "far policy": (("evaluate", "xyzzy"), "known: "),
    "no class": (("evaluate", "mine.py"), "names a file but no class"),
    "no file": (("evaluate", "mine.py:Mine"), "no policy file at mine.py"),
    "no module": (("evaluate", "nowhere.mine:Mine"), "does not import"),
    "no policy class": (("evaluate", "json:JSONDecoder"), "must subclass"),
    "near suite": (("evaluate", "zero", "--suite", "smok"), "did you mean smoke?"),
    "near task": (("evaluate", "zero", "--task", "PandaLiftDumbell-v1"), f"did you mean {DUMBBELL}"),
    "task version": (("demos", "PandaLiftPot-v2"), f"did you mean {POT}"),
    "near regime": (("demos", POT, "--regime", "bi60"), "did you mean bi"),
    "near method": (("train", "flw", "--task", POT), "did you mean flow"),
    "no task": (("train", "flow"), "--task"),
    "words": (("evaluate", "zero", "--seeds", "many"), "START..END"),
    "backwards": (("evaluate", "zero", "--seeds", "9..3"), "START..END"),
    "no seeds": (("evaluate", "zero", "--seeds", ""), "START..END"),
    "none": (("evaluate", "zero", "--seeds", "0"), "START..END"),
    "negative": (("evaluate", "zero", "--seeds", "-5"), "START..END"),
    "three ends": (("evaluate", "zero", "--seeds", "1..2..3"), "START..END"),
    "seeds of demonstrations": (("evaluate", "zero", "--seeds", "999999..1000000"), "0..999999"),
    "workers": (("evaluate", "zero", "--workers", "-1"), "0 or more"),
    "worker words": (("evaluate", "zero", "--workers", "two"), "invalid int"),
    "threads": (("evaluate", "zero", "--threads", "0"), "at least 1"),
    "deadline": (("evaluate", "zero", "--deadline", "0"), "more than 0"),
    "endless deadline": (("evaluate", "zero", "--deadline", "nan"), "more than 0"),
    "part of a suite": (("evaluate", "zero", "--seeds", "4", "--entry"), "whole suite"),
    "part, afresh": (("evaluate", "zero", "--task", POT, "--entry", "--fresh"), "whole suite"),
    "unknown option": (("evaluate", "zero", "--quiet"), "--quiet"),
    "too few": (("demos", POT, "--episodes", "1"), "at least 2"),
    "negative set": (("demos", POT, "--seed", "-1"), "0 or more"),
    "negative noise": (("demos", POT, "--noise", "-1"), "noise"),
    "no noise": (("demos", POT, "--noise", "nan"), "noise"),
    "no demonstrations": (("train", "mse", "--task", POT, "--demos", "none.npz"), "bimodal demos"),
    "no run": (("videos", "nowhere"), "not a run folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_said_in_one_line(case, bimodal, tmp_path):
    arguments, text = WRONG[case]
    code, _, err = bimodal(*arguments)
    assert (code, len(err)) == (2, 1), err
    assert text in err[0]
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("check", "none.json"), "cannot read none.json"),
        (("reproduce", "none.json"), "cannot read none.json"),
        (("leaderboard", "nowhere"), "nowhere"),
        (("evaluate", "mse", "--checkpoints", "nowhere"), "bimodal train"),
    ],
)
def test_what_is_missing_is_said_in_one_line(arguments, text, bimodal):
    code, _, err = bimodal(*arguments)
    assert (code, len(err)) == (2, 1) and text in err[0]


def test_debug_shows_the_trace(monkeypatch):
    monkeypatch.setenv(DEBUG, "")
    for arguments in (["--debug", "evaluate", "exprt"], ["evaluate", "exprt", "--debug"]):
        with pytest.raises(WrongUse, match="exprt"):
            cli.main(arguments)
    found = subprocess.run(
        [BIMODAL, "--debug", "evaluate", "exprt"], capture_output=True, text=True, check=False
    )
    assert found.returncode and "Traceback" in found.stderr and "policy_class" in found.stderr


def test_a_name_full_of_markup_is_only_a_name(bimodal, entry, tmp_path):
    (tmp_path / "[red]x[").mkdir()
    (tmp_path / "[red]x[" / "blue].json").write_bytes(entry.read_bytes())
    code, out, err = bimodal("check", "[red]x[/blue].json")
    assert (code, err) == (0, []) and "[red]x[/blue].json: sound" in out


@pytest.mark.parametrize("to", ["parent", "everyone"])
def test_interrupting_says_how_to_go_on(tmp_path, to):
    (tmp_path / "slow.py").write_text(
        "import time\nfrom bimodal.policies.baselines import Zero\n"
        "class Slow(Zero):\n    def act(self, observation):\n"
        "        open('begun', 'w').close()\n        time.sleep(60)\n"
    )
    running = subprocess.Popen(
        [BIMODAL, "evaluate", "slow.py:Slow", "--suite", "smoke", "--workers", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    if to == "parent":
        running.send_signal(signal.SIGINT)
    else:
        os.killpg(running.pid, signal.SIGINT)  # what Ctrl-C in a terminal does
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err.splitlines() == [
        "bimodal: stopped; finished shards are kept, run the same command again to go on"
    ]


# ---------------------------------------------------------------------------------------- demonstrations


def test_demonstrations_are_written_where_training_looks(bimodal, tmp_path):
    code, out, err = bimodal("demos", DUMBBELL, "--episodes", 6)
    assert (code, err) == (0, []) and "6 episodes (50% left bar, 50% right bar), 100.0% succeed" in out
    found = demonstrations.load(tmp_path / "runs" / "demos" / DUMBBELL / "bi50-6-s0.npz")
    assert found.meta["task"] == DUMBBELL and found.meta["regime"] == "bi50"
    steps = found.actions.shape[1]
    assert found.actions.shape == (6, steps, 10) and found.success.all()
    for spec in load_task(DUMBBELL).observation:
        assert found.observations[spec.name].shape == (6, steps, spec.size)
        assert found.observations[spec.name].dtype == np.float32


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize(("regime", "share"), [("bi50", None), ("bi70", 0.7), ("bi90", 0.9), ("uni", 1.0)])
def test_regimes_have_their_shares(name, regime, share):
    k, n = len(load_task(name).modes), 120
    seeds, modes = demonstrations.schedule(load_task(name), regime, n, 0)
    counts = np.bincount(modes, minlength=k)
    if regime == "bi50":
        shown = {seed: sorted(modes[seeds == seed].tolist()) for seed in seeds}
        assert all(every == list(range(k)) for every in shown.values()) and len(shown) == n // k
    else:
        assert counts[0] == share * n and len(set(seeds.tolist())) == n
        assert np.ptp(counts[1:]) <= 1, "the other modes share the rest"
        assert share == 1.0 or (modes[: n // 2] == 0).mean() < 1.0, "the rarer modes are not all at the end"


@pytest.mark.parametrize("name", task_names())
def test_in_the_regime_ctx_what_is_seen_dictates_the_mode(name):
    task = load_task(name)
    found = demonstrations.collect(task, "ctx", 24)
    assert set(found.modes.tolist()) == set(range(len(task.modes)))
    sides = found.observations[f"{task.objects[0]}_position"][:, 0, 1]
    # The scene's origin decides; the first object's y tells it up to its offset in the turned scene.
    frames = np.array(
        [task.start(demonstrations.stream("start", task.id, int(s))).frame[1] for s in found.seeds]
    )
    edges = task.centre[1] + task.spread[1] * np.linspace(-1, 1, len(task.modes) + 1)
    np.testing.assert_array_equal(found.modes, np.digitize(frames, edges[1:-1]))
    assert np.corrcoef(sides, frames)[0, 1] > 0.5


def test_demonstrations_are_the_same_every_time(bimodal, tmp_path):
    files = []
    for threads in (1, 2):
        files.append(tmp_path / f"{threads}.npz")
        assert bimodal("demos", POT, "--episodes", 4, "--threads", threads, "--out", files[-1])[0] == 0
    first, second = map(demonstrations.load, files)
    assert first.meta == second.meta
    np.testing.assert_array_equal(first.actions, second.actions)
    bimodal("demos", POT, "--episodes", 4, "--seed", 1, "--out", tmp_path / "other.npz")
    other = demonstrations.load(tmp_path / "other.npz")
    assert not set(other.seeds.tolist()) & set(first.seeds.tolist())


@pytest.mark.parametrize("damage", ["cut", "flipped", "forged", "empty", "pickle"])
def test_damaged_demonstrations_are_refused(demos, bimodal, tmp_path, damage):
    path = tmp_path / "demos.npz"
    raw = bytearray(demos.read_bytes())
    if damage == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "flipped":
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    elif damage == "forged":
        found = demonstrations.load(demos)
        demonstrations.save(found._replace(modes=1 - found.modes), path)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        np.savez(path, meta=np.array({"task": DUMBBELL}, dtype=object))
    code, _, err = bimodal("train", "mse", "--task", DUMBBELL, "--demos", path, "--steps", 5)
    assert (code, len(err)) == (2, 1) and "make it again" in err[0]


@pytest.mark.parametrize("where", ["file", "folder"])
def test_an_output_that_cannot_be_written_is_said_in_one_line(bimodal, tmp_path, where):
    (tmp_path / "blocked").write_text("") if where == "file" else (tmp_path / "blocked").mkdir()
    out = "blocked/demos.npz" if where == "file" else "blocked"
    code, _, err = bimodal("demos", POT, "--episodes", 2, "--out", out)
    assert (code, len(err)) == (1, 1) and f"cannot write {out}" in err[0]
    assert [path.name for path in tmp_path.rglob("*")] == ["blocked"]


# ----------------------------------------------------------------------------------------------- training


def test_training_writes_the_same_bytes_for_the_same_seed(demos, bimodal, tmp_path):
    def trained(folder, seed):
        code, out, err = bimodal(
            *(
                "train",
                "mse",
                "--task",
                DUMBBELL,
                "--demos",
                demos,
                "--steps",
                20,
                "--seed",
                seed,
                "--out",
                folder,
            )
        )
        assert (code, err) == (0, []) and "MB" in out
        assert [f.name for f in sorted((tmp_path / folder / DUMBBELL).iterdir())] == [
            "mse.json",
            "mse.safetensors",
        ]
        return [
            hashlib.sha256(f.read_bytes()).hexdigest()
            for f in sorted((tmp_path / folder / DUMBBELL).iterdir())
        ]

    first = trained("a", 3)
    assert trained("b", 3) == first
    assert trained("c", 4)[1] != first[1]
    code, out, _ = bimodal(
        *("evaluate", "mse", "--checkpoints", "a", "--suite", "smoke", "--task", DUMBBELL, "--seeds", 4),
        *("--variant", "clean", "--workers", 0, "--no-videos"),
    )
    assert code == 0 and "0/4" in out, "twenty steps teach nothing"
    card = json.loads((tmp_path / "runs" / "smoke-part-mse" / "run.json").read_text())
    assert card["policy"]["artifacts"][f"{DUMBBELL}/mse.safetensors"] == first[1]


def test_demonstrations_of_another_task_are_refused(demos, bimodal, tmp_path):
    code, _, err = bimodal("train", "mse", "--task", POT, "--demos", demos, "--steps", 5, "--out", "out")
    assert (code, len(err)) == (2, 1) and DUMBBELL in err[0] and POT in err[0]
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------ entries


def test_an_entry_is_reproduced_to_the_last_bit(entry, bimodal, tmp_path):
    code, out, err = bimodal("reproduce", entry, "--threads", 2, "--workers", 0, "--out", "again")
    assert (code, err) == (0, [])
    assert "identical: all 96 episodes agree to the last bit" in out
    assert out.count("16/16 episodes identical") == 6


def test_claimed_successes_that_do_not_come_out_are_different(entry, bimodal, tmp_path):
    """The zero policy's failures under the expert's successes."""
    bimodal("evaluate", "zero", "--suite", "smoke", "--workers", 0, "--no-videos", "--entry", ".")
    truth, claim = json.loads(Path("smoke-zero.json").read_text()), json.loads(entry.read_text())
    for part in ("results", "aggregate", "episodes"):
        truth[part] = claim[part]
    forged = changed(entry, tmp_path, lambda content: (content.clear(), content.update(truth)))
    assert bimodal("check", forged)[0] == 0, "only a replay can tell"
    code, out, _ = bimodal("reproduce", forged, "--workers", 0)
    assert code == 1 and "different: success differs" in out and "0/16 episodes identical" in out


def test_a_few_other_bits_are_consistent(entry, bimodal, tmp_path):
    def other_bits(content):
        content["episodes"][0]["digests"][3] = "0" * 32

    code, out, _ = bimodal("reproduce", changed(entry, tmp_path, other_bits), "--workers", 0)
    assert code == 0 and "consistent: 95 of 96" in out


@pytest.mark.parametrize("what", ["suite", "weights"])
def test_what_cannot_be_compared_is_not_run(entry, bimodal, tmp_path, what):
    def change(content):
        if what == "suite":
            content["suite"]["hash"] = "0123456789abcdef"
        else:
            content["policy"]["artifacts"] = {f"{DUMBBELL}/expert.safetensors": "ab" * 32}

    code, _, err = bimodal("reproduce", changed(entry, tmp_path, change), "--workers", 0)
    assert (code, len(err)) == (3, 1), err
    assert (
        ("0123456789abcdef" in err[0] and SUITES["smoke"].hash() in err[0])
        if what == "suite"
        else "weights" in err[0]
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
        lambda c: c["episodes"][0]["labels"].__setitem__(0, "GLORY"),
        lambda c: c["episodes"][0]["seeds"].pop(),
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
    for more in ([], ["--run", str(run)]):
        code, _, err = bimodal("site", "--entries", entries, "--out", tmp_path / "page", *more)
        assert (code, err) == (0, []) and (tmp_path / "page" / "index.html").is_file()
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("board.json", "index.html", "thesis"):
        (mine / name).write_text("precious")
    code, _, err = bimodal("site", "--entries", entries, "--out", mine)
    assert (code, len(err)) == (2, 1)
    assert {file.read_text() for file in mine.iterdir()} == {"precious"}


def test_a_finished_run_is_not_discarded_by_a_reproduction(entry, bimodal):
    run = entry.parent / "run"
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file()}
    code, _, err = bimodal("reproduce", entry, "--out", run)
    assert (code, len(err)) == (2, 1) and "finished run" in err[0]
    assert {file: file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file()} == before


def test_the_board_and_a_certificate_are_printed(entry, bimodal):
    code, out, _ = bimodal("leaderboard", entry.parent)
    assert code == 0 and "expert" in out
    code, out, _ = bimodal("certify", "PandaLiftPot-v1", "--quick")
    assert code == 0 and "PandaLiftPot-v1" in out
