"""Progress in a log: a line now and then, with the time left, and never in the standard output."""

import io
import json

import pytest
from bimodal.cli import console as module
from bimodal.cli.console import QUIET, progress_bar
from rich.console import Console


@pytest.fixture
def log(monkeypatch):
    """Work in a pipe, at a time that the test sets; returns the clock and what was printed."""
    clock = [0.0]
    printed = io.StringIO()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module, "console", Console(file=io.StringIO()))
    monkeypatch.setattr(module, "notices", Console(file=printed, soft_wrap=True))
    monkeypatch.delenv(QUIET, raising=False)
    return clock, printed


def work(clock, every, parts=10):
    with progress_bar("flow on smoke", "episodes") as update:
        for done in range(parts + 1):
            update(done, parts, "loss 0.1")
            clock[0] += every


def test_a_long_job_tells_every_part_and_the_time_left(log):
    clock, printed = log
    work(clock, 60)
    lines = printed.getvalue().splitlines()
    assert lines[0] == "flow on smoke: 1 of 10 episodes, 9:00 left, loss 0.1"
    assert len(lines) == 10 and lines[-1] == "flow on smoke: 10 of 10 episodes, loss 0.1"


def test_many_short_parts_share_a_line_and_the_last_is_told(log):
    clock, printed = log
    work(clock, 0.25, parts=41)
    told = [line.split(" of ")[0].split()[-1] for line in printed.getvalue().splitlines()]
    assert told == ["20", "40", "41"]


def test_a_short_or_quiet_job_says_nothing(log, monkeypatch):
    clock, printed = log
    work(clock, 0.1)
    monkeypatch.setenv(QUIET, "1")
    work(clock, 60)
    assert printed.getvalue() == ""


def test_a_score_for_programs_is_json_and_nothing_else(bimodal):
    part = ("--suite", "smoke", "--task", "PandaLiftDumbbell-v1", "--seeds", "2", "--variant", "clean")
    code, out, err = bimodal("evaluate", "mean", *part, "--workers", "0", "--no-videos", "--json")
    (cell,) = json.loads(out)
    assert (code, err) == (0, [])
    assert (cell["episodes"], cell["successes"], cell["averaging_failures"]) == (2, 0, 2)
    assert cell["metrics"]["averaging_rate"][0] == 1.0 and cell["labels"] == {"COLLISION_MID": 2}


def test_a_name_between_colons_is_no_picture():
    with module.console.capture() as printed:
        module.console.print("past.py:Two: sound", markup=False)
    assert printed.get() == "past.py:Two: sound\n"
