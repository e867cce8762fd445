"""Tables of Markdown: one line a row, and no cell that breaks one."""

from bimodal.benchmark.report.markdown import markdown_table


def test_a_table_has_a_line_for_every_row_and_escapes_what_would_break_a_cell():
    assert markdown_table(("a", "b"), [("1", "x|y"), ("2", "")]).splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| 1 | x\\|y |",
        "| 2 |  |",
    ]
