"""What the documentation says is true: links, commands, the board, the glossary.

docs/glossary.md is renewed by `BIMODAL_WRITE_DOCS=1 python -m pytest tests/test_docs.py -k glossary`.
"""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
from bimodal.benchmark.metrics import METRICS
from bimodal.benchmark.report.pages.glossary_page import glossary_page
from bimodal.benchmark.suites import SUITES
from bimodal.cli.main import COMMANDS, build_parser
from bimodal.envs.perturbations.core.registry import perturbations
from bimodal.tasks import task_names
from bimodal.tasks.core.outcomes import OUTCOMES

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "leaderboard/RULES.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_and_picture_exists(page):
    text = page.read_text()
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_heading_finds_it(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / target if target else page).read_text()
        headings = [heading.lower() for heading in re.findall(r"^#+ (.*)$", text, re.M)]
        assert anchor in [re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings], target


@pytest.fixture(scope="module")
def spellings():
    """The options of every command, by its name, and those before one, by ""."""
    parser = build_parser()
    of = {"": parser, **{name: parser.get_command(None, name) for name in COMMANDS}}
    return {
        name: {one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in of.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_command_is_a_command_and_has_its_options(page, spellings):
    lines = re.findall(r"^(?:\.venv/bin/)?bimodal ([^#\n]*)", page.read_text(), flags=re.MULTILINE)
    for line in lines:
        named = re.search(r"^([a-z-]*)", line)[1].strip("-")
        command = "" if line.startswith("-") else named
        assert command in spellings, line
        options = set(re.findall(r"(?<=\s)(--[a-z-]+)", f" {line}"))
        assert options <= spellings[command] | {"--help"}, line


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
    assert "it is no benchmark of large models of language and vision" in text.split("## ")[0]
    citation = (ROOT / "CITATION.cff").read_text()
    version, title = (
        re.search(rf"^{name}: (.*)$", citation, re.MULTILINE)[1] for name in ("version", "title")
    )
    assert f"version = {{{version}}}" in text
    assert title.strip('"') in text.replace("{MuJoCo}", "MuJoCo")


def test_the_readme_counts_what_there_is():
    text = (ROOT / "README.md").read_text()
    assert f"- {len(task_names())} tasks with two to eight modes" in text
    assert f"{len(perturbations())} perturbations" in text
    entries = (ROOT / "leaderboard" / "entries").glob("*.json")
    policies = {json.loads(file.read_text())["policy"]["name"] for file in entries}
    assert f"{len(policies)} policies to compare with" in text
    smoke = sum(len(shard.seeds) for shard in SUITES["smoke"].shards())
    assert f"--suite smoke          # {smoke} episodes" in text


def test_the_glossary_explains_every_outcome_metric_and_family_of_perturbations():
    page = ROOT / "docs" / "glossary.md"
    if os.environ.get("BIMODAL_WRITE_DOCS"):
        page.write_text(glossary_page())
    text = page.read_text()
    assert text == glossary_page()
    rows = {row[0]: row[-1] for row in (re.findall(r"[^|]+", line) for line in text.splitlines()) if row[1:]}
    told = {name.strip(" `"): meaning.strip() for name, meaning in rows.items()}
    for name, meaning in {one.name: one.meaning for one in (*OUTCOMES.values(), *METRICS.values())}.items():
        assert told[name] == meaning
    for name in perturbations():
        family = name.partition(".")[0]
        assert f"`{name}`" in told[family] and f"*{family}*" in text.replace("*C", "*c"), family


def test_the_glossary_has_each_word_once_in_alphabetical_order():
    words, report, *_ = (ROOT / "docs" / "glossary.md").read_text().split("\n## ")[1:]
    named = re.findall(r"^- \*\*(.+?)\*\*: ", words, re.M)
    assert named == sorted(named, key=str.lower) and len(named) > 20
    assert not set(named) & set(re.findall(r"^- \*\*(.+?)\*\*: ", report, re.M))
