"""The tutorial holds: its blocks run in the order of the page, and what it says comes out."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from bimodal.cli import main as cli

README = Path(__file__).parent.parent / "README.md"
DOCS = README.parent / "docs"
TASK = "PandaLiftDumbbell-v1"
CARD = "most_likely_failure"


def blocks(page):
    """Return the language and text of every block of a page that a reader runs, in its order."""
    return re.findall(r"^```(sh|python|toml)\n(.*?)^```", (DOCS / page).read_text(), re.S | re.M)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """First score, then read the data, in one folder and this process; `videos` is left to the slow test."""
    folder, names, said = tmp_path_factory.mktemp("tutorial"), {}, {}
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for page in ("first-score.md", "read-the-data.md"):
            for language, text in blocks(page):
                if language == "python":
                    if "pandas" in text:
                        pytest.importorskip("pandas")
                    said[text] = printed(exec, text, names)
                    continue
                for line in text.splitlines():
                    words = shlex.split(line)[1:]
                    if words[0] != "videos":
                        here = ["--workers", "0"] if words[0] == "evaluate" else []
                        said[line] = printed(cli.main, words + here)
    return SimpleNamespace(folder=folder, said=said)


def printed(call, *arguments):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert not call(*arguments), output.getvalue()
    return output.getvalue()


def rates(run):
    """Return the shares of a run that succeeded and that averaged."""
    table = pq.read_table(run / "episodes.parquet")
    return [sum(table[name].to_pylist()) / len(table) for name in ("success", "averaging")]


def test_one_policy_averages_and_the_other_is_better(session):
    mse, flow = (rates(session.folder / "runs" / f"first-{name}") for name in ("mse", "flow"))
    assert mse[0] < 0.4 and mse[1] > 0.5, "averages in most episodes"
    assert flow[0] > 0.9 and flow[1] < 0.1, "grasps in nearly all"
    (compared,) = [text for line, text in session.said.items() if "compare" in line]
    assert "better" in compared


def test_the_columns_that_the_page_explains_are_those_of_the_table(session):
    (table,) = [text for line, text in session.said.items() if "evaluate mse" in line and "first" in line]
    told = re.findall(r"^\| `(\w+)`", (DOCS / "first-score.md").read_text(), re.M)
    assert told and all(name in table for name in told)


def test_the_demonstrations_part_late_and_the_table_of_pairs_has_twenty_episodes(session):
    (read,) = [text for block, text in session.said.items() if "np.load" in block]
    assert read.startswith(f"{TASK} (20, ")
    assert 10 < int(read.split()[-1]) < 30
    (pairs,) = [text for block, text in session.said.items() if "crosstab" in block]
    assert sum(map(int, re.findall(r"(?<= )\d+\b", pairs))) == 20


def test_how_to_cite_is_the_same_in_both_places():
    said = [re.findall(r"```bibtex\n.*?```", file.read_text(), re.S) for file in (README, DOCS / "cite.md")]
    assert said[0] == said[1] and len(said[0]) == 1


# ----------------------------------------------------------------------- as a newcomer, in an empty folder


def follow(page, folder, leave_out="make "):
    """Run a page to the letter in one shell: commands, Python blocks as programs, files as it says."""
    script = ["set -e"]
    program = ""
    for language, text in blocks(page):
        if language == "toml":
            script += [f"sed -i '/^{CARD}\\|^rejection/d' card.toml", f"cat >> card.toml <<'END'\n{text}END"]
        elif language == "python":
            program += text
            name = {"train-your-own.md": "my_flow.py", "submit.md": "my_policy.py"}.get(page, "program.py")
            script.append(f"cat > {name} <<'END'\n{program}END")
            script += ["python program.py"] * (name == "program.py")
        else:
            script += [line for line in text.splitlines() if not line.startswith(leave_out)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_a_newcomer_who_trains_gets_a_policy_that_commits(tmp_path, drawing):
    follow("first-score.md", tmp_path)
    assert (tmp_path / "runs" / "first-mse" / "report.html").exists()
    said = follow("train-your-own.md", tmp_path)
    success, averaging = rates(tmp_path / "runs" / "mine")
    assert success > 0.7 and averaging < 0.2 and "better" in said
    lines = [line for line in (tmp_path / "my_flow.py").read_text().splitlines() if line.strip()]
    assert len(lines) < 70, "about 60"


@pytest.mark.slow
def test_a_newcomer_who_submits_gets_an_entry_that_is_replayed(tmp_path):
    said = follow("submit.md", tmp_path)
    assert "replayed: all 96 episodes come out to the last bit" in said
