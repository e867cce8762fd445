"""Every table of the terminal at 80 and 120 columns: all of its words are there, whatever the width."""

import io

import pytest
from bimodal.benchmark.certificate.certificate import Certificate, Check
from bimodal.benchmark.certificate.certify import certificate_table
from bimodal.benchmark.report.terminal_tables import policy_table, run_table, shift_table, task_table
from bimodal.benchmark.rich_table import number_table, plain_table
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.suites import find_suite
from fabricated import outcome, run_folder
from rich.console import Console
from rich.text import Text

LONG = ("PandaPickAroundPost-v1", "PandaPlaceEitherNest-v1")
SHIFTS = ("scene.distractors:2+sensing.latency:2", "contact.friction:2")
LEFT, SLIP, FAULT = outcome("SUCCESS", 0, 0.0), outcome("SLIP", -1, 0.1), outcome("POLICY_ERROR")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a policy with a long name on tasks and variants with long names."""
    suite = find_suite("core", LONG, range(12), SHIFTS)
    episodes = dict.fromkeys(LONG, [LEFT] * 7 + [SLIP] * 4 + [FAULT])
    name = "a_policy_of_mine_with_a_name_of_fifty_characters_x"
    return read_run(run_folder(tmp_path_factory.mktemp("run"), episodes, policy=name, suite=suite))


def printed(table, width):
    console = Console(width=width, color_system=None, file=io.StringIO(), highlight=False)
    console.print(table)
    return console.file.getvalue()


def words(table):
    """Return what a table says in its heads and cells."""
    cells = [cell for column in table.columns for cell in (column.header, *column.cells)]
    plain = [cell.plain if isinstance(cell, Text) else Text.from_markup(cell).plain for cell in cells]
    return {word for text in plain for word in text.split()}


def check(table, width):
    text = printed(table, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert words(table) <= set(text.split()), words(table) - set(text.split())
    return text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("make", [run_table, shift_table])
def test_tables_of_a_run_are_whole(run, make, width):
    text = check(make(run), width)
    assert run.record.policy.name in text or make is shift_table


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("make", [task_table, policy_table])
def test_lists_show_whole_names(make, width):
    check(make(), width)


@pytest.mark.parametrize("width", [80, 120])
def test_a_certificate_is_whole(width):
    checks = (
        Check(1, "second half of the panel", "successes of every mode", "1234/1234, 99.6 %", ">= 95 %", True),
        Check(2, "stated dead zone 0-1", "mixtures the task calls dead", "0.30-0.70 ████", "in 0.25", False),
    )
    found = Certificate(LONG[0], False, checks, "0" * 16, {"mujoco": "4.0.0"}, {}, 61.0)
    check(certificate_table(found), width)


def test_what_has_no_room_follows_below_the_same_names():
    rows = [("first row", *("[76,98]",) * 12), ("second row", *("-10.7",) * 12)]
    text = check(number_table("title", ("of", *(f"column{i}" for i in range(12))), rows), 80)
    assert text.count("first row") == text.count("second row") == 2
    assert text.count("title") == 1


def test_a_caption_is_not_folded_to_the_width_of_a_narrow_table():
    table = plain_table("title", "a long caption " * 8)
    table.add_column("name")
    table.add_row("x")
    for width, lines in ((120, 2), (40, 4)):
        text = printed(table, width)
        assert sum("caption" in line for line in text.splitlines()) == lines
        assert max(map(len, text.splitlines())) <= width


def test_a_name_wider_than_the_terminal_is_folded_not_cut():
    table = plain_table()
    for column in ("name", "value"):
        table.add_column(column, no_wrap=True)
    table.add_row("x" * 150, "12.5")
    text = printed(table, 80)
    assert text.count("x") == 150 and "12.5" in text
    assert max(map(len, text.splitlines())) <= 80
