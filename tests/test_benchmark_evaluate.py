"""The evaluator from outside: same records whatever happens, and blame where it belongs."""

import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from bimodal.benchmark import cli, suites
from bimodal.benchmark.evaluate import evaluate
from bimodal.benchmark.run_folder import RunFolder, read_card
from bimodal.benchmark.shard import Shard, run_shard
from bimodal.benchmark.shard_file import read_shard
from bimodal.benchmark.suites import SUITES, Suite, find_suite
from bimodal.envs import control, robot, scene
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.envs.streams import noise_key
from bimodal.leaderboard.entry import entry_from_run
from bimodal.policies import Needs, load_policy
from bimodal.policies.experts import Expert, Zero
from bimodal.tasks import demonstrations, load_task, task_names
from bimodal.tasks.lift_dumbbell import LiftDumbbell

DUMBBELL, POST = "PandaLiftDumbbell-v1", "PandaPickAroundPost-v1"

CLI = """
import sys
from bimodal.benchmark import cli, suites
suites.SHARD_SIZE = 4
sys.exit(cli.main(sys.argv[1:]))
"""
"""The command line with shards of four episodes."""

HOSTILE = '''
import os, random, sys, time
import numpy as np
from bimodal.policies import Decision, Needs, Policy
from bimodal.policies.experts import Expert


class NotANumber(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2, 3, 1] = np.nan
        return Decision(chunk)

class NothingButNaN(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2] = np.nan
        return Decision(chunk)

class Infinite(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[::2, 0] = -np.inf
        return Decision(chunk)

class TooFar(Expert):
    def act(self, observation):
        chunk = super().act(observation).actions
        chunk[0, 0, 9] = np.nan
        chunk[2, 5, 9] = 0.5
        return Decision(chunk)

class BadLater(Expert):
    """Only what is executed counts: the second decision is bad, and so is all that nobody executes."""
    def act(self, observation):
        chunk = super().act(observation).actions
        if self._step == 32:
            chunk[::2, 15, 0] = 99.0
        return Decision(np.concatenate([chunk, np.full_like(chunk, np.nan)], axis=1))

class WrongShape(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[:, :, :7])

class TooShort(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[:, :3])

class TooFewRows(Expert):
    def act(self, observation):
        return Decision(super().act(observation).actions[1:])

class ReturnsNone(Expert):
    def act(self, observation):
        return None

class ReturnsText(Expert):
    def act(self, observation):
        return Decision("left, please")

class Ragged(Expert):
    def act(self, observation):
        return Decision([[1.0], [2.0, 3.0]])

class NeedsGrad(Expert):
    """A tensor that still asks for gradients refuses to become an array."""
    def act(self, observation):
        class Tensor:
            def __array__(self, *_, **__):
                raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return Decision(Tensor())

class RaisesInAct(Expert):
    def act(self, observation):
        raise KeyError("left_bar")

class RaisesLater(Expert):
    def act(self, observation):
        if self._step:
            raise ValueError("only the first\\nchunk")
        return super().act(observation)

class RaisesInReset(Expert):
    def reset(self, episodes):
        raise RuntimeError("no reset")

class Exits(Expert):
    def act(self, observation):
        sys.exit("goodbye")

class OutOfMemory(Expert):
    def act(self, observation):
        return np.empty((1 << 50,), np.float64)

class EvilMessage(Expert):
    def act(self, observation):
        raise ValueError("\\ud800 \\x1b[31m \\n lone surrogate")

class UnreadableMessage(Expert):
    def act(self, observation):
        class Odd(Exception):
            def __str__(self):
                raise TypeError
        raise Odd

class Sleeps(Expert):
    def act(self, observation):
        time.sleep(60)

class SleepsInReset(Expert):
    def reset(self, episodes):
        time.sleep(60)

class Swallows(Expert):
    """Catches the interruption and comes back too late."""
    def act(self, observation):
        try:
            time.sleep(60)
        except Exception:
            pass
        return super().act(observation)

# ----------------------------------------------------------------------------------- odd, but harmless

class Seeds(Expert):
    def act(self, observation):
        random.seed(0), np.random.seed(0)
        np.seterr(all="raise")
        return super().act(observation)

class Scribbles(Expert):
    """Writes into everything it is given, and into everything it gave."""
    given = []
    def reset(self, episodes):
        super().reset(episodes)
        episodes.noise_keys[:] = 0
    def act(self, observation):
        for array in self.given:
            array[:] = 1e9
        decision = super().act(observation)
        for array in observation.values():
            array[:] = -1e9
        observation.clear()
        self.given.append(decision.actions)
        return decision

class Prints(Expert):
    def act(self, observation):
        print("x" * 2_000_000)
        return super().act(observation)

class FailsAlone(Expert):
    """Fails when its latency is measured, on one episode."""
    def act(self, observation):
        if len(observation["tcp_position"]) == 1:
            raise ValueError("never alone")
        return super().act(observation)

class List(Expert):
    def act(self, observation):
        return super().act(observation).actions.astype(object).tolist()

# ------------------------------------------------------------------------------------- not to be built

class RaisesInInit(Expert):
    def __init__(self, task):
        raise RuntimeError("no weights")

class ExitsInInit(Expert):
    def __init__(self, task):
        sys.exit(0)

class RaisesInNeeds(Expert):
    def needs(self):
        raise RuntimeError("needs nothing")

class NeedsText(Expert):
    def needs(self):
        return "everything"

class NeedsCamera(Policy):
    def needs(self):
        return Needs(observations=("tcp_positions",))

class HalfSteps(Policy):
    def needs(self):
        return Needs(execute=2.5)

class OddTraining(Expert):
    training = {"loss": object()}
'''

