"""What a run is: its policy with every file that makes it, its suite with every axis, where it was made."""

import json

import pytest
from bimodal.benchmark.evaluation.describe import describe
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.evaluation.worker_process import Job, attempt
from bimodal.benchmark.records.run_folder import RunFolder
from bimodal.benchmark.rollout import timeouts
from bimodal.benchmark.rollout.shard import Shard
from bimodal.benchmark.rollout.timeouts import Deadline
from bimodal.benchmark.suites import find_suite
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies.experts import Expert
from scoring import DUMBBELL, VERSION, bimodal, panel, rows, score

IN_PARTS = """
from pathlib import Path
from bimodal.policies.baselines import Zero
import sys
sys.path.insert(0, str(Path(__file__).parent))
from helper import GAIN
sys.path.pop(0)

class Mine(Zero):
    def __init__(self, task):
        super().__init__(task)
        self.gain = float((Path(__file__).parent / "weights" / "w.txt").read_text())
        (Path(__file__).parent / "log.txt").write_text("built")
"""


@pytest.fixture
def in_parts(tmp_path):
    """Return the URI of a policy of three files: its own, a module and weights."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.txt").write_text("0.01")
    (tmp_path / "helper.py").write_text("GAIN = 1\n")
    (tmp_path / "mine.py").write_text(IN_PARTS)
    return f"{tmp_path / 'mine.py'}:Mine"


def test_a_policy_is_every_file_that_it_imports_and_opens(in_parts):
    for _ in range(2):  # the second time everything is imported already
        record = describe(in_parts, panel(1), EvalOptions(workers=0))
        assert set(record.policy.artifacts) == {"mine.py", "helper.py", "weights/w.txt"}
    apart = describe(in_parts, panel(1), EvalOptions(workers=1, sandbox=False))
    assert apart.policy == record.policy and apart.training == record.training


@pytest.mark.parametrize("part", ["weights/w.txt", "helper.py"])
def test_a_changed_part_is_another_policy(in_parts, tmp_path, part, capsys):
    run = tmp_path / "run"
    assert score(in_parts, run, capsys=capsys, count=1)[0] == 0
    code, _, err = score(in_parts, run, capsys=capsys, count=1)
    assert code == 0 and "nothing was run: all 1 episodes are from" in err[0] and "--fresh" in err[0]
    with (tmp_path / part).open("a") as file:
        file.write("1")
    code, _, err = score(in_parts, run, capsys=capsys, count=1)
    assert (code, len(err)) == (2, 1) and "another policy" in err[0]


def test_weights_that_are_replaced_while_a_run_goes_on_stop_it(in_parts, tmp_path):
    artifacts = describe(in_parts, panel(1, (DUMBBELL,)), EvalOptions(workers=0)).policy.artifacts
    job = Job(in_parts, None, VERSION, artifacts=artifacts)
    shard = Shard(DUMBBELL, "clean", 0, (0,))
    assert attempt(job, job.source(), shard, tmp_path / "a.npz", Deadline()) == ""
    (tmp_path / "weights" / "w.txt").write_text("0.05")
    with pytest.raises(BimodalError, match=r"weights/w\.txt of the policy was replaced"):
        attempt(job, job.source(), shard, tmp_path / "b.npz", Deadline())
    assert not (tmp_path / "b.npz").exists()


def test_one_name_for_two_files_is_refused(tmp_path):
    class Vague(Expert):
        def artifacts(self):
            return {"model.pt": self.task.id.ljust(64, "0")}

    with pytest.raises(WrongUse, match=r"another model\.pt for"):
        describe(Vague, panel(1), EvalOptions(workers=0))


AXIS = """
from bimodal.envs.perturbations.core.perturbation import Perturbation

class Dust(Perturbation):
    name = "world.{name}"
    unit = "g"
    levels = (0.0, 1.0, 2.0, 3.0)
    def perturb_model(self, model, *_):
        model.opt.gravity[2] *= {factor}
