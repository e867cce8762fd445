"""`bimodal --help` comes at once: its row in `make speed`."""

import pytest
from bimodal.benchmark.speed import start_up


@pytest.mark.parametrize("words", [("--help",), ("evalute",), ("evaluate", "flow", "--suit", "smoke")])
def test_help_and_typos_cost_a_few_empty_pythons(words):
    row = start_up.help_row(2, words)
    assert row.met and row.value > 1.0, row


@pytest.mark.parametrize(
    ("code", "least", "most"),
    [("for _ in range(8_000_000): pass", 4.0, 1e3), ("import time; time.sleep(1)", 0.3, 3.0)],
)
def test_the_row_counts_what_a_process_computes_and_not_how_long_it_waits(code, least, most, monkeypatch):
    monkeypatch.setattr(start_up, "_COMMAND", code)
    assert least < start_up.help_row(2).value < most