DEADLY = '''
import os, signal, time
from pathlib import Path
from bimodal.policies.experts import Expert

VICTIM = {key}

class Deadly(Expert):
    """Does harm in the one shard that holds the victim."""
    def act(self, observation):
        if VICTIM in self.keys:
            {harm}
        return super().act(observation)
    def reset(self, episodes):
        self.keys = [int(key) for key in episodes.noise_keys]
        super().reset(episodes)
'''

SLOW = """
import time
from bimodal.policies.experts import Expert

class Slow(Expert):
    def act(self, observation):
        time.sleep(0.04)
        return super().act(observation)
"""


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(suites, "SHARD_SIZE", 4)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    file = tmp_path_factory.mktemp("policies") / "hostile.py"
    file.write_text(HOSTILE)
    return file


def panel(count=12, tasks=(DUMBBELL, POST), start=0):
    return Suite("smoke*", "1", tuple(tasks), range(start, start + count))


def rows(run):
    return pq.read_table(run / "episodes.parquet").to_pylist()


def digests(run):
    return {(row["task"], row["seed"]): row["digest"] for row in rows(run)}


def expert_digests(count, tasks=(DUMBBELL,)):
    """What the expert's digests must be, from one shard each, without any evaluator."""
    found = {}
    for name in tasks:
        task = load_task(name)
        result = run_shard(task, Expert(task), Shard(name, "clean", 0, tuple(range(count))), "1")
        found |= {(name, seed): digest for seed, digest in enumerate(result.digests)}
    return found


