"""The code of docs/integrations.md runs, and its table of actions names every function."""

import re
from pathlib import Path

import pytest
from bimodal.tasks.gym import foreign_actions

PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)
ELSEWHERE = "stable_baselines3"
"""Of the one package that is not ours."""


@pytest.mark.parametrize("block", [block for block in BLOCKS if ELSEWHERE not in block], ids=lambda b: b[:24])
def test_every_block_runs(block):
    exec(block, {})


def test_every_function_that_reads_foreign_actions_stands_in_the_table():
    functions = {name for name in vars(foreign_actions) if name.startswith("from_")}
    assert functions == set(re.findall(r"\| `(from_\w+)` \|", PAGE))
    assert len(BLOCKS) - 1 == sum(ELSEWHERE not in block for block in BLOCKS)
