"""The documentation as a site: it builds without a warning, opens from disk, and its search finds things."""

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytest.importorskip("furo")
from browser import BROWSER, Browser

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SHOWN = ("docs/index", "docs/train-your-own", "docs/datasheet", "docs/spaces", "docs/api/policies", "README")
"""Pages with code, wide tables, long words and pictures."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-d", out / "trees"]
    done = subprocess.run([*words, ".", out / "site"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / "site"


def imported(text):
    """Return the dotted names that the Python blocks of a page import from Bimodal."""
    for module, names in re.findall(r"^from (bimodal[\w.]*) import ([\w, ]+)$", text, re.M):
        yield from (f"{module}.{name.strip()}" for name in names.split(","))


def test_whatever_a_page_imports_is_on_a_page_of_the_api(site):
    packed = (site / "objects.inv").read_bytes().split(b"zlib.\n", 1)[1]
    known = {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}
    short = {name.rpartition(".")[2] for name in known}
    used = {name for page in (ROOT / "docs").glob("*.md") for name in imported(page.read_text())}
    assert len(used) > 8
    assert not {name for name in used if name not in known and name.rpartition(".")[2] not in short}


def test_every_command_is_there_and_nothing_is_loaded_from_elsewhere(site):
    from bimodal.cli.main import COMMANDS

    commands = (site / "docs" / "api" / "commands.html").read_text()
    assert all(f'<section id="{name}">' in commands for name in COMMANDS)
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|link)[^>]* (?:src|href)="([^"]+)"', page.read_text())
        assert not [address for address in loaded if "://" in address], page


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium")
def test_no_page_is_wider_than_a_phone_and_the_search_finds_a_word(site, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.look(390, 844, phone=True)
        for page in SHOWN:
            browser.open(f"file://{site}/{page}.html")
            assert browser.run("document.documentElement.scrollWidth") <= 390, page
        browser.look(1280, 900)
        browser.open(f"file://{site}/search.html?q=averaging")
        browser.wait("document.querySelector('ul.search')?.textContent.includes('Glossary')")
        assert browser.complaints == []
