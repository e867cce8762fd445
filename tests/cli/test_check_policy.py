"""`bimodal check POLICY`: the trial in a process of its own, its lines and its exit code."""

import json
import shutil
from pathlib import Path

import pytest
from bimodal.benchmark.isolation.shapes import possible

FLAWED = Path(__file__).parents[1] / "flawed_policies.py"

ALL_WRONG = """
import numpy as np
from bimodal.policies import Policy

class Mine(Policy):
    def act(self, observation):
        action = [0.5, -3, 0.25, 1, 0, 0, 0, -1, 0, 0.0625]
        return {"actions": np.tile(action, (len(observation["tcp_position"]), 1))}
"""


def test_a_sound_policy_is_sound_and_its_pace_is_told(bimodal):
    code, out, err = bimodal("check", "zero")
    assert (code, err) == (0, [])
    assert out.startswith("zero: sound; a decision takes ") and out.endswith("its actions 400 ms\n")


def test_what_a_policy_keeps_between_batches_is_told_behind_a_filter_and_in_json(bimodal, tmp_path):
    shutil.copy(FLAWED, tmp_path / "mine.py")
    code, out, _ = bimodal(
        "check", "safe(mine.py:CountsCalls)", "--task", "PandaLiftPot-v1", "--json", "--no-sandbox"
    )
    told = json.loads(out)
    assert code == 1 and len(told["problems"]) == 1 and "number of workers" in told["problems"][0]
    assert told["checked"] == "safe(mine.py:CountsCalls)" and told["budget_ms"] == 800


def test_a_policy_that_ends_its_process_is_told_so(bimodal):
    code, out, _ = bimodal("check", f"{FLAWED}:Vanishes", "--no-sandbox")
    text = " ".join(out.split())
    assert code == 1 and "the trial was broken off: its process ended (exit code 3)" in text
    assert text.endswith("Vanishes: 1 problem")


def test_what_is_neither_policy_nor_entry_is_wrong_use(bimodal, hostile):
    for words, text in (
        (("flo",), "unknown policy 'flo': did you mean flow"),
        ((hostile,), "names a file but no class"),
        (("missing.py:Mine",), "no policy file"),
    ):
        code, out, err = bimodal("check", *words)
        assert (code, out, len(err)) == (2, "", 1) and text in err[0]


@pytest.mark.skipif(possible()[0] == "none", reason="nothing shuts in here")
def test_everything_wrong_with_an_answer_is_told_at_once_from_inside_the_box(bimodal, tmp_path):
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "mine.py").write_text(ALL_WRONG)
    code, out, _ = bimodal("check", "policy/mine.py:Mine")
    lines = " ".join(out.split())
    assert code == 1
    for said in (
        "act returned a dict with the keys ['actions']; return Decision(actions); expected",
        "act returned actions of shape (2, 10); expected (2, >=8, 10)",
        "act asked for position[1] = -3 in column 1 of ee_absolute, 1 beyond the allowed -2 to 2: clip it",
        "policy/mine.py:Mine: 3 problems",
    ):
        assert said in lines
