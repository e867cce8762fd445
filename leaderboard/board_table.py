"""The board as tables for the terminal: the metrics, and what the variants change."""

import re
from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..benchmark.metrics import Metric, board_metrics
from ..benchmark.number_text import bounds, metric_text, percent, points, short_name, signed_bounds
from ..benchmark.rich_table import plain_table
from ..benchmark.scoring.perturbation_effects import MeanEffect, mean_effects
from ..benchmark.scoring.task_scores import Score
from ..benchmark.statistics.over_tasks import number
from ..envs.errors import NotComparable
from .board import Board, PolicyRow, board_rows
from .entry_model import Entry

MOST_TASKS = 8
"""A suite with more tasks shows only the macro in the terminal."""


def board_table(entries: Sequence[Entry]) -> Table:
    """Return the terminal's table for entries of one suite.

    Raises:
        NotComparable: there is no entry, or there are entries of several suites.
    """
    boards = board_rows(entries)
    if len(boards) != 1:
        names = ", ".join(f"{b.suite.name} {b.suite.version} ({b.suite.hash[:8]})" for b in boards)
        raise NotComparable(f"a table shows one suite; these entries are of {len(boards)}: {names or 'none'}")
    return _table(boards[0])


def board_tables(entries: Sequence[Entry]) -> list[Group]:
    """Return the terminal's tables for each suite: the board, and what the variants change."""
    return [Group(_table(board), *_shift_tables(board)) for board in board_rows(entries)]


def _table(board: Board) -> Table:
    suite = board.suite
    seeds = f"{suite.seeds.count} seeds a task from {suite.seeds.start}"
    replayed = any(row.progress is not None for row in board.rows)
    told = f"{seeds}; success and shares in %, [95 % intervals]\n{_RANKS}{_PROGRESS * replayed}"
    table = plain_table(
        Text(f"{suite.name} {suite.version}{PICTURES * suite.pictures}  {suite.hash[:8]}", style="bold"),
        Text(told, style="dim"),
        key_columns=2,
        padding=(0, 0),
        pad_edge=False,
    )
    tasks = suite.tasks if len(suite.tasks) <= MOST_TASKS else []
    ranking, *others = board_metrics(suite.instructed)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("policy", style="bold", no_wrap=True)
    table.add_column("track", no_wrap=True)
    table.add_column(ranking.short, justify="right", no_wrap=True)
    for metric in others:
        table.add_column(metric.short, justify="right", min_width=4, no_wrap=True)
    if replayed:
        table.add_column("pro-\ngress", justify="right")
    table.add_column("verified", no_wrap=True)
    for name in map(short_name, tasks):
        table.add_column(Text(name.replace(" ", "\n")), justify="right", min_width=8)
    for place, row in enumerate(board.rows):
        above = board.rows[place - 1] if place else row
        if above.track != row.track:
            table.add_section()
        table.add_row(*_texts(row, bool(tasks), replayed))
    return table


def _shift_tables(board: Board) -> list[Table]:
    """Return how much success the variants cost each policy; nothing for a suite without variants."""
    overall = [{(one.variant, one.scenes): one for one in mean_effects(row.shifts)} for row in board.rows]
    keys = list(dict.fromkeys(key for shifts in overall for key in shifts))
    if not keys:
        return []
    title = Text("Robustness", style="bold")
    table = plain_table(title, Text(_SHIFTS, style="dim"), padding=(0, 0), pad_edge=False)
    table.add_column("policy", style="bold", no_wrap=True)
    for variant, scenes in keys:
        name = re.sub(r"(?<=[._]) *| +|(?=\+)", "\n", f"{variant} {scenes}".strip())
        table.add_column(Text(name), justify="right", min_width=9)
    for row, shifts in zip(board.rows, overall, strict=True):
        table.add_row(Text(row.policy), *(_change(shifts[key]) if key in shifts else "–" for key in keys))
    return [table]


def _change(one: MeanEffect) -> Text:
    """Return a difference over its interval, over broken and fixed episodes."""
    mark = f" !{len(one.infeasible)}" if one.infeasible else ""
    counts = f"-{one.broken} +{one.fixed}"
    return Text.assemble(
        f"{points(one.difference.estimate)}{mark}",
        (f"\n{signed_bounds(one.difference)}\n{counts}", "dim"),
    )


PICTURES = ", from pictures"
"""Told of a suite whose policies read pictures, which has variants of its own."""
_RANKS = (
    "#: 1 + how many policies are better beyond doubt on the same seeds (McNemar's test, adjusted by Holm);\n"
    "oracles are told the mode and privileged policies read the simulator: no rank"
)
_PROGRESS = "\nprogress: mean share of the milestones passed, as measured by the replay"
_SHIFTS = (
    "points of success in a variant minus the same seeds clean, mean over tasks, [95 %];\n"
    "below: episodes that break (-) or are fixed (+); !n: without n tasks in which the experts fail too"
)


def _texts(row: PolicyRow, with_tasks: bool, with_progress: bool) -> list[Text]:
    """Return the cells of a row: the metrics, progress, the mark, then the metric that ranks task by task."""
    ranking, *others = board_metrics(row.entry.suite.instructed)
    shown = row.cells if with_tasks else ()
    progress = "–" if row.progress is None else percent(row.progress)
    return [
        Text(str(row.rank or "–")),
        Text(row.policy),
        Text(row.track),
        _with_bounds(ranking, row.score, "bold"),
        *(_text(metric, row.score) for metric in others),
        *[Text(progress)] * with_progress,
        Text(row.level, style="green" if row.level == "reproduced" else ""),
        *(_with_bounds(ranking, cell, "") for cell in shown),
    ]


def _text(metric: Metric, score: Score) -> Text:
    """Return a metric's value; a share that should be low is red from 5 % on."""
    value = score.metrics[metric.name]
    bad = metric.unit == "%" and metric.better == "lower" and (number(value) or 0.0) >= 0.05
    return Text(metric_text(metric, value), style="red" if bad else "")


def _with_bounds(metric: Metric, score: Score, style: str) -> Text:
    """Return an estimate over its interval."""
    estimate = metric_text(metric, score.metrics[metric.name])
    return Text.assemble((estimate, style), (f"\n{bounds(score.rate(metric.name))}", "dim"))
