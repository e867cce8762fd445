"""Calls side by side: the same results wherever they run; one that fails or dies stops no other."""

import importlib
import math
import os
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from bimodal.benchmark.processes import CallState, Status, run_in_processes, watch_calls
from bimodal.envs.errors import BimodalError
from process_calls import count, die, fail, lock, pick, slow

ROOMS = ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli")


def last_states(calls, workers):
    return dict(watch_calls(calls, workers))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_do_not_depend_on_where_they_are_made(workers):
    calls = {n: partial(math.factorial, n) for n in range(6)}
    assert dict(run_in_processes(calls, workers)) == {0: 1, 1: 1, 2: 2, 3: 6, 4: 24, 5: 120}


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_call_reaches_the_caller(workers):
    with pytest.raises(ValueError, match="factorial"):
        dict(run_in_processes({0: partial(math.factorial, -1)}, workers))


def test_without_workers_the_calls_are_made_here_and_a_process_makes_several():
    calls = {n: partial(count, n) for n in range(3)}
    assert {state.result for state in last_states(calls, 0).values()} == {os.getpid()}
    (child,) = {state.result for state in last_states(calls, 1).values()}
    assert child != os.getpid()


@pytest.mark.parametrize("workers", [0, 1])
def test_the_last_state_holds_the_last_report(workers):
    states = last_states({"five": partial(count, 5), "none": partial(count, 0)}, workers)
    assert states["five"][:3] == (Status.DONE, 5, 2.0)
    assert states["none"][:3] == (Status.DONE, 0, 0.0)
    assert all(state.ended and state.problem == "" for state in states.values())


def test_a_long_call_is_heard_of_while_it_runs():
    heard = [state[:2] for _, state in watch_calls({"slow": slow}, 1)]
    assert heard == [(Status.RUNNING, 0), (Status.RUNNING, 1), (Status.RUNNING, 2), (Status.DONE, 2)]


def test_what_fails_dies_or_cannot_travel_is_named_and_stops_no_other():
    calls = {"fail": fail, "die": die, "lock": lock, "pick": pick, "well": partial(count, 1)}
    states = last_states(calls, 2)
    assert states["fail"].problem == "no luck" and states["fail"].done == 3
    assert states["die"].problem == "its process died (exit code 7)"
    assert "cannot send its answer" in states["lock"].problem
    assert "cannot read its answer" in states["pick"].problem
    assert [key for key, state in states.items() if state.status is Status.DONE] == ["well"]


def test_a_problem_is_one_line_and_says_its_kind():
    assert CallState(Status.FAILED, error=ValueError("two\n  lines")).problem == "ValueError: two lines"
    assert CallState(Status.FAILED, error=BimodalError("plain")).problem == "plain"


def test_every_child_program_in_a_string_names_a_function_that_exists():
    """Strings such as "from bimodal.x import y; y()" are seen by no other check when a module moves."""
    root, found = Path(__file__).parents[2], []
    for file in (file for room in ROOMS for file in sorted((root / room).rglob("*.py"))):
        found += re.findall(r'"(?:import [^"]*; )?from (bimodal[\w.]*) import (\w+); ', file.read_text())
    assert found
    for module, name in found:
        assert callable(getattr(importlib.import_module(module), name)), (module, name)


def test_a_process_dies_with_its_parent_and_imports_nothing_of_the_working_directory(tmp_path):
    (tmp_path / "queue.py").write_text("raise SystemExit('not the queue you want')")
    script = (
        "from functools import partial; from pathlib import Path\n"
        "from process_calls import say_who_and_wait\n"
        "from bimodal.benchmark.processes import watch_calls\n"
        "if __name__ == '__main__':\n"
        f"    list(watch_calls({{0: partial(say_who_and_wait, Path({str(tmp_path / 'child')!r}))}}, 1))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    end = time.monotonic() + 300
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        assert parent.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    child = int((tmp_path / "child").read_text())
    parent.kill()
    parent.wait()
    while is_running(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