"""


def test_an_edited_axis_file_is_another_suite_and_known_suites_keep_their_hashes(tmp_path, monkeypatch):
    known = {name: find_suite(name).hash() for name in ("smoke", "core")}
    file = tmp_path / "dust.py"
    file.write_text(AXIS.format(name="dust", factor=1))
    monkeypatch.setenv("BIMODAL_AXES", str(file))
    assert {name: find_suite(name).hash() for name in known} == known
    shifted = find_suite("smoke", variants=["world.dust:2"])
    before = shifted.hash()
    file.write_text(AXIS.format(name="dust", factor=3))
    assert shifted.hash() != before
    file.write_text(AXIS.format(name="dust", factor=1))
    assert shifted.hash() == before


# -------------------------------------------------------------------------------------- where it was made


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda old: old["machine"].update(cpu="Another processor"), "cpu Another processor then and"),
        (lambda old: old["machine"]["kernels"].update(openblas="Prescott"), "openblas Prescott then and"),
        (
            lambda old: old["machine"]["kernels"].update(switches="OPENBLAS_CORETYPE=Haswell"),
            "switches OPENBLAS_CORETYPE=Haswell then and unset now",
        ),
        (lambda old: old["options"].update(deadline_s=5.0), "deadline_s 5.0 then and 30.0 now"),
    ],
    ids=["processor", "kernel", "switch", "deadline"],
)
def test_a_run_goes_on_only_where_and_as_it_was_begun(tmp_path, monkeypatch, change, text):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    record = describe("zero", panel(1, (DUMBBELL,)), EvalOptions(workers=0))
    RunFolder(tmp_path / "run", record).close()
    old = record.plain()
    change(old)
    (tmp_path / "run" / "run.json").write_text(json.dumps(old))
    with pytest.raises(WrongUse) as error:
        RunFolder(tmp_path / "run", record)
    assert text in str(error.value) and "\n" not in str(error.value)


def test_what_an_older_record_does_not_tell_is_not_compared(tmp_path):
    record = describe("zero", panel(1, (DUMBBELL,)), EvalOptions(workers=0))
    assert set(record.machine.kernels) >= {"openblas", "numpy", "switches"}
    RunFolder(tmp_path / "run", record).close()
    old = record.plain()
    del old["machine"]["kernels"], old["run_id"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(old))
    run = RunFolder(tmp_path / "run", record)
    assert run.resumed
    run.close()


# ---------------------------------------------------------------------------------- before anything is run


BUILD = """
from bimodal.policies.baselines import Zero
class Mine(Zero):
    def __init__(self, task):
        """


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        ("import os; os._exit(0)", "its process ended (exit code 0)"),
        ("import signal; signal.setitimer(signal.ITIMER_REAL, 0); sum(range(10**13))", "come to an end"),
    ],
    ids=["exit", "hang"],
)
def test_a_constructor_can_neither_end_nor_hang_the_run(tmp_path, monkeypatch, capsys, harm, text):
    if "sum" in harm:
        monkeypatch.setattr(timeouts, "BUILD_DEADLINE_S", 1.0)
    (tmp_path / "mine.py").write_text(BUILD + harm)
    code, _, err = score(f"{tmp_path / 'mine.py'}:Mine", tmp_path / "run", capsys=capsys, count=1, workers=1)
    assert (code, len(err)) == (1, 1) and text in err[0] and "cannot be built" in err[0]
    assert not (tmp_path / "run").exists()


def test_a_file_named_like_a_module_of_python_does_not_end_the_workers(tmp_path, monkeypatch, capfd):
    (tmp_path / "queue.py").write_text("x = 1\n")
    (tmp_path / "json.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    code, _, _ = score("zero", "run", capsys=capfd, count=1, workers=1)
    assert code == 0 and len(rows(tmp_path / "run")) == 1


def test_a_class_name_moves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Far(Expert):
        pass

    Far.__qualname__ = "x/../../../../far"
    run = evaluate(Far, panel(1, (DUMBBELL,)))
    assert run.resolve().parent == tmp_path / "runs" and "/" not in run.name


def test_a_class_may_not_take_the_name_of_one_of_bimodals_own():
    with pytest.raises(WrongUse, match="rename it"):
        describe(type("expert", (Expert,), {}), panel(1, (DUMBBELL,)), EvalOptions(workers=0))


ENTRIES = {
    "name": ("class _Mine(Zero): pass", "policy.name"),
    "description": ("class _Mine(Zero): description = 'x' * 700", "policy."),
    "training": ("class Mine(Zero): training = {'loss': float('nan')}", "not finite"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_cannot_be_is_refused_before_the_first_episode(name, tmp_path, capsys):
    line, text = ENTRIES[name]
    (tmp_path / "mine.py").write_text(f"from bimodal.policies.baselines import Zero\n{line}\n")
    uri = f"{tmp_path / 'mine.py'}:{'_Mine' if '_Mine' in line else 'Mine'}"
    more = ("--suite", "smoke", "--workers", 0, "--out", tmp_path / "run", "--entry", tmp_path / "entries")
    code, _, err = bimodal("evaluate", uri, *more, capsys=capsys)
    assert (code, len(err)) == (1, 1) and text in err[0]
    assert not (tmp_path / "run").exists()


def test_an_entry_has_a_place_before_the_first_episode(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    more = ("--suite", "smoke", "--workers", 0, "--out", tmp_path / "run", "--entry", tmp_path / "file")
    code, _, err = bimodal("evaluate", "zero", *more, capsys=capsys)
    assert code != 0 and len(err) == 1 and "no entry can be written" in err[0]
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------ the policy's fault


class MovesOn(Expert):
    """Answers the first question only: that before the run."""

    asked = 0

    def needs(self):
        MovesOn.asked += 1
        if MovesOn.asked > 1:
            raise RuntimeError("model server gone")
        return super().needs()


class Calls(Expert):
    """Hangs code of its own into the simulator."""

    def act(self, observation):
        import mujoco

        mujoco.set_mjcb_control(lambda model, data: None)
        return super().act(observation)


@pytest.mark.parametrize(
    ("kind", "text"), [(MovesOn, "model server gone"), (Calls, "it set MuJoCo's callback mjcb_control")]
)
def test_what_breaks_the_harness_is_the_policys_fault(kind, text, tmp_path):
    run = evaluate(kind, panel(2, (DUMBBELL,)), EvalOptions(out=tmp_path / "run"))
    assert {row["label"] for row in rows(run)} == {"POLICY_ERROR"}
    assert all(text in row["fault"] for row in rows(run))


def test_more_steps_than_an_episode_has_are_refused():
    class Far(Expert):
        def needs(self):
            return super().needs()._replace(n_action_steps=10**10)

    with pytest.raises(WrongUse, match="n_action_steps is 10000000000; an episode of"):
        describe(Far, panel(1, (DUMBBELL,)), EvalOptions(workers=0))
