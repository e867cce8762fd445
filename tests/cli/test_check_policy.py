"""`bimodal check POLICY`: the trial in a process of its own, its lines and its exit code."""

import json
import shutil
from pathlib import Path

FLAWED = Path(__file__).parents[1] / "flawed_policies.py"


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