def bimodal(*arguments, capsys=None):
    """Run the command line in this process; returns (exit code, output, error lines)."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr() if capsys else ("", "")
    return code, out, [line for line in err.splitlines() if line.strip()]


def score(policy, out, *more, capsys, count=4, workers=0):
    return bimodal(
        *("evaluate", policy, "--suite", "smoke", "--task", DUMBBELL, "--seeds", count, "--out", out),
        *("--workers", workers, "--no-videos", *more),
        capsys=capsys,
    )


# --------------------------------------------------------------------------------- always the same records


@pytest.mark.parametrize(("workers", "threads"), [(0, 2), (1, 1), (2, 1), (2, 2)])
def test_records_depend_on_neither_workers_nor_threads(tmp_path, small_shards, workers, threads):
    run = evaluate("expert", panel(), out=tmp_path / "run", workers=workers, threads=threads)
    assert digests(run) == expert_digests(12, (DUMBBELL, POST))
    assert all(row["success"] for row in rows(run))


def test_records_do_not_depend_on_the_order_of_shards(tmp_path, small_shards, monkeypatch):
    straight = Suite.shards

    def shuffled(suite):
        found = straight(suite)
        random.Random(1).shuffle(found)
        return found

    monkeypatch.setattr(Suite, "shards", shuffled)
    assert digests(evaluate("expert", panel(), out=tmp_path / "a", workers=0)) == expert_digests(
        12, (DUMBBELL, POST)
    )


@pytest.mark.parametrize("policy", ["expert", "mean", "random"])
@pytest.mark.parametrize("name", task_names())
def test_an_episode_depends_neither_on_its_companions_nor_on_its_place(name, policy):
    task = load_task(name)

    def run(*seeds):
        result = run_shard(task, load_policy(policy, task), Shard(name, "clean", 0, seeds), "1")
        return dict(zip(seeds, result.digests, strict=True))

    together = run(0, 1, 2, 3, 4)
    assert len(set(together.values())) == 5
    for other in (run(4, 2, 0), run(3), run(900, 1, 77)):
        assert all(together[seed] == digest for seed, digest in other.items() if seed in together)


def test_a_kill_in_the_middle_costs_only_the_shards_in_work(tmp_path, small_shards, capsys):
    (tmp_path / "slow.py").write_text(SLOW)
    run = tmp_path / "run"
    arguments = [
        "evaluate",
        f"{tmp_path / 'slow.py'}:Slow",
        "--suite",
        "smoke",
        "--no-videos",
        "--out",
        str(run),
    ]
    arguments += ["--workers", "2"]
    first = subprocess.Popen([sys.executable, "-c", CLI, *arguments], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(kept := list(run.glob("traces/[!.]*.npz"))) < 2:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.01)
    for more in ([], ["--fresh"]):  # a second run is refused while the first goes on, and destroys nothing
        code, _, err = bimodal(*arguments, *more, capsys=capsys)
        assert (code, len(err)) == (2, 1) and "another run is writing" in err[0]
    assert all(file.exists() for file in kept)
    os.killpg(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    kept = list(run.glob("traces/[!.]*.npz"))
    assert len(kept) < 8
    assert not (run / "episodes.parquet").exists()
    (run / "traces" / f".{kept[0].name}.4711").write_bytes(b"half a shard")
    times = {file: file.stat().st_mtime_ns for file in kept}

    code, out, _ = bimodal(*arguments, capsys=capsys)
    assert code == 0 and "Lift Dumbbell" in out
    assert {file: file.stat().st_mtime_ns for file in kept} == times
    assert not list(run.glob("traces/.*")), "no half-written file is left"
    assert digests(run) == expert_digests(16, (DUMBBELL, POST))
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=run, check=False).returncode
        == 0
    )


def test_a_damaged_shard_is_run_again_and_no_other(tmp_path, small_shards):
    run = evaluate("expert", panel(20, (DUMBBELL,)), out=tmp_path / "run", workers=0)
    files = sorted(run.glob("traces/*.npz"))
    raw = files[0].read_bytes()
    files[0].write_bytes(raw[: len(raw) // 2])
    flipped = bytearray(files[1].read_bytes())
    flipped[len(flipped) // 2] ^= 0x10
    files[1].write_bytes(flipped)
    files[2].write_bytes(b"")
    shutil.copy(files[4], files[3])  # sound, but another shard
    before = files[4].stat().st_mtime_ns
    for file in files[:3]:
        with pytest.raises(BimodalError, match="damaged"):
            read_shard(file)
    counts = []
    evaluate(
        "expert",
        panel(20, (DUMBBELL,)),
        out=run,
        workers=0,
        progress=lambda done, total: counts.append((done, total)),
    )
    assert counts == [(4, 20), (8, 20), (12, 20), (16, 20), (20, 20)]
    assert files[4].stat().st_mtime_ns == before
    assert digests(run) == expert_digests(20)


def test_a_finished_run_keeps_its_time_and_date(tmp_path):
    run = evaluate("zero", panel(4, (DUMBBELL,)), out=tmp_path / "run", workers=0)
    card = read_card(run) | {"created": "2026-01-01T00:00:00+00:00", "wall_s": 61.5}
    (run / "run.json").write_text(json.dumps(card))
    again = read_card(evaluate("zero", panel(4, (DUMBBELL,)), out=run, workers=0))
    assert again["created"] == card["created"] and 61.5 <= again["wall_s"] < 63


# ------------------------------------------------------------------------------------- the policy's faults

FAULTS = {
    "NotANumber": ("POLICY_INVALID_ACTION", "not finite", [0, 2], 0),
    "NothingButNaN": ("POLICY_INVALID_ACTION", "not finite", [0, 2], 0),
    "Infinite": ("POLICY_INVALID_ACTION", "not finite", [0, 2], 0),
    "TooFar": ("POLICY_INVALID_ACTION", "", [0, 2], 0),
    "BadLater": ("POLICY_INVALID_ACTION", "column 0 of ee_absolute (allowed -2 to 2)", [0, 2], 16),
    "WrongShape": ("POLICY_INVALID_ACTION", "shape (4, 16, 7); expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "TooShort": ("POLICY_INVALID_ACTION", "shape (4, 3, 10); expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "TooFewRows": ("POLICY_INVALID_ACTION", "shape (3, 16, 10); expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "ReturnsNone": ("POLICY_INVALID_ACTION", "expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "ReturnsText": ("POLICY_INVALID_ACTION", "expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "Ragged": ("POLICY_INVALID_ACTION", "expected (4, >=16, 10)", [0, 1, 2, 3], 0),
    "NeedsGrad": ("POLICY_ERROR", "RuntimeError: Can't call numpy()", [0, 1, 2, 3], 0),
    "RaisesInAct": ("POLICY_ERROR", "KeyError: 'left_bar'", [0, 1, 2, 3], 0),
    "RaisesLater": ("POLICY_ERROR", "ValueError: only the first chunk", [0, 1, 2, 3], 16),
    "RaisesInReset": ("POLICY_ERROR", "RuntimeError: no reset", [0, 1, 2, 3], 0),
    "Exits": ("POLICY_ERROR", "SystemExit: goodbye", [0, 1, 2, 3], 0),
    "OutOfMemory": ("POLICY_ERROR", "MemoryError", [0, 1, 2, 3], 0),
    "EvilMessage": ("POLICY_ERROR", "ValueError: [31m lone surrogate", [0, 1, 2, 3], 0),
    "UnreadableMessage": ("POLICY_ERROR", "Odd: ", [0, 1, 2, 3], 0),
    "Sleeps": ("POLICY_TIMEOUT", "no decision within 0.2 s", [0, 1, 2, 3], 0),
    "SleepsInReset": ("POLICY_TIMEOUT", "no decision within 0.2 s", [0, 1, 2, 3], 0),
    "Swallows": ("POLICY_TIMEOUT", "no decision within 0.2 s", [0, 1, 2, 3], 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_policy_fails_its_episodes_and_no_others(hostile, name, tmp_path, capsys):
    label, text, hit, steps = FAULTS[name]
    code, out, err = score(f"{hostile}:{name}", tmp_path / "run", "--deadline", 0.2, capsys=capsys)
    assert (code, err) == (0, [])
    assert f"{len(hit)} {label}" in " ".join(out.split())
    found, right = rows(tmp_path / "run"), expert_digests(4)
    for row in found:
        if row["seed"] in hit:
            assert (row["label"], row["steps"], row["success"]) == (label, steps, False)
            assert text in row["fault"] and row["fault"].isprintable()
        else:
            assert (row["label"], row["fault"]) == ("SUCCESS", "")
            assert row["digest"] == right[DUMBBELL, row["seed"]]


def test_the_fault_says_which_column_is_out_of_range(hostile, tmp_path, capsys):
    score(f"{hostile}:TooFar", tmp_path / "run", capsys=capsys)
    texts = [row["fault"] for row in rows(tmp_path / "run")]
    assert "not finite" in texts[0]
    assert "column 9 of ee_absolute (allowed -0.008 to 0.08)" in texts[2]


@pytest.mark.parametrize("name", ["Seeds", "Scribbles", "Prints", "FailsAlone", "List"])
def test_odd_habits_of_a_policy_change_nothing(hostile, name, tmp_path, capsys, small_shards):
    before = random.getstate(), np.random.get_state(), np.geterr()  # noqa: NPY002
    try:
        code, _, err = score(f"{hostile}:{name}", tmp_path / "run", capsys=capsys, count=8)
        assert np.geterr() == before[2]
    finally:
        random.setstate(before[0]), np.random.set_state(before[1])  # noqa: NPY002
    assert (code, err) == (0, [])
    assert digests(tmp_path / "run") == expert_digests(8)


def test_a_torch_policy_may_set_every_switch_of_torch(tmp_path):
    torch = pytest.importorskip("torch")

    class Torchy(Expert):
        def act(self, observation):
            torch.manual_seed(0)
            return super().act(observation)

    state = torch.get_rng_state()
    try:
        assert digests(evaluate(Torchy, panel(4, (DUMBBELL,)), out=tmp_path / "run")) == expert_digests(4)
    finally:
        torch.set_rng_state(state)


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("RaisesInInit", 1, "RuntimeError: no weights"),
        ("ExitsInInit", 1, "cannot be built"),
        ("RaisesInNeeds", 1, "RuntimeError: needs nothing"),
        ("NeedsText", 2, "must be a Needs"),
        ("NeedsCamera", 2, "did you mean tcp_position"),
        ("HalfSteps", 2, "whole number"),
        ("OddTraining", 1, "plain JSON"),
        ("NoSuchClass", 2, "unknown class"),
    ],
)
def test_a_policy_that_cannot_begin_is_refused_before_anything_is_written(
    hostile, name, code, text, tmp_path, capsys
):
    found, _, err = score(f"{hostile}:{name}", tmp_path / "run", capsys=capsys)
    assert (found, len(err)) == (code, 1)
    assert text in err[0] and "Traceback" not in err[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("harm", "label", "text"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "POLICY_ERROR", "its process died (exit code -11)"),
        ("os._exit(1)", "POLICY_ERROR", "its process died (exit code 1)"),
        ("sum(range(10**12))", "POLICY_TIMEOUT", "it hung and could not be interrupted"),
        (
            "while True:\n                try: time.sleep(9)\n                except Exception: pass",
            "POLICY_TIMEOUT",
            "hung",
        ),
        ("os.chdir('/'); print('x' * 5_000_000)", "", ""),
    ],
    ids=["crash", "exit", "hang in C", "never gives in", "other folder"],
)
def test_a_worker_that_a_policy_takes_down_costs_its_own_shard(
    harm, label, text, tmp_path, monkeypatch, small_shards, capfd
):
    file = tmp_path / "deadly.py"
    file.write_text(DEADLY.format(key=int(noise_key("1", DUMBBELL, 6)), harm=harm))
    monkeypatch.chdir(tmp_path)
    code, out, _ = score("deadly.py:Deadly", "run", "--deadline", 0.4, capsys=capfd, count=12, workers=2)
    assert code == 0 and "Lift Dumbbell" in out
    right = expert_digests(12)
    for row in rows(tmp_path / "run"):
        if label and 4 <= row["seed"] < 8:
            assert row["label"] == label and text in row["fault"] and not row["success"]
        else:
            assert (row["label"], row["digest"]) == ("SUCCESS", right[DUMBBELL, row["seed"]])


# ------------------------------------------------------------------------------------ the harness's faults


def test_a_fault_of_the_harness_is_retried_once_and_then_reported_never_scored(
    tmp_path, small_shards, monkeypatch, capsys
):
    measure, calls = LiftDumbbell.measure, []

    def broken(task, simulation):
        if 5 in simulation.seeds:
            calls.append(1)
            raise ZeroDivisionError("a sensor is missing")
        return measure(task, simulation)

    monkeypatch.setattr(LiftDumbbell, "measure", broken)
    run = tmp_path / "run"
    code, _, err = score("expert", run, capsys=capsys, count=12)
    assert code == 1 and len(calls) == 2
    assert len(err) == 1 and "1 of 3 shards" in err[0] and "ZeroDivisionError: a sensor is missing" in err[0]
    assert [row["seed"] for row in rows(run)] == [0, 1, 2, 3, 8, 9, 10, 11]
    assert len(read_card(run)["invalid_shards"]) == 1
    with pytest.raises(BimodalError, match="invalid shards"):
        entry_from_run(run)
    monkeypatch.setattr(LiftDumbbell, "measure", measure)
    kept = {file: file.stat().st_mtime_ns for file in run.glob("traces/*.npz")}
    assert score("expert", run, capsys=capsys, count=12)[0] == 0
    assert digests(run) == expert_digests(12)
    assert all(file.stat().st_mtime_ns == old for file, old in kept.items())
    assert read_card(run)["invalid_shards"] == []


def test_a_fault_of_the_harness_that_goes_away_leaves_no_mark(tmp_path, small_shards, monkeypatch):
    measure, calls = LiftDumbbell.measure, []

    def once(task, simulation):
        calls.append(1)
        if len(calls) == 7:
            raise MemoryError
        return measure(task, simulation)

    monkeypatch.setattr(LiftDumbbell, "measure", once)
    run = evaluate("expert", panel(8, (DUMBBELL,)), out=tmp_path / "run", workers=0)
    assert digests(run) == expert_digests(8) and read_card(run)["invalid_shards"] == []


def test_a_worker_that_dies_outside_the_policy_is_not_the_policys_fault(tmp_path, small_shards, capfd):
    file = tmp_path / "sabotage.py"
    file.write_text(
        "import os\nfrom bimodal.policies.experts import Expert as Plain\n"
        "from bimodal.tasks.lift_dumbbell import LiftDumbbell\nplain = LiftDumbbell.measure\n"
        "def measure(task, simulation):\n"
        "    if 5 in simulation.seeds: os._exit(7)\n"
        "    return plain(task, simulation)\n"
        "LiftDumbbell.measure = measure\nclass Expert(Plain): pass\n"
    )
    plain = LiftDumbbell.measure
    try:
        code, _, err = score(f"{file}:Expert", tmp_path / "run", capsys=capfd, count=12, workers=1)
    finally:
        LiftDumbbell.measure = plain
    assert (code, len(err)) == (1, 1) and "the worker died (exit code 7)" in err[0]
    assert [row["seed"] for row in rows(tmp_path / "run")] == [0, 1, 2, 3, 8, 9, 10, 11]


def test_an_entry_is_not_written_for_an_invalid_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(LiftDumbbell, "measure", lambda task, simulation: 1 / 0)
    monkeypatch.setitem(SUITES, "smoke", Suite("smoke", "1", (DUMBBELL, POST), range(4)))
    code, _, err = bimodal(
        *("evaluate", "zero", "--suite", "smoke", "--workers", "0", "--no-videos"),
        *("--out", tmp_path / "run", "--entry", tmp_path / "entries"),
        capsys=capsys,
    )
    assert (code, len(err)) == (1, 1) and "not scored" in err[0]
    assert not (tmp_path / "entries").exists()


# ------------------------------------------------------------------------------------------ folders, disks


def test_a_folder_holds_one_run(tmp_path, capsys):
    run = tmp_path / "run"
    assert score("zero", run, capsys=capsys)[0] == 0
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    for other in (("mean", run), ("zero", run, "--task", POST)):
        code, _, err = score(*other, capsys=capsys)
        assert (code, len(err)) == (2, 1) and "another run" in err[0] and "--fresh" in err[0]
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    assert score("mean", run, "--fresh", capsys=capsys)[0] == 0
    assert {row["label"] for row in rows(run)} == {"COLLISION_MID"}


@pytest.mark.parametrize("more", [(), ("--fresh",)])
def test_a_folder_that_is_not_a_run_is_left_alone(tmp_path, more, capsys):
    folder = tmp_path / "thesis"
    (folder / "chapters").mkdir(parents=True)
    (folder / "chapters" / "one.tex").write_text("Once upon a time")
    code, _, err = score("zero", folder, *more, capsys=capsys)
    assert (code, len(err)) == (2, 1) and "not a run folder" in err[0]
    assert sorted(path.name for path in folder.rglob("*")) == ["chapters", "one.tex"]


def test_shards_without_their_run_are_not_taken_over(tmp_path, capsys):
    score("mean", tmp_path / "run", capsys=capsys)
    (tmp_path / "run" / "run.json").unlink()
    assert score("zero", tmp_path / "run", capsys=capsys)[0] == 2


def test_an_error_does_not_keep_the_folder_locked(tmp_path):
    run = evaluate("zero", panel(4, (DUMBBELL,)), out=tmp_path / "run", workers=0)
    with pytest.raises(WrongUse, match="another run") as kept:
        evaluate("mean", panel(4, (DUMBBELL,)), out=run, workers=0)
    evaluate("zero", panel(4, (DUMBBELL,)), out=run, workers=0)
    assert kept.value


@pytest.mark.parametrize("command", ["evaluate", "videos"])
@pytest.mark.parametrize(
    "damage", [b"", b'{"schema_version": 1, "sui', b"[]", b"{}", b'{"schema_version": 99}']
)
def test_a_damaged_run_record_is_said_in_one_line(tmp_path, command, damage, capsys):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    (run / "run.json").write_bytes(damage)
    shards = {file: file.read_bytes() for file in run.glob("traces/*")}
    code, _, err = (
        score("zero", run, capsys=capsys) if command == "evaluate" else bimodal("videos", run, capsys=capsys)
    )
    assert (code, len(err)) == (2, 1) and str(run) in err[0]
    assert {file: file.read_bytes() for file in run.glob("traces/*")} == shards
    assert score("zero", run, "--fresh", capsys=capsys)[0] == 0


@pytest.mark.parametrize("keep", [0, 4, 2000])
def test_damaged_tables_are_said_in_one_line(tmp_path, capsys, keep):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    table = run / "episodes.parquet"
    table.write_bytes(table.read_bytes()[:keep])
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert code in (1, 2) and len(err) == 1 and "episodes.parquet" in err[0]


def test_lost_or_damaged_tables_are_mended_by_the_same_command(tmp_path, capsys):
    run = tmp_path / "run"
    score("zero", run, capsys=capsys)
    (run / "episodes.parquet").unlink()
    (run / "decisions.parquet").write_bytes(b"PAR1")
    code, _, err = bimodal("videos", run, capsys=capsys)
    assert (code, len(err)) == (1, 1) and "no episodes.parquet" in err[0]
    assert score("zero", run, capsys=capsys)[0] == 0
    assert len(rows(run)) == 4 and pq.read_table(run / "decisions.parquet").num_rows > 4


def _mounted(path, size):
    """Mount a small file system in memory; False where that is not allowed."""
    return (
        ctypes.CDLL(None, use_errno=True).mount(
            b"tmpfs", str(path).encode(), b"tmpfs", 0, f"size={size}".encode()
        )
        == 0
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_costs_no_finished_shard(tmp_path, small_shards, capsys, workers):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or not _mounted(disk, 80_000):
        pytest.skip("cannot mount a small file system here")
    try:
        code, _, err = score("expert", disk / "run", capsys=capsys, count=40, workers=workers)
        assert (code, len(err)) == (1, 1)
        assert "No space left" in err[0] and "finished shards are kept" in err[0]
        whole = list((disk / "run").rglob("*.npz"))
        assert 0 < len(whole) < 10
        for file in whole:
            read_shard(file)
        assert not [f for f in (disk / "run").rglob(".*") if f.name != ".lock"]
        shutil.copytree(disk / "run", tmp_path / "run")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    kept = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "run" / "traces").glob("*.npz")}
    assert score("expert", tmp_path / "run", capsys=capsys, count=40)[0] == 0
    assert {f: (tmp_path / "run" / "traces" / f).stat().st_mtime_ns for f in kept} == kept
    assert digests(tmp_path / "run") == expert_digests(40)


def test_a_file_that_may_not_grow_is_reported_in_one_line(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000));"
    found = subprocess.run(
        [sys.executable, "-c", limit + CLI, "evaluate", "expert", "--suite", "smoke", "--seeds", "4"]
        + ["--workers", "0", "--no-videos", "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1 and len(found.stderr.splitlines()) == 1
    assert "File too large" in found.stderr
    assert [f.name for f in (tmp_path / "run" / "traces").iterdir()] == []


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"MUJOCO_GL": "bogus"}, "MUJOCO_GL=bogus cannot draw"),
        ({"BIMODAL_GL": "none of egl,osmesa"}, "sudo apt-get install"),
    ],
)
def test_without_a_way_to_draw_the_scores_are_kept(tmp_path, monkeypatch, capsys, setting, text):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.delenv("BIMODAL_GL", raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    run = tmp_path / "run"
    code, out, err = bimodal(
        *(
            "evaluate",
            "expert",
            "--suite",
            "smoke",
            "--seeds",
            4,
            "--task",
            DUMBBELL,
            "--workers",
            0,
            "--out",
            run,
        ),
        capsys=capsys,
    )
    assert "Lift Dumbbell" in out and "4/4" in out
    assert (code, len(err)) == (1, 1) and text in err[0]
    assert len(rows(run)) == 4 and (run / "report.html").exists()
    assert not list(run.glob("videos/*.mp4"))


# -------------------------------------------------------------------------------- what a policy may know


def test_the_scene_seed_never_reaches_the_policy(tmp_path):
    met = []

    class Curious(Zero):
        def reset(self, episodes):
            met.append(episodes)

        def act(self, observation):
            met.append({name: array.dtype.kind for name, array in observation.items()})
            return super().act(observation)

    def keys(first, tasks=(DUMBBELL,)):
        met.clear()
        evaluate(
            Curious, panel(16, tasks, first), out=tmp_path / f"{first}{len(tasks)}", workers=0, fresh=True
        )
        return [e for e in met if isinstance(e, tuple) and len(e.noise_keys) > 1]

    (episodes,) = keys(0)
    assert episodes._fields == ("noise_keys", "simulation") and episodes.simulation is None
    assert episodes.noise_keys.dtype == np.uint64
    assert min(episodes.noise_keys) > 1_000_000, "a key is no seed"
    assert all(set(seen.values()) == {"f"} for seen in met if isinstance(seen, dict))
    first = [int(key) for key in episodes.noise_keys]
    assert len(set(first)) == 16
    assert [int(key) for key in keys(0)[0].noise_keys] == first, "equal in every run"
    assert [int(key) for key in keys(8)[0].noise_keys][:8] == first[8:], (
        "a matter of the seed, not of the row"
    )
    both = [int(key) for part in keys(0, (DUMBBELL, POST)) for key in part.noise_keys]
    assert len(set(both)) == 32, "other tasks, other noise"


def test_only_privileged_policies_get_the_simulation(tmp_path):
    class Lazy(Expert):
        def needs(self):
            return Needs(execute=16)

    run = evaluate(Lazy, panel(4, (DUMBBELL,)), out=tmp_path / "run", workers=0)
    assert {row["label"] for row in rows(run)} == {"POLICY_ERROR"}
    assert read_card(run)["policy"]["track"] == "state"


# ------------------------------------------------------------------------------------------------- suites


def test_the_hash_changes_with_everything_that_decides_an_episode(monkeypatch):
    base = Suite("core", "1", (DUMBBELL,), range(8))
    seen = {base.hash()}

    def differs(what, hashed):
        assert hashed not in seen, what
        seen.add(hashed)

    differs("seeds", base._replace(seeds=range(1, 9)).hash())
    differs("count", base._replace(seeds=range(9)).hash())
    differs("version", base._replace(version="2").hash())
    differs("task", base._replace(tasks=(POST,)).hash())
    differs("variant", base._replace(variants=("clean", "dark")).hash())
    for owner, name, value in (
        (suites, "SHARD_SIZE", 7),
        (suites.mujoco, "__version__", "4.0.1"),
        (scene, "TIMESTEP", 0.004),
        (scene, "SUBSTEPS", 5),
        (control, "DAMPING", 2e-3),
        (control, "NULLSPACE_GAIN", 0.2),
        (robot, "HOME", (0.0, -0.2, 0.0, -2.4, 0.0, 2.2, -0.7)),
        (suites.referee, "CLOSED", 0.004),
        (suites.specs, "GRID", 1e-6),
        (sys.modules["bimodal.tasks.lift_dumbbell"], "HUB", (0.09, 0.06, 0.065)),
        (LiftDumbbell, "success_height", 0.05),
        (LiftDumbbell, "horizon", 90),
        (LiftDumbbell, "dead_zone", (0.3, 0.7)),
        (LiftDumbbell, "spread", (0.03, 0.04, 0.1)),
        (LiftDumbbell, "hold_steps", 11),
    ):
        with monkeypatch.context() as change:
            change.setattr(owner, name, value)
            differs(name, base.hash())
    assert base.hash() in seen and base.hash() == base._replace(name="mine").hash()


def test_the_hash_does_not_change_with_words_or_processes(monkeypatch, tmp_path):
    before = SUITES["core"].hash()
    monkeypatch.setattr(LiftDumbbell, "__doc__", "Other words.")
    monkeypatch.setattr(LiftDumbbell, "goal", "Other words.")
    monkeypatch.setattr(scene, "__doc__", "Other words.")
    assert SUITES["core"].hash() == before
    program = "from bimodal.benchmark import SUITES; print(SUITES['core'].hash())"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == before


def test_a_cut_suite_carries_a_star():
    assert find_suite("core") is SUITES["core"]
    assert find_suite("core", task_names(), range(200)).name == "core"
    for cut in (
        find_suite("core", (POST,)),
        find_suite("core", (), range(50)),
        find_suite("smoke", (), range(1, 17)),
    ):
        assert cut.name.endswith("*")
        assert cut.hash() not in {suite.hash() for suite in SUITES.values()}
    assert find_suite("core", (POST, POST)).tasks == (POST,), "no task counts twice"


def test_suites_nest_and_share_no_seed_with_the_demonstrations():
    most = max(suite.seeds.stop for suite in SUITES.values())
    assert all(suite.seeds.start == 0 for suite in SUITES.values())
    sets = []
    for regime in demonstrations.REGIMES:
        for number in (0, 1, 5):
            seeds, _ = demonstrations.schedule(load_task(DUMBBELL), regime, 200, number)
            assert seeds.min() >= demonstrations.FIRST_SEED > most
            sets.append((number, set(seeds.tolist())))
    assert all(not a & b for i, a in sets for j, b in sets if i != j), "other sets, other scenes"
    with pytest.raises(WrongUse, match="0 or more"):
        demonstrations.schedule(load_task(DUMBBELL), "bi50", 200, -1)
    with pytest.raises(WrongUse):
        find_suite("core", (), range(999_990, 1_000_001))


@pytest.mark.parametrize("bad", [range(0), range(5, 3), range(0, 10, 2), range(-3, 3)])
def test_seeds_that_are_no_panel_are_refused(bad):
    with pytest.raises(WrongUse, match=r"START\.\.END"):
        find_suite("core", (), bad)


# ------------------------------------------------------------------------------------------- from Python


def test_a_class_is_scored_in_this_process(tmp_path):
    class Mine(Expert):
        description = "Mine."
        training = {"seeds": (1, 2), "steps": np.int64(3)}  # noqa: RUF012

    for _ in range(2):  # the second call finds everything done
        run = evaluate(Mine, panel(4, (DUMBBELL,)), out=tmp_path / "run")
    assert digests(run) == expert_digests(4)
    card = read_card(run)
    assert card["policy"]["description"] == "Mine." and card["policy"]["name"].endswith("Mine")
    assert card["training"] == {DUMBBELL: {"seeds": [1, 2], "steps": 3}}
    assert list(card["latency_ms"]) == [DUMBBELL]


def test_a_class_that_cannot_be_built_is_one_error(tmp_path):
    class Broken(Expert):
        def __init__(self, task):
            raise RuntimeError("no weights")

    with pytest.raises(BimodalError, match="no weights"):
        evaluate(Broken, panel(4), out=tmp_path / "run")


SCRIPT = """
from bimodal.benchmark import evaluate
from bimodal.policies.experts import Zero

