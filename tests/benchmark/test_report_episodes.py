"""The episodes behind a report: their rows and files, and the numbers and pictures that lead to them."""

import csv
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from bimodal.benchmark.report.episode_rows import episode_rows, page_data, read_additions, write_rows
from bimodal.benchmark.report.inline_bars import interval_bar, latency_bar, pair_bar
from bimodal.benchmark.report.run_origin import demonstrated_shares
from bimodal.benchmark.report.run_report import write_pages, write_report
from bimodal.benchmark.report.run_tables import arm_rates, cause_rows
from bimodal.benchmark.report.survival_plot import time_plots
from bimodal.benchmark.scoring.perturbation_effects import measure_effects
from bimodal.benchmark.scoring.run_episodes import read_run
from bimodal.benchmark.statistics.rates import Interval, clopper_pearson, rate
from bimodal.benchmark.statistics.survival import success_curve
from bimodal.benchmark.suites import SUITES
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.tasks.core.outcomes import OUTCOMES
from fabricated import outcome, run_folder
from scipy import stats

DUMBBELL, POST = SUITES["smoke"].tasks
SHIFTED = SUITES["smoke"].variants[1]
LEFT, RIGHT = outcome("SUCCESS", 0, 0.02, 40), outcome("SUCCESS", 1, 0.99, 90)
MIDDLE, IDLE = outcome("COLLISION_MID", -1, 0.5, 40), outcome("NO_ATTEMPT")
HOSTILE = "</script><script>alert(1)</script>"
FORMATS = Path(__file__).parents[2] / "docs" / "data-formats.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in which seeds 0 to 3 of one variant end otherwise than clean."""
    ends = {DUMBBELL: [LEFT, MIDDLE, LEFT, RIGHT] * 4, POST: [LEFT, IDLE] * 8}
    found = read_run(run_folder(tmp_path_factory.mktemp("report"), ends))
    cell = found.cells[DUMBBELL, SHIFTED]
    labels, modes = cell.labels.copy(), cell.modes.copy()
    labels[:2], modes[:4] = ["SLIP", "SUCCESS"], [0, 1, 1, 1]
    faults = cell.faults.copy()
    faults[5] = HOSTILE
    found.cells[DUMBBELL, SHIFTED] = replace(cell, labels=labels, modes=modes, faults=faults)
    return found


@pytest.fixture(scope="module")
def rows(run):
    return episode_rows(run, read_additions(run))


@pytest.fixture(scope="module")
def page(run):
    return write_pages(run, run.folder).read_text()


# ---------------------------------------------------------------------------------------------- rows


def test_rows_say_how_an_episode_differs_from_its_clean_twin(rows):
    place = rows["variant"].index(SHIFTED)
    assert rows["change"][place : place + 5] == ["broken", "fixed", "other mode", "", ""]
    assert not any(rows["change"][:16])


def test_csv_and_json_hold_the_same_rows_and_nothing_that_is_no_number(rows, run, tmp_path):
    write_rows(rows, tmp_path)
    plain = json.loads((tmp_path / "episodes.json").read_text(), parse_constant=pytest.fail)
    table = list(csv.DictReader((tmp_path / "episodes.csv").read_text().splitlines()))
    assert len(plain) == len(table) == sum(len(cell.seeds) for cell in run.cells.values())
    for one, line in zip(plain, table, strict=True):
        assert (one["task"], one["variant"], str(one["seed"])) == (
            line["task"],
            line["variant"],
            line["seed"],
        )
        assert ("" if one["alpha"] is None else one["alpha"]) == (line["alpha"] and float(line["alpha"]))
    assert list(plain[0]) == list(table[0]) == list(rows)
    told = re.findall(
        r"^\| (`.*?) \|", FORMATS.read_text().split("### episodes.csv")[1].split("###")[0], re.M
    )
    assert re.findall(r"`(\w+)`", "".join(told)) == list(rows)


def test_a_note_that_reads_like_a_formula_is_text_in_a_spreadsheet(tmp_path):
    write_rows({"seed": [-1], "note": ["=1+1\nmore"]}, tmp_path)
    assert list(csv.reader((tmp_path / "episodes.csv").open())) == [["seed", "note"], ["-1", "'=1+1 more"]]
    assert json.loads((tmp_path / "episodes.json").read_text()) == [{"seed": -1, "note": "=1+1\nmore"}]


def test_the_page_carries_every_episode_in_few_bytes(rows):
    data = page_data(rows)
    text = json.dumps(data, separators=(",", ":"))
    assert len(text) / data["n"] < 80
    modes = data["columns"]["mode"]
    assert [modes["words"][i] for i in modes["at"]] == rows["mode"]
    assert data["columns"]["seed"] == rows["seed"]


def test_what_a_policy_says_stays_text(page):
    assert HOSTILE not in page and "\\u003c/script>\\u003cscript>alert(1)" in page


# --------------------------------------------------------------------------------------------- links


def found_by(rows, wanted):
    """Return how many rows a link of the page asks for."""
    whole = rows | {"group": [OUTCOMES[label].group for label in rows["label"]]}
    asked = [(whole[name], value, name == "change") for name, value in wanted]
    return sum(
        all(value in str(column[i]).split(", ") if several else str(column[i]) == value
            for column, value, several in asked)
        for i in range(len(rows["seed"]))
    )  # fmt: skip


