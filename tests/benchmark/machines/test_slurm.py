"""Runs as arrays of Slurm jobs, played here by submitit's local executor: the digests of a local run."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.records.run_folder import read_run_record
from bimodal.envs.errors import BimodalError, WrongUse
from scoring import digests, panel

PANEL = panel(4)._replace(block=2)
SLOW = """
import time
from bimodal.policies.baselines import Zero

class Mine(Zero):
    def act(self, observation):
        time.sleep(0.05)
        return super().act(observation)
"""


def test_without_submitit_one_line_names_the_extra(bimodal, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.split(".")[0] == "submitit" or "slurm_jobs" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "submitit", None)
    code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--out", tmp_path / "run", "--slurm", "2")
    assert code == 2 and err[-1].endswith("needs the package submitit: pip install 'bimodal-bench[slurm]'")


@pytest.mark.parametrize("text", ["", "0", "-1", "a", "2,timeout", "2,=3", "2,timeout_min=", "10001"])
def test_jobs_that_cannot_be_are_refused(text, bimodal):
    code, _, err = bimodal("evaluate", "zero", "--suite", "smoke", "--slurm", text)
    assert code == 2 and "--slurm" in err[-1]


@pytest.fixture
def submit(tmp_path):
    """Return a function that plays a run in jobs of this machine."""
    pytest.importorskip("submitit", reason="needs the extra slurm")
    from bimodal.benchmark.machines.slurm_jobs import SlurmJobs, evaluate_on_slurm

    def play(policy="mean", jobs=2, cluster="local", suite=PANEL, parameters=None, **options):
        options = EvalOptions(tmp_path / "run", workers=1, **options)
        return evaluate_on_slurm(policy, suite, options, SlurmJobs(jobs, parameters or {}, cluster))

    return play


@pytest.mark.slow
def test_the_merged_run_is_the_local_one(submit, tmp_path):
    local = evaluate("mean", PANEL, EvalOptions(tmp_path / "local", workers=1))
    seen = []
    run = submit(progress=lambda done, total: seen.append((done, total)))
    assert digests(run) == digests(local)
    record = read_run_record(run)
    assert [str(one.part) for one in record.parts] == ["part 1 of 2", "part 2 of 2"]
    assert seen[-1] == (8, 8)
    assert not list((tmp_path / "run.parts").glob("*of*")), "parts that are merged are gone"
    with pytest.raises(WrongUse, match="holds a run already"):
        submit()
    assert digests(submit(fresh=True)) == digests(local)


@pytest.mark.slow
def test_a_preempted_job_is_queued_again_and_goes_on(submit, tmp_path, monkeypatch):
    import submitit

    (tmp_path / "mine.py").write_text(SLOW)
    mine = f"{tmp_path / 'mine.py'}:Mine"
    jobs = []
    submitted = submitit.AutoExecutor.map_array
    monkeypatch.setattr(
        submitit.AutoExecutor, "map_array", lambda *given: jobs.extend(found := submitted(*given)) or found
    )
    traces = tmp_path / "run.parts" / "1of1" / "traces"
    first = {}

    def preempt():
        while not list(traces.glob("[!.]*.npz")):
            time.sleep(0.1)
        first.update({file: file.stat().st_mtime_ns for file in traces.glob("[!.]*.npz")})
        controller = int(jobs[0].job_id)
        task = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()[0]
        os.kill(int(task), signal.SIGUSR2)  # as Slurm does before it takes a job's machine away

    thread = threading.Thread(target=preempt)
    thread.start()
    kept = {}
    watch = lambda *_: kept.update({f: f.stat().st_mtime_ns for f in traces.glob("[!.]*.npz")})  # noqa: E731
    run = submit(mine, jobs=1, progress=watch)
    thread.join()
    logs = "".join(file.read_text() for file in (tmp_path / "run.parts" / "logs").glob("*.err"))
    assert logs.count("this job is preempted") == 1
    assert first and {file: kept[file] for file in first} == first, "what was finished was not played again"
    assert digests(run) == digests(evaluate("zero", PANEL, EvalOptions(tmp_path / "local", workers=1)))


@pytest.mark.slow
def test_a_part_that_cannot_be_played_and_no_slurm_are_one_line(submit, tmp_path):
    with pytest.raises(BimodalError, match="the jobs cannot be submitted: "):
        submit(cluster="slurm", parameters={"no_such_parameter": 1})
    (folder := tmp_path / "run.parts" / "1of2").mkdir(parents=True)
    (folder / "note.txt").write_text("mine")
    with pytest.raises(BimodalError, match=r"part 1 of 2 could not be played: .* is not a run folder"):
        submit()
    assert (folder / "note.txt").read_text() == "mine"
