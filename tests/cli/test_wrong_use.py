"""What is wrong is said in one line, with the exit code of wrong use; stopping says how to go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from bimodal.benchmark.evaluation.worker_process import DEBUG
from bimodal.cli import main as cli
from bimodal.envs.errors import WrongUse

DUMBBELL, POT = "PandaLiftDumbbell-v1", "PandaLiftPot-v1"
BIMODAL = Path(sys.executable).with_name("bimodal")

WRONG = {
    "no command": ((), "COMMAND"),
    "near command": (("evalute", "expert"), "did you mean evaluate"),
    "far command": (("xyzzy",), "unknown command 'xyzzy'"),
    "quote": (("it's",), "unknown command"),
    "no policy": (("evaluate",), "policy"),
    "near policy": (("evaluate", "exprt"), "did you mean expert"),
    "far policy": (("evaluate", "xyzzy"), "known: "),
    "no class": (("evaluate", "mine.py"), "names a file but no class"),
    "no file": (("evaluate", "mine.py:Mine"), "no policy file at "),
    "no module": (("evaluate", "nowhere.mine:Mine"), "does not import"),
    "no policy class": (("evaluate", "json:JSONDecoder"), "must subclass"),
    "near suite": (("evaluate", "zero", "--suite", "smok"), "did you mean smoke?"),
    "near task": (("evaluate", "zero", "--task", "PandaLiftDumbell-v1"), f"did you mean {DUMBBELL}"),
    "task version": (("demos", "PandaLiftTray-v2"), "did you mean PandaLiftTray-v1"),
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
    "unknown option": (("evaluate", "zero", "--silent"), "--silent"),
    "too few": (("demos", POT, "--episodes", "1"), "at least 2"),
    "negative set": (("demos", POT, "--seed", "-1"), "it must be 0 to"),
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
    assert found.returncode and "Traceback" in found.stderr and "in evaluate" in found.stderr


@pytest.mark.parametrize(("command", "kept"), [("evaluate", True), ("verify", False)])
def test_only_commands_that_keep_something_say_so_when_they_are_stopped(command, kept, monkeypatch, capsys):
    monkeypatch.setattr(cli, "build_parser", lambda: SimpleNamespace(main=lambda *_, **__: cli.INTERRUPTED))
    monkeypatch.setattr(cli, "_refuse_typos", lambda *_: None)
    assert cli.main([command, "x"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == f"bimodal: stopped{f'; {cli.GO_ON}' if kept else ''}\n"


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
        "        open('begun', 'w').close()\n        time.sleep(10_000)\n"
    )
    running = subprocess.Popen(
        [BIMODAL, "evaluate", "slow.py:Slow", "--suite", "smoke", "--workers", "1", "--no-sandbox"]
        + ["--deadline", "10000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    if to == "parent":
        running.send_signal(signal.SIGINT)
    else:
        os.killpg(running.pid, signal.SIGINT)  # what Ctrl-C in a terminal does
    _, err = running.communicate(timeout=300)
    assert running.returncode == 130
    assert err.splitlines() == [
        "bimodal: stopped; finished shards are kept, run the same command again to go on"
    ]
