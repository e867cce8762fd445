"""What a policy can do to its process, and others to it: no run hangs, ends or goes on without its parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scoring import CLI, DUMBBELL, digests, expert_digests, rows, score
from slow_cases import mostly_slow

PREAMBLE = """
import faulthandler, os, resource, signal, sys, time
from pathlib import Path
from bimodal.policies.experts import Expert

HERE = Path(__file__).parent

hoarding = []

def hoard(event, arguments):  # before anybody opens a file
    if event != "open" or hoarding: return
    hoarding.append(True)
    try:
        while True: os.dup(0)
    except OSError: pass
    hoarding.clear()

class Odd(Expert):
    def act(self, observation):
        {act}
        return super().act(observation)
"""
ONCE = "(HERE / 'once').exists() or ((HERE / 'once').touch(), os.kill(os.getpid(), 9))"
NO_TIMERS = """
        signal.setitimer(signal.ITIMER_REAL, 0); faulthandler.cancel_dump_traceback_later()
        sum(range(10**13))"""
DESCRIPTORS = "hoard('open', ()); sys.addaudithook(hoard)"
FORK = """
        if not os.fork():
            (HERE / 'left behind').write_text(str(os.getpid()))
            while True: time.sleep(0.1)
        while not (HERE / 'left behind').exists(): time.sleep(0.1)
        os._exit(3)"""
ODD = {
    "killed once": (ONCE, "SUCCESS", ""),
    "killed twice": ("os.kill(os.getpid(), 9)", "POLICY_ERROR", "its process died (exit code -9)"),
    "without timers": (NO_TIMERS, "POLICY_TIMEOUT", "it hung"),
    "a child holds the pipe": (FORK, "POLICY_ERROR", "its process died (exit code 3)"),
    "all descriptors": (DESCRIPTORS, "POLICY_ERROR", "it holds every file descriptor"),
    "small files": (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))",
        "POLICY_ERROR",
        "it changed a limit of its process (RLIMIT_FSIZE)",
    ),
}


@pytest.fixture
def odd(tmp_path):
    """Return a function that writes a policy whose `act` does something, and returns its URI."""

    def write(act):
        (tmp_path / "odd.py").write_text(PREAMBLE.format(act=act))
        return f"{tmp_path / 'odd.py'}:Odd"

    return write


@pytest.mark.parametrize("name", ODD)
def test_what_becomes_of_a_process_is_blamed_on_the_right_side(name, odd, tmp_path, capfd):
    act, label, text = ODD[name]
    deadline_s = 2 if label == "POLICY_TIMEOUT" else 600
    code, _, err = score(
        odd(act), tmp_path / "run", "--deadline", deadline_s, capsys=capfd, count=2, workers=1
    )
    if name == "a child holds the pipe":
        child = int((tmp_path / "left behind").read_text())  # nobody waits for it, and it is ended
        _wait_until(lambda: not _lives(child), 300)
    assert [line for line in err if "bimodal" in line and "every episode was ended" not in line] == []
    assert code == (label != "SUCCESS"), "every episode was the policy's fault"
    found = rows(tmp_path / "run")
    assert {row["label"] for row in found} == {label}
    assert all(text in row["fault"] for row in found)
    if label == "SUCCESS":
        assert digests(tmp_path / "run") == expert_digests(2)


def hears_hang_ups():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("name", "code"), mostly_slow([("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)], ("SIGKILL", -9))
)
def test_workers_end_with_their_parent(name, code, odd, tmp_path):
    uri = odd("(HERE / 'pid').write_text(str(os.getpid())); time.sleep(10_000)")
    command = [sys.executable, "-c", CLI, "evaluate", uri, "--suite", "smoke", "--task", DUMBBELL]
    command += [
        "--seeds",
        "2",
        "--workers",
        "1",
        "--no-videos",
        "--no-sandbox",
        "--out",
        str(tmp_path / "run"),
    ]
    # as from a terminal: under nohup a hang-up is ignored, as it should be
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=hears_hang_ups)
    pid = tmp_path / "pid"
    _wait_until(lambda: pid.exists() and pid.read_text(), 300)
    parent.send_signal(getattr(signal, name))
    assert parent.wait(300) == code
    _wait_until(lambda: not _lives(int(pid.read_text())), 300)
    assert not list(tmp_path.glob("run/traces/*.npz"))


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_until(condition, seconds):
    stop = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < stop
        time.sleep(0.02)
