"""The board, from fabricated entries whose numbers are known by hand."""

import csv
import io
import json
from math import comb

import pytest
from bimodal.benchmark.number_text import short_name
from bimodal.benchmark.suites import SUITES
from bimodal.cli.arguments import ENTRIES
from bimodal.envs.errors import NotComparable
from bimodal.leaderboard.board import board_rows
from bimodal.leaderboard.board_files import (
    PAIR_COLUMNS,
    board_csv,
    letter,
    pairs_csv,
    pairs_json,
    plain_boards,
)
from bimodal.leaderboard.board_table import board_table, board_tables
from bimodal.leaderboard.entry import entry_from_run, read_entry
from bimodal.leaderboard.marks import Mark
from bimodal.leaderboard.site.pair_data import pair_data
from bimodal.leaderboard.site.profiles import lanes, profiles
from fabricated import run_folder
from fabricated_entries import DUMBBELL, MIDDLE, WIN_LEFT, changed, edit, make
from rich.console import Console


def test_policies_that_the_seeds_cannot_tell_apart_share_a_rank(tmp_path):
    entries = [make(tmp_path, name, wins) for name, wins in (("low", 2), ("best", 15), ("second", 14))]
    rows = board_rows(entries)[0].rows
    assert [(row.policy, row.rank) for row in rows] == [("best", 1), ("second", 1), ("low", 3)]
    assert [(row.policy, row.groups, row.ranks[1]) for row in rows] == [
        ("best", (0,), 2),
        ("second", (0,), 2),
        ("low", (1,), 3),
    ]


def test_who_is_told_the_mode_or_reads_the_simulator_has_no_rank_and_stands_apart(tmp_path):
    entries = [make(tmp_path, "expert", 16, track="privileged"), make(tmp_path, "mse", 1)]
    oracle = make(tmp_path, "mse_labelled", 16)
    rows = board_rows([oracle, *entries])[0].rows
    assert [(row.policy, row.track, row.rank) for row in rows] == [
        ("mse", "state", 1),
        ("mse_labelled", "oracle", None),
        ("expert", "privileged", None),
    ]


def test_on_pictures_those_that_see_are_ranked_and_no_others(tmp_path):
    seen = ["tcp_position", "front_image"]

    def make_seeing(name, wins, track, observations):
        entry = make(tmp_path, name, wins)
        edits = {"track": track, "observations": observations, "pictures": "96 px x 1"}
        for key, value in edits.items():
            entry = changed(entry, edit("policy", key, to=value))
        return changed(entry, edit("suite", "pictures", to=True))

    entries = [
        make_seeing("sees", 12, "vision", seen),
        make_seeing("both", 16, "state", [*seen, "hub_position"]),
    ]
    rows = board_rows(entries)[0].rows
    assert {(row.policy, row.track, row.rank) for row in rows} == {
        ("sees", "vision", 1),
        ("both", "state", None),
    }


def test_suites_never_share_a_table(tmp_path):
    one, other = make(tmp_path, "a", 12), changed(make(tmp_path, "b", 8), edit("suite", "hash", to="0" * 16))
    assert len(board_rows([one, other])) == len(board_tables([one, other])) == 2
    with pytest.raises(NotComparable, match="these entries are of 2"):
        board_table([one, other])
    borrowed = changed(one, edit("suite", "seeds", "count", to=8))
    assert len(board_rows([one, borrowed])) == 2


