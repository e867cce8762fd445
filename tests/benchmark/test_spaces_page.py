"""The page docs/spaces.md: a line for every number that a task shows.

It is renewed by `BIMODAL_WRITE_DOCS=1 python -m pytest tests/benchmark/test_spaces_page.py -k page`.
"""

import os
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from bimodal.benchmark.report.pages.spaces_page import element_table, spaces_page
from bimodal.tasks import load_task, task_names
from gymnasium.wrappers import FlattenObservation

PAGE = Path(__file__).parents[2] / "docs" / "spaces.md"


def test_the_page_of_spaces_is_the_generated_one():
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        PAGE.write_text(spaces_page())
    assert PAGE.read_text() == spaces_page(), "docs/spaces.md is old; see this file's first lines"


@pytest.mark.parametrize("name", task_names())
def test_a_tasks_table_explains_every_number_of_the_flat_observation(name):
    env = FlattenObservation(gymnasium.make(f"bimodal/{name}"))
    observation, _ = env.reset(seed=4)
    task = load_task(name)
    inner = env.unwrapped._observe()
    assert (observation == np.concatenate([inner[spec.name] for spec in task.observation])).all()
    rows = [line.split(" | ") for line in element_table(task.observation).splitlines()[2:]]
    assert [int(row[0].removeprefix("| ")) for row in rows] == list(range(len(observation)))
    assert [float(row[-2]) for row in rows] == env.observation_space.low.tolist()
    assert [float(row[-1].removesuffix(" |")) for row in rows] == env.observation_space.high.tolist()
