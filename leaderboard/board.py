"""The leaderboard's rows, and the table that a terminal shows.

Entries are compared only when their whole suite is the same: name, version, hash, tasks, seeds, variants.
A rank is 1 + the number of policies of the same track that are better beyond doubt: the 95 % interval of
the macro difference on the same seeds lies above zero. So ties share a rank.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..benchmark.records.run_record import SuiteRecord
from ..benchmark.report.inline_bars import percent
from ..benchmark.report.terms import short_name
from ..benchmark.scoring.perturbation_effects import (
    MeanEffect,
    PerturbationEffect,
    mean_effects,
    measure_effects,
)
from ..benchmark.statistics import Interval, mean_interval, paired_difference
from ..envs.errors import NotComparable
from ..envs.perturbations.core.variant import CLEAN
from ..tasks import load_task
from ..tasks.core.outcomes import succeeded
from .entry_model import Entry
from .files import canonical

TRACKS = ("state", "privileged")
"""Tracks, in the order of the table."""
MOST_TASKS = 6
"""A suite with more tasks shows only the macro in the terminal."""
MOST_VARIANTS = 8
"""Variants that stand side by side in the terminal."""


class Cell(NamedTuple):
    """One policy on one task, in the clean world."""

    task: str
    episodes: int
    successes: int
    success: Interval
    modes: dict[str, int]
    minority_share: float | None
    averaging_failures: int
    labels: dict[str, int]
    latency_p50_ms: float | None


class Row(NamedTuple):
    """One policy."""

    rank: int
    """1 + the number of policies of its track that are better beyond doubt."""
    policy: str
    track: str
    success: Interval
    """Macro success."""
    averaging: float
    """Macro share of averaging failures."""
    minority_share: float | None
    """Smallest of any task."""
    latency_p50_ms: float | None
    """Mean over tasks of the median wall time of one decision [ms]."""
    level: str
    """reported, replayed or reproduced."""
    cells: tuple[Cell, ...]
    """Its tasks, in the suite's order."""
    shifts: tuple[PerturbationEffect, ...]
    """Its tasks in every variant, each beside the clean arm."""
    entry: Entry
    """The entry itself."""


class Board(NamedTuple):
    """The rows of one suite, best first."""

    suite: SuiteRecord
    rows: tuple[Row, ...]


def board_rows(entries: Sequence[Entry]) -> list[Board]:
    """Return one board for each suite among checked entries, by name and version."""
    suites: dict[bytes, list[Entry]] = {}
    for entry in entries:
        suites.setdefault(canonical(entry.suite.plain()), []).append(entry)
    boards = [Board(group[0].suite, _rows(group)) for group in suites.values()]
    return sorted(boards, key=lambda board: (board.suite.name, board.suite.version, board.suite.hash))


def macro_difference(a: Entry, b: Entry) -> Interval:
    """Return the macro success of `a` minus that of `b`, paired by seed, with its 95 % interval."""
    first, second = _outcomes(a), _outcomes(b)
    return mean_interval([paired_difference(first[cell], second[cell]) for cell in first])


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


def _rows(entries: Sequence[Entry]) -> tuple[Row, ...]:
    rows = []
    for entry in entries:
        rivals = [other for other in entries if other.policy.track == entry.policy.track]
        better = sum(macro_difference(other, entry).low > 0 for other in rivals if other is not entry)
        rows.append(_row(entry, 1 + better))
    return tuple(sorted(rows, key=lambda r: (TRACKS.index(r.track), r.rank, -r.success.estimate, r.policy)))


