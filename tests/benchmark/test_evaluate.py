"""The evaluator called from Python, and its memory."""

import subprocess
import sys

import numpy as np
import pytest
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import RunFolder, read_run_record
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies.experts import Expert
from scoring import DUMBBELL, digests, expert_digests, panel


def test_a_class_is_scored_in_this_process(tmp_path):
    class Mine(Expert):
        description = "Mine."
        training = {"seeds": (1, 2), "steps": np.int64(3)}  # noqa: RUF012

    for _ in range(2):  # the second call finds everything done
        run = evaluate(Mine, panel(4, (DUMBBELL,)), EvalOptions(out=tmp_path / "run"))
    assert digests(run) == expert_digests(4)
    record = read_run_record(run)
    assert record.policy.description == "Mine." and record.policy.name.endswith("Mine")
    assert record.training == {DUMBBELL: {"seeds": [1, 2], "steps": 3}}
    assert list(record.latency_ms) == [DUMBBELL]


def test_a_class_that_cannot_be_built_is_one_error(tmp_path):
    class Broken(Expert):
        def __init__(self, task):
            raise RuntimeError("no weights")

    with pytest.raises(BimodalError, match="no weights"):
        evaluate(Broken, panel(4), EvalOptions(out=tmp_path / "run"))


SCRIPT = """
from bimodal.benchmark import EvalOptions, evaluate, find_suite
from bimodal.policies.baselines import Zero

class Mine(Zero):
    pass

some = find_suite("smoke", seeds=range(4), variants=())
print(evaluate(Mine, some, EvalOptions("class")))
print(evaluate({policy!r}, some, EvalOptions("file", workers=2, sandbox=False)))
"""


@pytest.mark.parametrize("how", ["script", pytest.param("stdin", marks=pytest.mark.slow)])
def test_a_program_without_a_main_guard_may_evaluate(how, tmp_path):
    (tmp_path / "own.py").write_text("from bimodal.policies.baselines import Zero\nclass Own(Zero): pass\n")
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
        evaluate("zero", panel(4), EvalOptions(out=tmp_path / "run", **options))
    assert not (tmp_path / "run").exists()


def test_the_lock_is_given_back(tmp_path):
    record = describe("zero", panel(4, (DUMBBELL,)), EvalOptions())
    first = RunFolder(tmp_path / "run", record)
    with pytest.raises(WrongUse, match="another run is writing"):
        RunFolder(tmp_path / "run", record)
    first.close()
    RunFolder(tmp_path / "run", record).close()


# ------------------------------------------------------------------------------------------------ memory


@pytest.mark.slow
def test_memory_is_flat_in_the_number_of_episodes(tmp_path):
    program = (
        "import resource, sys; from bimodal.benchmark import EvalOptions, evaluate, find_suite\n"
        f"suite = find_suite('full', ('{DUMBBELL}',), range(int(sys.argv[1])), ())\n"
        "evaluate('expert', suite, EvalOptions(sys.argv[2], workers=0))\n"
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
