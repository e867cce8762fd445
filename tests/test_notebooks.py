"""The notebooks of docs/notebooks say what the pages say, and run; tools/notebooks.py renews them."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from bimodal.tasks import task_names

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("notebooks_tool", ROOT / "tools" / "notebooks.py")
tool = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tool)


def kept(name):
    return json.loads((tool.FOLDER / f"{name}.ipynb").read_text())


def printed(notebook):
    """What the cells printed, as one text."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return "".join("".join(output.get("text", ())) for output in outputs)


@pytest.mark.parametrize("name", tool.NOTEBOOKS)
def test_a_notebook_has_the_cells_of_the_pages_and_was_run(name):
    found = kept(name)
    outputs = [cell.get("outputs") for cell in found["cells"]]
    assert found == tool.notebook(name, outputs), "old; run: python tools/notebooks.py"
    ran = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert len(ran) >= 2 and all(cell["outputs"] for cell in ran)
    assert "Traceback" not in printed(found)


@pytest.mark.parametrize("name", tool.NOTEBOOKS)
def test_links_of_a_notebook_lead_somewhere_and_its_page_links_to_it(name):
    text = "".join("".join(cell["source"]) for cell in kept(name)["cells"] if cell["cell_type"] == "markdown")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\((?!#|\w+:)([^)]+)\)", text)]
    assert targets and all((tool.FOLDER / target).exists() for target in targets)
    page = tool.NOTEBOOKS[name][0][0]
    assert f"notebooks/{name}.ipynb" in (tool.DOCS / page).read_text()


def test_the_tasks_that_the_first_notebook_lists_are_those_of_today():
    listed = re.findall(r"^  (\w+-v\d+)  ", printed(kept("first-score")), re.MULTILINE)
    assert listed == list(task_names()), "old; run: python tools/notebooks.py first-score"


@pytest.mark.slow
@pytest.mark.parametrize("name", tool.NOTEBOOKS)
def test_a_notebook_runs_and_prints_what_it_shows(name, tmp_path):
    pytest.importorskip("pandas")
    outputs = tool.run(name, tmp_path)
    now = printed(tool.notebook(name, outputs))
    varying = re.compile(r"[\d.:]+ ?(ms|s|min)\b|latency.*|\d+\.\d{6}|/tmp/\S+")  # times, and where files lie
    columns = [
        re.findall(r"PandaLift\w+-v1|\b(?:SUCCESS|COLLISION_MID)\b", text)
        for text in (now, printed(kept(name)))
    ]
    assert columns[0] == columns[1] and columns[0]
    assert len(varying.sub("", now).splitlines()) == len(varying.sub("", printed(kept(name))).splitlines())
