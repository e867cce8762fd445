"""Adding a task is one file: docs/add-a-task.md holds when it is followed to the letter."""

import os
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from added_tasks import BIMODAL, FILES, PAGE, ROOT, STOOL
from bimodal.cli.new_task import write_task
from broken_tasks import BROKEN

pytestmark = pytest.mark.usefixtures("nothing_stays_known")


def commands(text):
    """Return the lines of a page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def follow(lines, folder):
    """Run lines in one shell, in a folder; stops at the first that fails."""
    environment = {name: value for name, value in os.environ.items() if name != FILES}
    environment["PATH"] = f"{BIMODAL.parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", "-e"], input="\n".join(lines), cwd=folder, env=environment, capture_output=True, text=True
    )


LONG = "some minutes"
"""What the page says beside the command that takes long."""


@pytest.mark.slow
@pytest.mark.parametrize("all_lines", [False, True])
def test_the_guide_holds_when_followed_to_the_letter(all_lines, tmp_path):
    lines = [line for line in commands(PAGE.read_text()) if LONG not in line]
    pictures = [line for line in lines if line.split()[1] in ("view", "videos", "certify")]
    assert len(pictures) == 3
    done = follow(lines if all_lines else [line for line in lines if line not in pictures], tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert STOOL in done.stdout
    for run in ("stool-expert", "stool-mse"):
        assert set(pq.read_table(tmp_path / "runs" / run / "episodes.parquet")["task"].to_pylist()) == {STOOL}
    assert (tmp_path / "stool.png").exists() == all_lines


@pytest.mark.slow
def test_the_guides_task_passes_the_whole_certificate_up_to_the_probes_chance(tmp_path):
    (long,) = [line for line in commands(PAGE.read_text()) if LONG in line]
    write_task("PandaLiftStool", tmp_path)
    done = follow([long], tmp_path)
    failed = {row.strip().split("  ")[0] for row in re.findall("✗(.*)", done.stdout)}
    assert "flow, 8 of 16" in done.stdout and failed <= {"probe before"}, done.stdout[-4000:] + done.stderr


def test_the_guides_python_block_works(stool):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    names = {}
    exec(block, names)
    assert names["name"] == STOOL and names["env"].unwrapped.task is names["task"]


def test_the_guides_error_is_the_one_that_is_said(stool, bimodal):
    (old, new), _ = BROKEN["success"]
    stool.write_text(stool.read_text().replace(old, new))
    (shown,) = [line for line in PAGE.read_text().splitlines() if line.startswith("bimodal: ")]
    *_, err = bimodal("demos", "lift_stool.py")
    assert err[0].replace(f"{stool.parent}{os.sep}", "") == shown


def test_the_matrix_takes_a_file(stool):
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith("BIMODAL_TASKS=")]
    line = line.replace("$PWD", str(stool.parent)).replace("python", sys.executable, 1)
    done = follow([f"{line} -q -p no:cacheprovider --collect-only"], ROOT)
    assert done.returncode == 0 and done.stdout.count(f"[{STOOL}]") > 20, done.stdout[-2000:]