@pytest.mark.parametrize("width", [100, 140])
def test_table_shows_every_number_without_cuts_or_colour(tmp_path, width):
    entries = [make(tmp_path, "mse_labelled", 16), make(tmp_path, "expert", 16, track="privileged")]
    console = Console(width=width, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(board_table(entries))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for part in ("mse_labelled", "privileged", "100.0", "[79,100]", "reported", "Dumbbell", "1.5"):
        assert part in text


def test_progress_is_shown_where_a_replay_measured_it_on_every_task(tmp_path, monkeypatch):
    both, one, none = (make(tmp_path, name, 12) for name in ("both", "one", "none"))
    first, second = both.suite.tasks
    mark = Mark(level="replayed", by="Us", date="2026-11-30", found="all")
    marks = {
        both.entry_id: mark.model_copy(update={"progress": {first: 0.5, second: 0.25}}),
        one.entry_id: mark.model_copy(update={"progress": {first: 0.5}}),
        none.entry_id: mark,
    }
    monkeypatch.setattr("bimodal.leaderboard.board.known_marks", lambda: marks)
    rows = {row.policy: row.progress for row in board_rows([both, one, none])[0].rows}
    assert rows == {"both": 0.375, "one": None, "none": None}
    (plain,) = plain_boards(board_rows([both, one, none]))
    assert {row["policy"]: row["progress"] for row in plain["rows"]} == rows
    shown = {str(column.header): list(column.cells) for column in board_table([both, one, none]).columns}
    assert sorted(map(str, shown["pro-\ngress"])) == ["38", "–", "–"]
    assert "pro-\ngress" not in [str(column.header) for column in board_table([one, none]).columns]


def test_the_terminal_shows_the_tasks_of_hard_one_by_one():
    entries = [read_entry(path) for path in sorted(ENTRIES.glob("hard-2-flow.json"))]
    shown = [str(column.header).replace("\n", " ") for column in board_table(entries).columns]
    assert entries and {short_name(task) for task in entries[0].suite.tasks} <= set(shown)


def test_names_are_never_markup_in_the_terminal(sound):
    hostile = sound.model_copy(update={"policy": sound.policy.model_copy(update={"name": "[red]bold[/red]"})})
    console = Console(width=120, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(board_table([hostile]))
    assert "[red]" in console.export_text()


def test_pairs_are_written_with_the_better_one_first_and_what_their_test_says(tmp_path):
    boards = board_rows(
        [make(tmp_path, name, wins) for name, wins in (("low", 2), ("best", 15), ("second", 14))]
    )
    rows = json.loads(pairs_json(boards))
    assert [(row["a"], row["b"], row["only_a"], row["only_b"], row["told_apart"]) for row in rows] == [
        ("best", "second", 2, 0, False),
        ("best", "low", 26, 0, True),
        ("second", "low", 24, 0, True),
    ]
    p_values = [comb(n, 0) / 2**n for n in (2, 26, 24)]  # mid-p of none against n
    assert [row["p_value"] for row in rows] == pytest.approx(p_values)
    assert [row["adjusted_p"] for row in rows] == pytest.approx([0.25, 3 * p_values[1], 2 * p_values[2]])
    assert (
        rows[1]["difference"] == 26 / 32
        and rows[1]["difference_low95"] < 26 / 32 < rows[1]["difference_high95"]
    )
    table = list(csv.DictReader(io.StringIO(pairs_csv(boards))))
    assert list(table[0]) == list(PAIR_COLUMNS) == list(rows[0])
    assert [float(line["adjusted_p"]) for line in table] == [row["adjusted_p"] for row in rows]
    assert [row["groups"] for row in plain_boards(boards)[0]["rows"]] == [["a"], ["a"], ["b"]]


def test_a_panel_that_plays_scenes_several_times_has_no_ranks(tmp_path):
    suite = SUITES["diversity"]._replace(tasks=(DUMBBELL,), seeds=SUITES["diversity"].seeds[:50])
    entries = []
    for name, wins in (("even", 40), ("poor", 5)):
        episodes = [WIN_LEFT] * wins + [MIDDLE] * (50 - wins)
        run = run_folder(tmp_path / name, {DUMBBELL: episodes}, name, suite=suite)
        entries.append(entry_from_run(run))
    (board,) = board_rows(entries)
    assert [(row.policy, row.rank, row.groups) for row in board.rows] == [
        ("even", None, ()),
        ("poor", None, ()),
    ]
    assert board.pairs == () and pairs_json([board]) == "[]\n"
    found = profiles(board, {entry.entry_id: entry.policy.name for entry in entries}, [], entries)
    assert pair_data([found])["suites"][0]["repeats"] and lanes(board) == []


def test_groups_beyond_the_alphabet_have_letters_of_their_own():
    assert [letter(n) for n in (0, 25, 26, 51, 52, 27 * 26)] == ["a", "z", "aa", "az", "ba", "aaa"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_table_begins_as_a_formula(sound, name):
    policy = sound.policy.model_copy(update={"name": name})
    (board,) = board_rows([sound.model_copy(update={"policy": policy})])
    lines = list(csv.DictReader(io.StringIO(board_csv([board]), newline="")))
    assert {line["policy"] for line in lines} == {"'" + name.strip()}
    lowest = min(float(line["difference_low95"]) for line in lines if line["difference_low95"])
    assert lowest < 0, "numbers stay numbers"