def _row(entry: Entry, rank: int) -> Row:
    total = entry.aggregate
    order = {task: i for i, task in enumerate(entry.suite.tasks)}
    clean = [result for result in entry.results if result.variant == CLEAN]
    results = sorted(clean, key=lambda result: order[result.task])
    cells = tuple(
        Cell(
            task=result.task,
            episodes=result.episodes,
            successes=result.successes,
            success=Interval(result.success, *result.wilson95),
            modes=result.modes,
            minority_share=result.minority_share,
            averaging_failures=result.averaging_failures,
            labels=result.labels,
            latency_p50_ms=result.latency_ms.p50,
        )
        for result in results
    )
    return Row(
        rank=rank,
        policy=entry.policy.name,
        track=entry.policy.track,
        success=Interval(total.success_macro, *total.success_macro95),
        averaging=total.averaging_macro,
        minority_share=total.minority_share_min,
        latency_p50_ms=_mean([cell.latency_p50_ms for cell in cells]),
        level=entry.verification.level,
        cells=cells,
        shifts=tuple(measure_effects(_columns(entry))),
        entry=entry,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _outcomes(entry: Entry) -> dict[tuple[str, str], np.ndarray]:
    """Return the successes of the scored cells, by seed."""
    blocks = [block for block in entry.episodes if block.variant == CLEAN]
    return {(block.task, block.variant): succeeded(block.labels) for block in blocks}


def _columns(entry: Entry) -> dict[tuple[str, str], dict[str, list[Any]]]:
    """Return seed, label and mode (number, -1 for none) of every task and variant."""
    found = {}
    for block in entry.episodes:
        numbers = {None: -1} | {name: number for number, name in enumerate(load_task(block.task).modes)}
        modes = [numbers[mode] for mode in block.modes]
        found[block.task, block.variant] = {
            "seed": block.seeds,
            "label": block.labels,
            "mode": modes,
        }
    return found


def _table(board: Board) -> Table:
    suite = board.suite
    seeds = f"{suite.seeds.count} seeds a task from {suite.seeds.start}"
    table = Table(
        title=Text(f"{suite.name} {suite.version}  {suite.hash[:8]}", style="bold"),
        caption=Text(f"{seeds}; success and shares in %, [95 % intervals]; ties share a rank", style="dim"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        pad_edge=False,
    )
    tasks = suite.tasks if len(suite.tasks) <= MOST_TASKS else []
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("policy", style="bold", min_width=8, overflow="fold")
    table.add_column("track", no_wrap=True)
    for name in ("success", *map(short_name, tasks)):
        table.add_column(Text(name.replace(" ", "\n")), justify="right", min_width=8)
    for name in ("aver-\naged", "minor\nmode", "p50\nms"):
        table.add_column(name, justify="right", min_width=4, no_wrap=True)
    table.add_column("verified", no_wrap=True)
    for number, row in enumerate(board.rows):
        above = board.rows[number - 1] if number else row
        if above.track != row.track:
            table.add_section()
        table.add_row(*_texts(row, bool(tasks)))
    return table


def _shift_tables(board: Board) -> list[Table]:
    """Return how much success the variants cost each policy, a few variants abreast."""
    overall = [{(one.variant, one.scenes): one for one in mean_effects(row.shifts)} for row in board.rows]
    keys = list(dict.fromkeys(key for shifts in overall for key in shifts))
    tables = []
    for begin in range(0, len(keys), MOST_VARIANTS):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 0), pad_edge=False, title_justify="left")
        table.title = Text("When the world shifts", style="bold") if not begin else None
        table.caption_justify = "left"
        table.add_column("policy", style="bold", min_width=8, overflow="fold")
        some = keys[begin : begin + MOST_VARIANTS]
        for variant, scenes in some:
            name = f"{variant} {scenes}".strip().replace(".", ".\n").replace("_", "_\n").replace(" ", "\n")
            table.add_column(Text(name), justify="right", min_width=9)
        for row, shifts in zip(board.rows, overall, strict=True):
            table.add_row(Text(row.policy), *(_change(shifts[key]) if key in shifts else "–" for key in some))
        tables.append(table)
    if tables:
        tables[-1].caption = Text(_SHIFTS, style="dim")
    return tables


def _change(one: MeanEffect) -> Text:
    """Return a difference over its interval, over broken and fixed episodes."""
    low, high = floor(100 * one.difference.low), ceil(100 * one.difference.high)
    mark = f" !{len(one.infeasible)}" if one.infeasible else ""
    counts = f"-{one.broken} +{one.fixed}"
    return Text.assemble(
        f"{100 * one.difference.estimate:+.1f}{mark}", (f"\n[{low:+d},{high:+d}]\n{counts}", "dim")
    )


_SHIFTS = (
    "points of success in a variant minus the same seeds clean, mean over tasks, [95 %];\n"
    "below: episodes that break (-) or are fixed (+); !n: in n tasks the experts fail too"
)


def _texts(row: Row, with_tasks: bool) -> list[Text]:
    shown = row.cells if with_tasks else ()
    return [
        Text(str(row.rank)),
        Text(row.policy),
        Text(row.track),
        _success(row.success, "bold"),
        *(_success(cell.success, "") for cell in shown),
        Text(percent(row.averaging, 1), style="red" if row.averaging >= 0.05 else ""),
        Text(percent(row.minority_share)),
        Text("–" if row.latency_p50_ms is None else f"{row.latency_p50_ms:.1f}"),
        Text(row.level, style="green" if row.level == "reproduced" else ""),
    ]


def _success(value: Interval, style: str) -> Text:
    """Return an estimate over its interval, the interval rounded outwards."""
    low, high = floor(100 * value.low), ceil(100 * value.high)
    return Text.assemble((percent(value.estimate, 1), style), (f"\n[{low},{high}]", "dim"))