def test_every_count_leads_to_as_many_episodes(page, rows):
    links = re.findall(r'(?<!<b>)<a class="to" href="#episodes\?([^"]*)">\s*(\d+)', page)
    assert len(links) > 40
    for query, number in links:
        assert found_by(rows, parse_qsl(html.unescape(query))) == int(number), query
    marks = re.findall(r'<a href="#episodes\?([^"]*)" tabindex', page)
    assert len(marks) == sum(np.isfinite(a or np.nan) for a in rows["alpha"][:16]) + 8
    assert all(found_by(rows, parse_qsl(html.unescape(query))) == 1 for query in marks)


def test_every_word_and_section_that_is_linked_is_there(page):
    places = re.findall(r' id="([^"]*)"', page)
    assert len(places) == len(set(places))
    linked = set(re.findall(r'href="#([^"?]*)"', page))
    assert linked <= set(places) and "word-mixture-coordinate-α" in linked


# ----------------------------------------------------------------------------------- honest extremes


@pytest.mark.parametrize("end", [LEFT, IDLE, outcome("COLLISION_MID", -1, np.nan, 0)])
def test_one_episode_and_one_way_to_end_have_their_whole_intervals(tmp_path, end):
    one = SUITES["smoke"]._replace(seeds=range(1))
    page = write_report(run_folder(tmp_path, {DUMBBELL: [end], POST: [end]}, suite=one)).read_text()
    assert not re.search(r"\b(nan|inf|None)\b", page)
    low, high = ("[2,100]", "[0,98]") if end is LEFT else ("[0,98]", "[0,98]")
    assert low in page and high in page
    shown = re.sub(r"<(svg|style|script|title).*?</\1>", " ", page, flags=re.DOTALL)
    assert ("no success, so no choice" in shown) == (end is not LEFT)


def test_the_curve_of_success_is_kaplan_meiers_with_the_exact_interval():
    times = np.array([2.0, 2.5, 2.5, 4.0])
    curve = success_curve(times, 10)
    held = stats.CensoredData.right_censored([*times, *[5.0] * 6], [False] * 4 + [True] * 6)
    oracle = stats.ecdf(held).cdf
    assert curve.share == pytest.approx(oracle.evaluate(curve.times)) and len(curve.times) == 3
    assert [tuple(pair) for pair in zip(curve.low, curve.high, strict=True)] == [
        clopper_pearson(k, 10) for k in (1, 3, 4)
    ]
    nothing = success_curve(np.array([]), 3)
    assert [len(part) for part in nothing] == [0, 0, 0, 0]


def test_times_count_failures_to_the_end(run):
    plot = next(one for one in time_plots(run) if one.task == POST)
    assert (plot.successes, plot.half_s) == (8, 2.0)
    mean = (2.0 + plot.horizon_s) / 2
    assert plot.mean_s.startswith(f"{mean:.3g} [") and plot.mean_s.endswith("] s")
    assert f"50.0 % {'[24,76]'} of 16 succeed" in plot.picture


def test_both_arms_are_shown_with_the_intervals_of_their_pairs(run):
    arms = arm_rates(measure_effects(run.cells))
    assert arms[DUMBBELL, SHIFTED, ""] == (rate(12, 16), rate(12, 16))
    whole = arms["", SHIFTED, ""]
    assert whole[0].estimate == (12 / 16 + 8 / 16) / 2 and whole[0].low < whole[0].estimate
    drawn = pair_bar(rate(1, 2), Interval(0.25, 0.0, 0.75))
    assert "clean 50 % [1,99], perturbed 25 % [0,75]" in drawn
    assert drawn.index("M50.0 1V7") < drawn.index("M25.0 8V14")


def test_decision_times_are_drawn_by_decades_beside_their_budget():
    drawn = latency_bar(1.0, 10.0, 100.0)
    assert 'd="M20.0 6H40.0' in drawn and 'class="budget" d="M60.0' in drawn
    assert "median 1 ms, slowest 1 % 10 ms, of 100 ms" in drawn
    assert 'd="M0.0 6H100.0' in latency_bar(0.0, 1e9, 100.0)


def test_a_mode_is_shown_beside_what_was_demonstrated():
    shown = {"regime": "bi90", "episodes": 100, "seed": 0}
    assert demonstrated_shares(DUMBBELL, {DUMBBELL: {"demonstrations": shown}}).tolist() == [0.9, 0.1]
    for odd in (None, {}, {DUMBBELL: 3}, *({DUMBBELL: {"demonstrations": shown | change}} for change in (
        {"regime": "?"}, {"episodes": 10**12}, {"episodes": "many"}, {"seed": -1}, {"regime": []})
    )):  # fmt: skip
        assert demonstrated_shares(DUMBBELL, odd).tolist() == [0.5, 0.5]
    assert ", expected 90 %" in interval_bar(rate(1, 2), 0.9) and "M90.0 0V12" in interval_bar(
        rate(1, 2), 0.9
    )


def test_causes_are_counted_with_their_interval():
    causes = {(DUMBBELL, CLEAN, seed): "timing" for seed in range(3)} | {(POST, SHIFTED, 0): "chance"}
    first, second = cause_rows(causes)
    assert (first.cause, first.count, first.share) == ("timing", 3, rate(3, 4))
    assert first.cells == {(DUMBBELL, CLEAN): 3} and "nothing comes late" in first.meaning
    assert second.cells == {(POST, SHIFTED): 1} and "without any repair" in second.meaning