class Mine(Zero):
    pass

print(evaluate(Mine, "smoke", seeds=range(4), out="class"))
print(evaluate({policy!r}, "smoke", seeds=range(4), workers=2, out="file"))
"""


@pytest.mark.parametrize("how", ["script", "stdin"])
def test_a_program_without_a_main_guard_may_evaluate(how, tmp_path):
    (tmp_path / "own.py").write_text("from bimodal.policies.experts import Zero\nclass Own(Zero): pass\n")
    program = SCRIPT.format(policy="own.py:Own" if how == "script" else "own:Own")
    (tmp_path / "script.py").write_text(program)
    command = [sys.executable, *(["script.py"] if how == "script" else ["-"])]
    found = subprocess.run(
        command,
        input=program if how == "stdin" else "",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.split() == ["class", "file"]
    assert digests(tmp_path / "class") == digests(tmp_path / "file")


@pytest.mark.parametrize(
    "options", [{"workers": -1}, {"threads": 0}, {"deadline_s": 0.0}, {"deadline_s": float("nan")}]
)
def test_impossible_options_are_refused(options, tmp_path):
    with pytest.raises(WrongUse):
        evaluate("zero", panel(4), out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_suite_object_speaks_for_itself(tmp_path):
    with pytest.raises(WrongUse, match="its own tasks and seeds"):
        evaluate("zero", panel(4), seeds=range(8), out=tmp_path / "run")


def test_the_lock_is_given_back(tmp_path):
    card = {"schema_version": 1, "suite": {}, "policy": {}, "training": None}
    first = RunFolder(tmp_path / "run", card)
    with pytest.raises(WrongUse, match="another run is writing"):
        RunFolder(tmp_path / "run", card)
    first.close()
    RunFolder(tmp_path / "run", card).close()


# ------------------------------------------------------------------------------------------------ memory


@pytest.mark.slow
def test_memory_is_flat_in_the_number_of_episodes(tmp_path):
    program = (
        "import resource, sys; from bimodal.benchmark import evaluate\n"
        f"seeds, tasks = range(int(sys.argv[1])), ['{DUMBBELL}']\n"
        "evaluate('expert', 'full', tasks=tasks, seeds=seeds, out=sys.argv[2], workers=0)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(episodes):
        found = subprocess.run(
            [sys.executable, "-c", program, str(episodes), str(tmp_path / str(episodes))],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(found.stdout)

    few, many = peak(200), peak(1000)
    assert many <= 1.3 * few, f"{few / 1024:.0f} MiB for 200 episodes, {many / 1024:.0f} MiB for 1000"
