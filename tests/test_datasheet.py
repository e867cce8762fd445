"""The page docs/datasheet.md: every figure is measured, on the demonstrations that policies learnt from.

It is renewed by `python tools/datasheet.py`, after a new task by `python tools/datasheet.py TASK`.
"""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from bimodal.policies.vision.vision_policy import VisionPolicy
from bimodal.tasks import load_task, task_names
from bimodal.tasks.core.fingerprint import fingerprint
from bimodal.tasks.demonstrations.collect import collect

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "datasheet.md").read_text()
ADVICE = "docs/datasheet.md is old; see this file's first lines"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("datasheet_tool", ROOT / "tools" / "datasheet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(name):
    """Return the lines of a table by their task."""
    (block,) = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE, re.S)
    return {line.split("|")[1].strip(): line for line in block.splitlines()[2:]}


def test_every_task_is_there_and_the_constants_are_those_of_the_code(tool):
    tables = [lines(name) for name in ("paired", "graded", "human")]
    paired, graded, human = tables
    *recorded, people = human
    assert tuple(paired) == tuple(recorded) == task_names() and list(graded) == sorted(graded)
    assert human[people] == tool.people_row()
    assert tool.filled(PAGE, *(list(table.values()) for table in tables)) == PAGE, ADVICE
    assert all(len(line.split("|")) == len(tool.PAIRED) + 2 for line in paired.values())


def test_lines_of_named_and_of_new_tasks_are_measured_and_the_others_stay(tool, monkeypatch):
    first, second, *_ = tuple(lines("paired"))
    monkeypatch.setattr(tool, "recorded", lambda task, regime: (task, regime))
    for name in ("paired", "graded", "human"):
        monkeypatch.setattr(tool, f"{name}_row", lambda set_: f"| {set_[0]} | {set_[1]} |")
    without = PAGE.replace(lines("human")[second] + "\n", "")
    page = tool.renew(without, [first])
    changed = {line for line in page.splitlines() if line not in PAGE.splitlines()}
    assert changed == {f"| {first} | bi50 |", f"| {first} | human |", f"| {second} | human |"}
    assert tool.renew(PAGE, []) == PAGE


def test_the_published_weights_learnt_from_the_same_tasks_scenes_and_counts(tool):
    cards = [json.loads(file.read_text()) for file in (ROOT / "policies" / "checkpoints").glob("*/*.json")]
    learnt = [card["training"]["demonstrations"] for card in cards if "training" in card]
    named = [one for one in learnt if "fingerprint" in one]
    assert {one["regime"] for one in named} == tool.SIZES.keys()
    assert {one["fingerprint"] for one in named} == {fingerprint(load_task(task)) for task in lines("graded")}
    pictures = ("bi50", VisionPolicy.episodes, 0)
    assert {(one["regime"], one["episodes"], one["seed"]) for one in learnt} == {
        pictures,
        *((regime, size, 0) for regime, size in tool.SIZES.items()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("task", ["PandaLiftTrefoil-v1", "PandaPickAroundPost-v1"])
def test_a_line_is_what_is_measured_again(tool, task):
    assert tool.paired_row(collect(load_task(task))) == lines("paired")[task], ADVICE


@pytest.mark.slow
def test_a_line_of_people_is_what_is_measured_again(tool):
    task = "PandaLiftPot-v1"
    assert tool.human_row(collect(load_task(task), "human", tool.HUMAN_SIZES[0])) == lines("human")[task], (
        ADVICE
    )
