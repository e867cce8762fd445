"""Entries and boards of suites with perturbations: every cell beside its clean arm."""

import copy
import csv
import json

import pytest
from bimodal.benchmark.suites import SUITES
from bimodal.envs.perturbations.core.variant import CLEAN
from bimodal.leaderboard.board import board_rows
from bimodal.leaderboard.board_table import board_tables
from bimodal.leaderboard.check import check_entry
from bimodal.leaderboard.entry import entry_from_run, write_entry
from bimodal.leaderboard.entry_model import Entry
from bimodal.leaderboard.files import entry_id
from bimodal.leaderboard.folders import read_folders
from bimodal.leaderboard.site.build import build_site
from fabricated import outcome, run_folder
from rich.console import Console
from scoring import DUMBBELL, POST

SLIPPERY, BLURRED = "contact.friction:2", "sensing.noise:2"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The entry of a policy that always takes the first mode."""
    win = outcome("SUCCESS", 0, 0.01, 80)
    folder = tmp_path_factory.mktemp("run")
    return entry_from_run(run_folder(folder, {DUMBBELL: [win] * 16, POST: [win] * 16})).plain()


def without(entry, task, variant):
    """Return an entry without a cell, its id made right."""
    entry = copy.deepcopy(entry)
    for part in ("results", "episodes"):
        entry[part] = [row for row in entry[part] if (row["task"], row["variant"]) != (task, variant)]
    entry["entry_id"] = entry_id(entry)
    return entry


def test_an_entry_has_every_cell_of_its_suite(sound):
    assert check_entry(sound) == []
    cells = SUITES["smoke"].cells()
    assert [(row["task"], row["variant"]) for row in sound["results"]] == cells and len(cells) == 6


@pytest.mark.parametrize("variant", [CLEAN, SLIPPERY, BLURRED])
def test_an_entry_that_left_out_a_cell_is_unsound(sound, variant):
    problems = check_entry(without(sound, POST, variant))
    for part in ("results", "episodes"):
        assert f"{part}: {POST} ({variant}) is there 0 times; expected once" in problems


def test_an_entry_cannot_give_up_its_clean_arm(sound):
    entry = without(without(sound, DUMBBELL, CLEAN), POST, CLEAN)
    entry["suite"]["variants"] = [SLIPPERY, BLURRED]
    entry["entry_id"] = entry_id(entry)
    problems = check_entry(entry)
    assert "suite: a perturbed score counts only beside its clean arm, and there is none" in problems
    assert any(problem.startswith("suite: variants is") for problem in problems)


def test_a_shifted_cell_has_the_seeds_of_the_ladder(sound):
    entry = copy.deepcopy(sound)
    block = next(b for b in entry["episodes"] if (b["task"], b["variant"]) == (POST, SLIPPERY))
    for name in ("ended", "steps"):
        block[name].pop()
    block["digests"] = block["digests"][:-8]
    block["endings"] = [block["endings"][place] for place in dict.fromkeys(block["ended"])]
    entry["entry_id"] = entry_id(entry)
    problems = check_entry(entry)
    where = f"episodes of {POST} ({SLIPPERY})"
    assert f"{where}: there are 15 from seed 0, the suite has 16 from seed 0" in problems
    assert f"results of {POST} ({SLIPPERY}): episodes is 16, its episodes give 15" in problems


def test_perturbed_failures_do_not_hide_in_the_clean_score(sound):
    entry = copy.deepcopy(sound)
    for block in entry["episodes"]:
        if block["variant"] == SLIPPERY:
            block["endings"] = [["TIMEOUT", mode] for _, mode in block["endings"]]
    problems = check_entry(entry)
    assert [p for p in problems if p.startswith(f"results of {POST} ({SLIPPERY}): successes is 16")]
    assert not [p for p in problems if p.startswith("aggregate")], "the aggregate is of the clean arm"


@pytest.mark.parametrize(
    ("part", "foreign"),
    [
        ("variants", "contact.frction:2"),
        ("variants", "contact.friction:4"),
        ("variants", "a+b"),
        ("variants", "x" * 60),
        ("tasks", "NoSuchTask-v1"),
    ],
)
def test_an_entry_that_names_what_is_not_known_is_a_problem_and_no_crash(sound, part, foreign):
    entry = copy.deepcopy(sound)
    entry["suite"][part][1] = foreign
    entry["entry_id"] = entry_id(entry)
    assert any(problem.startswith(f"suite: {part} is") for problem in check_entry(entry))


def test_no_board_prints_a_perturbed_score_without_its_clean_arm(sound, tmp_path):
    (row,) = board_rows([Entry.model_validate(sound)])[0].rows
    assert len(row.cells) == 2 and row.score.success.estimate == 1.0
    write_entry(Entry.model_validate(sound), tmp_path / "entries")
    page = build_site(read_folders([tmp_path / "entries"]).entries, tmp_path / "site")
    with (page.parent / "board.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6
    for line in lines:
        beside = [line[name] for name in ("clean", "difference", "difference_low95", "broken", "mode_shift")]
        assert all(beside) if line["variant"] != CLEAN else not any(beside), line
    (plain,) = json.loads((page.parent / "board.json").read_text())[0]["rows"]
    assert [cell["task"] for cell in plain["cells"]] == [DUMBBELL, POST]
    assert all(
        {"clean", "difference", "broken", "fixed", "mode_shift"} <= shift.keys() for shift in plain["shifts"]
    )
    assert [(s["task"], s["variant"]) for s in plain["shifts"]] == [
        (t, v) for t in (DUMBBELL, POST) for v in (SLIPPERY, BLURRED)
    ]
    head, _, shifts = page.read_text().partition('<h2 id="shifts">')
    assert SLIPPERY not in head and shifts.count("100 → 100 %") == 2
    console = Console(width=110, color_system=None)
    with console.capture() as captured:
        console.print(*board_tables([Entry.model_validate(sound)]))
    assert "Robustness" in captured.get() and "+0\n" in captured.get().replace(" ", "")
