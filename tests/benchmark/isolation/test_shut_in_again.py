"""Policies that `diagnose` runs again are shut in as they were when they were scored."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from bimodal.benchmark.diagnosis import diagnose as diagnosis
from bimodal.benchmark.diagnosis.causes import read_causes
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.isolation.builder import Builder
from bimodal.benchmark.isolation.shapes import possible
from bimodal.envs.errors import BimodalError, WrongUse
from bimodal.policies import Episodes
from bimodal.tasks import load_task
from scoring import DUMBBELL, bimodal, panel

ODD = Path(__file__).parent / "hostile" / "odd.py"
pytestmark = pytest.mark.skipif(possible()[0] == "none", reason=possible()[1] or "nothing shuts in here")
SIBLINGS = """
class Told(Rises):
    description = "Is told its mode."

Rises.labelled_sibling = Told

class Reads(Rises):
    def needs(self):
        return Needs(("tcp_position", "tcp_rotation"), n_action_steps=16, privileged=True)
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Return a function that names a class of a file in a folder of its own."""
    folder = tmp_path_factory.mktemp("odd")
    folder.chmod(0o755)
    (folder / "odd.py").write_text(ODD.read_text() + SIBLINGS)
    return lambda name: f"{folder / 'odd.py'}:{name}"


@pytest.fixture(scope="module")
def failed(odd, tmp_path_factory):
    """One failed episode of a policy that only rises."""
    out = tmp_path_factory.mktemp("failed") / "run"
    return evaluate(odd("Rises"), panel(1, (DUMBBELL,)), EvalOptions(out=out, workers=0))


def test_policies_of_several_names_are_built_in_boxes_and_decide_as_here(odd):
    task = load_task(DUMBBELL)
    seen = {"tcp_position": np.zeros((2, 3)), "tcp_rotation": np.tile([1.0, 0, 0, 0, 1, 0], (2, 1))}
    acted = []
    for isolation in ("none", possible()[0]):
        with Builder(isolation=isolation) as builder:
            sibling = builder.labelled_sibling(odd("Rises"))
            both = [builder.build(uri, task) for uri in (odd("Rises"), sibling)]
            for policy in both:
                policy.reset(Episodes(np.array([3, 4], np.uint64)))
            acted += [policy.act(dict(seen)).actions for policy in both]
    assert type(both[0]).__name__ == "BoxedPolicy"
    assert all(np.array_equal(actions, acted[0]) for actions in acted)


def test_what_reads_the_simulator_is_refused_in_one_line(odd):
    with Builder(isolation=possible()[0]) as builder, pytest.raises(WrongUse, match="use --no-sandbox"):
        builder.build(odd("Reads"), load_task(DUMBBELL))


def test_the_command_shuts_in_what_is_not_bimodals_own(failed, monkeypatch, capsys):
    asked = []

    def refuse(uri, sandbox):
        asked.append((uri.rpartition(":")[2], sandbox))
        raise BimodalError("asked")

    monkeypatch.setattr(diagnosis, "isolation_of", refuse)
    for words in ((), ("--no-sandbox",), ("--sandbox",)):
        assert bimodal("diagnose", failed, *words, capsys=capsys)[2] == ["bimodal: asked"]
    assert asked == [("Rises", None), ("Rises", False), ("Rises", True)]


@pytest.mark.slow
def test_the_same_causes_come_out_shut_in_or_not(failed, tmp_path, capsys):
    found = []
    for number, words in enumerate(((), ("--no-sandbox",))):
        run = shutil.copytree(failed, tmp_path / str(number))
        assert bimodal("diagnose", run, "--reruns", 5, "--workers", 0, *words, capsys=capsys)[0] == 0
        found.append(read_causes(run).episodes)
    assert found[0] == found[1] and len(found[0]) == 1


@pytest.mark.slow
@pytest.mark.slow
def test_a_policy_that_ends_its_process_ends_the_diagnosis_in_one_line(odd, capsys):
    words = ("--search", "contact.knock", "--seeds", 2, "--task", DUMBBELL, "--workers", 0)
    code, _, err = bimodal("diagnose", odd("Exits"), *words, capsys=capsys)
    assert code == 1 and len(err) == 1 and "its process died (exit code 7)" in err[0]
