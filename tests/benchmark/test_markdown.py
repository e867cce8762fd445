"""Tables of Markdown: one line a row, and no cell that breaks one."""

import jinja2
import pytest
from bimodal.benchmark.report.pages.markdown import markdown_page, markdown_section, markdown_table


def test_a_table_has_a_line_for_every_row_and_escapes_what_would_break_a_cell():
    assert markdown_table(("a", "b"), [("1", "x|y"), ("2", "")]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| 1 | x\\|y |",
        "| 2 |  |",
    ]


def test_a_page_ends_with_one_line_break_and_its_parts_with_none():
    assert markdown_page("variants", sections=["## A", "## B"]).endswith(".\n\n## A\n\n## B\n")
    assert markdown_section("variants", sections=["## A"]).endswith("## A")


def test_what_a_template_asks_for_and_does_not_get_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="sections"):
        markdown_page("variants")
