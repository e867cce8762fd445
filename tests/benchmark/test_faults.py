"""Blame where it belongs: what goes wrong in a policy, in the harness, or before the first episode."""

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.benchmark.suites import SUITES, Suite
from bimodal.envs.errors import BimodalError
from bimodal.envs.random_streams import noise_key
from bimodal.leaderboard.entry import entry_from_run
from bimodal.tasks.lift_dumbbell import LiftDumbbell
from scoring import DUMBBELL, POST, VERSION, bimodal, digests, expert_digests, panel, rows, score

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
    "RaisesBaseException": ("POLICY_ERROR", "Sly: not an Exception", [0, 1, 2, 3], 0),
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
    # short where it is missed for certain; the others may take as long as this machine needs
    deadline_s = 0.2 if label == "POLICY_TIMEOUT" else 600
    code, out, err = score(f"{hostile}:{name}", tmp_path / "run", "--deadline", deadline_s, capsys=capsys)
    said = ["bimodal: every episode was ended by a fault of the policy"] if len(hit) == 4 else []
    assert (code, err) == (len(said), said)
    kept = tmp_path / "run" / "faults.txt"
    assert kept.is_file() == (label in ("POLICY_ERROR", "POLICY_TIMEOUT"))
    if kept.is_file():
        found = kept.read_text()
        # one that swallowed the interruption is found late, outside its own code
        assert name == "Swallows" or "hostile_policies.py" in found
        assert found.replace("\n", "").isprintable()
        assert f"{kept.name} has the first traceback" in " ".join(out.split()).replace("- ", "-")
    assert label in out and f"policy's fault in {len(hit) if name != 'TooFar' else 1} episode" in out
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
    file.write_text(DEADLY.format(key=int(noise_key(VERSION, DUMBBELL, 6)), harm=harm))
    monkeypatch.chdir(tmp_path)
    deadline_s = 2 if label == "POLICY_TIMEOUT" else 600
    code, out, _ = score(
        "deadly.py:Deadly", "run", "--deadline", deadline_s, capsys=capfd, count=12, workers=2
    )
    assert code == 0 and "Lift Dumbbell" in out
    right = expert_digests(12)
    for row in rows(tmp_path / "run"):
        if label and 4 <= row["seed"] < 8:
            assert row["label"] == label and text in row["fault"] and not row["success"]
        else:
            assert (row["label"], row["digest"]) == ("SUCCESS", right[DUMBBELL, row["seed"]])


# ---------------------------------------------------------------------------------------- not to be built


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("RaisesInInit", 1, "RuntimeError: no weights"),
        ("ExitsInInit", 1, "cannot be built"),
        ("RaisesInNeeds", 1, "RuntimeError: needs nothing"),
        ("NeedsText", 2, "must be a Needs"),
        ("OldNeeds", 2, "its name is now `n_action_steps`"),
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
    assert len(read_run_record(run).invalid_shards) == 1
    with pytest.raises(BimodalError, match="invalid shards"):
        entry_from_run(run)
    monkeypatch.setattr(LiftDumbbell, "measure", measure)
    kept = {file: file.stat().st_mtime_ns for file in run.glob("traces/*.npz")}
    assert score("expert", run, capsys=capsys, count=12)[0] == 0
    assert digests(run) == expert_digests(12)
    assert all(file.stat().st_mtime_ns == old for file, old in kept.items())
    assert read_run_record(run).invalid_shards == ()


def test_a_fault_of_the_harness_that_goes_away_leaves_no_mark(tmp_path, small_shards, monkeypatch):
    measure, calls = LiftDumbbell.measure, []

    def once(task, simulation):
        calls.append(1)
        if len(calls) == 7:
            raise MemoryError
        return measure(task, simulation)

    monkeypatch.setattr(LiftDumbbell, "measure", once)
    run = evaluate("expert", panel(8, (DUMBBELL,)), EvalOptions(out=tmp_path / "run", workers=0))
    assert digests(run) == expert_digests(8) and read_run_record(run).invalid_shards == ()


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
    (line,) = err
    assert code == 1 and "the worker died (exit code 7)" in line
    assert [row["seed"] for row in rows(tmp_path / "run")] == [0, 1, 2, 3, 8, 9, 10, 11]


def test_an_entry_is_not_written_for_an_invalid_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(LiftDumbbell, "measure", lambda task, simulation: 1 / 0)
    monkeypatch.setitem(SUITES, "smoke", Suite("smoke", "1", (DUMBBELL, POST), range(4)))
    code, _, err = bimodal(
        *("evaluate", "zero", "--suite", "smoke", "--workers", "0", "--no-videos"),
        *("--out", tmp_path / "run", "--entry", tmp_path / "entries"),
        capsys=capsys,
    )
    assert (code, len(err)) == (1, 2) and "contract card" in err[0] and "not scored" in err[1]
    assert not (tmp_path / "entries").exists()
