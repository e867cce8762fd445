"""The one list of outcomes: complete, grouped, and the only place that knows what a name means."""

import re
from pathlib import Path

from bimodal.tasks.core import referee
from bimodal.tasks.core.outcomes import GROUPS, OUTCOMES, SUCCESS, averaged, count_outcomes, succeeded

ROOT = Path(__file__).parents[2]
FAULTS = ["POLICY_ERROR", "POLICY_TIMEOUT", "POLICY_INVALID_ACTION"]


def test_only_success_scores_and_only_the_two_of_the_middle_average():
    assert [name for name, outcome in OUTCOMES.items() if outcome.success] == [SUCCESS]
    assert [name for name, outcome in OUTCOMES.items() if outcome.averaging] == [
        "COLLISION_MID",
        "AIR_GRASP_MID",
    ]
    assert [name for name, outcome in OUTCOMES.items() if outcome.policy_fault] == FAULTS
    assert succeeded([SUCCESS, "SLIP"]).tolist() == [True, False]
    assert averaged([SUCCESS, "COLLISION_MID", "COLLISION_OTHER"]).tolist() == [False, True, False]


def test_every_group_has_an_outcome_and_every_outcome_its_words():
    assert list(dict.fromkeys(outcome.group for outcome in OUTCOMES.values())) == list(GROUPS)
    for name, outcome in OUTCOMES.items():
        assert outcome.name == name and outcome.meaning.endswith(".")
        assert outcome.short or outcome.success


def test_outcomes_are_counted_in_the_order_of_their_groups():
    counts = count_outcomes(["TIMEOUT", "COLLISION_MID", "SUCCESS", "SLIP", "SUCCESS"])
    assert list(counts.items()) == [("SUCCESS", 2), ("COLLISION_MID", 1), ("SLIP", 1), ("TIMEOUT", 1)]


def test_the_referee_says_in_which_order_every_outcome_is_tried():
    """The numbered list in its docstring names each once; faults and successes outrank what was touched."""
    told = re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b(?:SUCCESS|DROP|SLIP|TIMEOUT)\b", referee.__doc__)
    assert sorted(told) == sorted(OUTCOMES)
    code = Path(referee.__file__).read_text().partition("conditions = {")[2].partition("}")[0]
    tried = re.findall(r'"([A-Z_]+)":', code)
    assert [name for name in told if name in tried] == tried


def test_nobody_else_guesses_what_an_outcome_is_from_its_name():
    """No `endswith("_MID")`, no `startswith("POLICY")`, no second table of names."""
    for room in ("envs", "tasks", "policies", "benchmark", "leaderboard", "cli"):
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text()
            if file.name != "outcomes.py":
                assert not re.search(r'with\(\W?"(_MID|POLICY|SIM_|COLLISION)', text), file
                assert text.count('"AIR_GRASP_MID"') <= 1, file
