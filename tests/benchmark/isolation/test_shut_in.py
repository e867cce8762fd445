"""A run with its policy shut in gives the same episodes, and faults are the policy's."""

import os
import shutil
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation import choice
from bimodal.benchmark.isolation.shapes import possible
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.envs.errors import BimodalError, WrongUse
from scoring import DUMBBELL, digests, panel, rows

ODD = Path(__file__).parent / "hostile" / "odd.py"
pytestmark = pytest.mark.skipif(possible()[0] == "none", reason=possible()[1] or "nothing shuts in here")


@pytest.fixture
def odd(tmp_path):
    """Return a function that names a class of a file in a folder of its own."""
    folder = tmp_path / "policy"
    folder.mkdir()
    shutil.copy(ODD, folder / "odd.py")
    return lambda name: f"{folder / 'odd.py'}:{name}"


def run(uri, out, sandbox=None, count=4, deadline_s=600.0):
    options = EvalOptions(out=out, workers=1, sandbox=sandbox, deadline_s=deadline_s)
    return evaluate(uri, panel(count, (DUMBBELL,)), options)


def test_the_same_episodes_come_out_shut_in_or_not(odd, tmp_path):
    inside, outside = (run(odd("Rises"), tmp_path / str(how), how) for how in (None, False))
    assert digests(inside) == digests(outside)
    assert read_run_record(inside).isolation == possible()[0]
    assert read_run_record(outside).isolation == "none"
    assert "isolation" not in (outside / "run.json").read_text()


@pytest.mark.parametrize(
    ("name", "label", "fault"),
    [
        ("Raises", "POLICY_ERROR", "KeyError: 'left'"),
        ("Interrupts", "POLICY_ERROR", "KeyboardInterrupt"),
        ("Sleeps", "POLICY_TIMEOUT", "no decision within 1 s"),
        pytest.param("TakesMemory", "POLICY_ERROR", "MemoryError", marks=pytest.mark.slow),
        pytest.param("Exits", "POLICY_ERROR", "its process died (exit code 7)", marks=pytest.mark.slow),
        ("Lies", "POLICY_ERROR", "Nonsense: a message of"),
    ],
)
def test_what_goes_wrong_in_the_box_is_the_policys_fault(
    odd, tmp_path, small_shards, name, label, fault, capfd
):
    out = run(odd(name), tmp_path / "run", count=2, deadline_s=1.0 if name == "Sleeps" else 600.0)
    assert {row["label"] for row in rows(out)} == {label}
    assert all(row["fault"].startswith(fault) for row in rows(out))
    if name == "Raises":
        assert "odd.py" in (out / "faults.txt").read_text()
    if name == "Exits":
        assert "last words" in capfd.readouterr().err, "what it printed before it ended is shown"


@pytest.mark.skipif(bool(os.getuid()) or possible()[0] != "bwrap", reason="only root's box has another user")
def test_weights_that_only_their_owner_may_read_are_named_with_what_mends_it(odd, tmp_path):
    weights = Path(odd("").rpartition("/")[0]) / "weights.safetensors"
    weights.write_bytes(b"numbers")
    weights.chmod(0o600)
    with pytest.raises(BimodalError, match=r"weights\.safetensors.*chmod a\+r weights\.safetensors"):
        run(odd("Loads"), tmp_path / "run")
    weights.chmod(0o644)
    assert len(rows(run(odd("Loads"), tmp_path / "run", count=1))) == 1


def test_what_it_prints_cannot_command_a_terminal(odd, tmp_path, capfd):
    run(odd("Prints"), tmp_path / "run", count=1)
    out, err = capfd.readouterr()
    assert "hellohellohello" in err and "\033" not in out + err


def test_what_reads_the_simulator_is_not_run(odd, tmp_path):
    with pytest.raises(WrongUse, match="use --no-sandbox"):
        run(odd("Privileged"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_where_nothing_shuts_in_it_must_be_said(odd, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "possible", lambda: ("none", "no kernel"))
    with pytest.raises(WrongUse, match=r"cannot shut a policy in \(no kernel\); --no-sandbox"):
        run(odd("Rises"), tmp_path / "run")
    assert choice.isolation_of("flow", None) == "none", "Bimodal's own need no box"


def test_a_policy_in_the_home_folder_would_see_all_of_it(odd, monkeypatch):
    monkeypatch.setenv("HOME", str(Path(odd("x")).parent))
    with pytest.raises(WrongUse, match="put it into a folder of its own"):
        choice.isolation_of(odd("Rises"), None)
