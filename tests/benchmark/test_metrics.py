"""The metrics: each is declared once, and every table, page and file finds it.

docs/metrics.md is renewed by `BIMODAL_WRITE_DOCS=1 python -m pytest tests/benchmark/test_metrics.py -k docs`.
"""

import csv
import json
import os
from pathlib import Path

import pytest
from bimodal.benchmark.metrics import METRICS, metric
from bimodal.benchmark.report.pages.metrics_page import metrics_page
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.report.terminal_tables import run_table
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.scoring.task_scores import score_run, score_suite, score_task
from bimodal.benchmark.suites import SUITES
from bimodal.leaderboard.board_table import board_table
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.folders import read_folders
from bimodal.leaderboard.site.build import build_site
from bimodal.tasks.core.outcomes import SUCCESS
from episode_columns import columns
from fabricated import outcome, run_folder
from rich.console import Console

DUMBBELL, POST = SUITES["smoke"].tasks
LEFT, RIGHT = outcome("SUCCESS", 0, 0.02, 80), outcome("SUCCESS", 1, 0.99, 90)
MIDDLE, LATE = outcome("COLLISION_MID", -1, 0.5, 40), outcome("TIMEOUT", 0, 0.02, 100)
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def run(tmp_path):
    mixed = [LEFT] * 8 + [RIGHT] * 4 + [MIDDLE] * 3 + [LATE]
    return run_folder(tmp_path / "run", {DUMBBELL: mixed, POST: [LEFT] * 16})


def printed(table):
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_every_metric_by_hand(run):
    """Of the dumbbell: 8 left, 4 right, 3 averaged, 1 too late in the left mode; of the post: always one."""
    clean = [score for score in score_run(read_run(run)) if score.variant == "clean"]
    dumbbell, post = (score.metrics for score in clean)
    assert dumbbell["success"].estimate == 12 / 16 and dumbbell["averaging_rate"].estimate == 3 / 16
    assert dumbbell["minority_share"] == pytest.approx(1 / 3)
    assert dumbbell["commitment"] == 13 / 16
    assert dumbbell["coverage"] == 1.0 and post["coverage"] == 0.5
    assert 0.9 < dumbbell["mode_entropy"] <= 1.0 and post["mode_entropy"] == 0.0
    assert dumbbell["mode_distance"] == pytest.approx((2 / 3 - 1 / 2 + 1 / 2 - 1 / 3) / 2)
    assert post["mode_distance"] == 0.5, "one of two modes"
    assert dumbbell["steps_mean"] == (8 * 80 + 4 * 90 + 3 * 40 + 100) / 16
    assert (dumbbell["latency_p50_ms"], dumbbell["latency_p99_ms"]) == (1.5, 3.25)
    total = score_suite(clean).metrics
    assert total["minority_share"] == 0.0, "the smallest of any task"
    assert total["commitment"] == (13 / 16 + 1) / 2, "every task weighs the same"


def test_a_question_without_an_answer_is_none_and_left_out_of_the_mean():
    lost = score_task(DUMBBELL, "clean", columns(["TIMEOUT"], [-1]))
    won = score_task(POST, "clean", columns([SUCCESS] * 2, [0, 0]))
    for name in ("minority_share", "mode_entropy", "mode_distance", "latency_p50_ms"):
        assert lost.metrics[name] is None
    assert score_suite([lost, won]).metrics["mode_entropy"] == won.metrics["mode_entropy"]


def test_a_barred_mode_is_what_is_hit_away_from_the_middle_before_any_mode_is_taken():
    """Of these one succeeds, one drops what it had, two hit a barred mode, one averages, one never acts."""
    labels = [SUCCESS, "DROP", "COLLISION_OTHER", "COLLISION_OTHER", "COLLISION_MID", "NO_ATTEMPT"]
    found = score_task(DUMBBELL, "clean", columns(labels, [0, 1, -1, -1, -1, -1])).metrics
    assert found["feasible_choice"].estimate == 2 / 4
    late = score_task(DUMBBELL, "clean", columns(["COLLISION_OTHER"], [1])).metrics
    assert late["feasible_choice"].estimate == 1, "what is hit after a mode was taken barred none"
    idle = score_task(DUMBBELL, "clean", columns(["NO_ATTEMPT"], [-1])).metrics
    assert idle["feasible_choice"] is None


def test_a_metric_is_added_to_the_board_by_one_function(run, tmp_path):
    """It is found in the terminal's tables, in the report, on the site, in board.csv and board.json."""
    before = dict(METRICS)
    try:

        @metric("Left-handedness", "n_0 / n", short="left\nhand", on_board=True, digits=1)
        def left_handedness(episodes):
            """The share of episodes that realise the first mode."""
            return float((episodes.modes == 0).mean())

        assert list(METRICS) == [*before, "left_handedness"]
        assert "left hand" in printed(run_table(read_run(run)))
        page = write_report(run).read_text()
        assert "Left-handedness" in page and ">56.2</td>" in page and "n_0 / n" in page
        entry = entry_from_run(run)
        assert "left_handedness" not in json.dumps(entry.plain()), "entries stay as they are"
        board = printed(board_table([entry]))
        assert "left" in board and "hand" in board and "78.1" in board
        write_entry(entry, tmp_path / "entries")
        site = build_site(read_folders([tmp_path / "entries"]).entries, tmp_path / "site")
        assert "Left-handedness" in site.read_text() and "<b>78.1</b>" in site.read_text()
        with (site.parent / "board.csv").open() as file:
            lines = [line for line in csv.DictReader(file) if line["variant"] == "clean"]
        assert [float(line["left_handedness"]) for line in lines] == [9 / 16, 1.0]
        (row,) = json.loads((site.parent / "board.json").read_text())[0]["rows"]
        assert row["left_handedness"] == 25 / 32 and row["cells"][0]["left_handedness"] == 9 / 16
        assert "left_handedness" in metrics_page()
    finally:
        METRICS.clear()
        METRICS.update(before)


def test_every_metric_is_on_the_page_of_the_docs():
    if os.environ.get("BIMODAL_WRITE_DOCS") == "1":
        PAGE.write_text(metrics_page())
    assert PAGE.read_text() == metrics_page()
