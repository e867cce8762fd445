"""What the documentation says is true: links, commands, the board."""

import importlib.util
import re
from pathlib import Path

import pytest
from bimodal.benchmark.suites import SUITES
from bimodal.cli.main import COMMANDS, build_parser
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.tasks import task_names

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_and_picture_exists(page):
    text = page.read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_command_is_a_command(page):
    named = re.findall(r"^(?:\.venv/bin/)?bimodal ([a-z-]+)", page.read_text(), flags=re.MULTILINE)
    options = {name for parameter in build_parser().params for name in parameter.opts}
    assert set(named) <= set(COMMANDS) | options


def test_every_make_target_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert named and named <= targets


def test_the_figures_of_the_board_are_those_of_the_entries():
    spec = importlib.util.spec_from_file_location("readme_tool", ROOT / "tools" / "readme.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert "<!-- results -->" in tool.PAGES[0].read_text() and "<!-- board -->" in tool.PAGES[1].read_text()
    for page in tool.PAGES:
        text = page.read_text()
        assert tool.filled(text) == text, "run: python tools/readme.py"


def test_the_readme_says_what_there_is_not_and_how_to_cite():
    text = (ROOT / "README.md").read_text()
    assert "no pictures yet" in text.split("## ")[0]
    citation = (ROOT / "CITATION.cff").read_text()
    version, title = (
        re.search(rf"^{name}: (.*)$", citation, re.MULTILINE)[1] for name in ("version", "title")
    )
    assert f"version = {{{version}}}" in text
    assert title.strip('"') in text.replace("{MuJoCo}", "MuJoCo")


def test_the_readme_counts_what_there_is():
    text = (ROOT / "README.md").read_text()
    assert f"- {len(task_names())} tasks with two to four modes" in text
    assert f"{len(perturbations())} perturbations" in text
    assert f"{len(list((ROOT / 'leaderboard' / 'entries').glob('*.json')))} policies to compare with" in text
    smoke = sum(len(shard.seeds) for shard in SUITES["smoke"].shards())
    assert f"--suite smoke          # {smoke} episodes" in text
