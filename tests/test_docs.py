"""What the documentation says is true: links, commands, the board."""

import importlib.util
import re
from pathlib import Path

import pytest
from bimodal.cli.main import COMMANDS, build_parser

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


def test_the_board_in_the_readme_is_the_printed_board():
    spec = importlib.util.spec_from_file_location("readme_tool", ROOT / "tools" / "readme.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = (ROOT / "README.md").read_text()
    assert tool.filled(text) == text, "run: python tools/readme.py"
