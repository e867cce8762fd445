"""The board for programs and spreadsheets: board.json and board.csv with every row, pairs.json and pairs.csv.

The first two have every metric of `benchmark/metrics.py`. The names in the files are part of their format;
where the code has a newer word for something, the old name is written here.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..benchmark.metrics import METRICS
from ..benchmark.number_text import harmless
from ..benchmark.scoring.perturbation_effects import PerturbationEffect
from ..benchmark.scoring.task_scores import Score, TaskScore
from ..benchmark.statistics.over_tasks import Value
from ..benchmark.statistics.paired import tango
from ..benchmark.statistics.rates import ALPHA, Interval
from ..envs.perturbations.core.variant import CLEAN
from .board import Board, PolicyRow

# ----------------------------------------------------------------------------------------- board.json


def board_json(boards: Sequence[Board]) -> str:
    """Return board.json, the text of `plain_boards`."""
    return json.dumps(plain_boards(boards), indent=1) + "\n"


def plain_boards(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Return for each suite its rows, best first, as JSON values."""
    return [{"suite": board.suite.plain(), "rows": [_row(row) for row in board.rows]} for board in boards]


def letter(number: int) -> str:
    """Return how a group of policies that cannot be told apart is called: a, b, ... z, aa, ab, ..."""
    before, last = divmod(number, 26)
    return (letter(before - 1) if before else "") + chr(ord("a") + last)


def _row(row: PolicyRow) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "ranks": row.ranks and list(row.ranks),
        "groups": [letter(number) for number in row.groups],
        "policy": row.policy,
        "track": row.track,
        **_metrics(row.score),
        "averaging": row.score.averaging.estimate,
        "level": row.level,
        "progress": row.progress,
        "cells": [_cell(cell) for cell in row.cells],
        "shifts": [_effect(one) for one in row.shifts],
        "entry": row.entry.entry_id,
    }


def _cell(cell: TaskScore) -> dict[str, Any]:
    counted = ("task", "episodes", "successes", "modes", "averaging_failures", "labels")
    return {name: getattr(cell, name) for name in counted} | _metrics(cell)


def _metrics(score: Score) -> dict[str, Any]:
    return {
        name: value._asdict() if isinstance(value, Interval) else value
        for name, value in score.metrics.items()
    }


def _effect(one: PerturbationEffect) -> dict[str, Any]:
    plain = asdict(one) | {"difference": one.difference._asdict()}
    del plain["targeted"]
    shares = one.targeted
    return plain | {"aimed": shares and {"clean": shares.clean, "shifted": shares.perturbed}}


# ------------------------------------------------------------------------------------------ board.csv


def board_csv(boards: Sequence[Board]) -> str:
    """Return board.csv: one line a policy and task, and one for each variant beside its clean arm."""
    lines = []
    for board in boards:
        for row in board.rows:
            start = {
                **_suite(board),
                "rank": row.rank,
                "groups": " ".join(map(letter, row.groups)),
                "policy": row.policy,
                "track": row.track,
                "verification": row.level,
            }
            lines += [start | _clean_line(cell) for cell in row.cells]
            lines += [start | _effect_line(one) for one in row.shifts]
    return _csv(_columns(), lines)


def _csv(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Return a table as CSV; no cell begins as a formula that a spreadsheet would run."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: harmless(value) for name, value in line.items()})
    return file.getvalue()


def _suite(board: Board) -> dict[str, Any]:
    return {
        "suite": board.suite.name,
        "suite_version": board.suite.version,
        "suite_hash": board.suite.hash,
    }


def _clean_line(cell: TaskScore) -> dict[str, Any]:
    line = {
        "task": cell.task,
        "variant": CLEAN,
        "episodes": cell.episodes,
        "successes": cell.successes,
        "averaging_failures": cell.averaging_failures,
    }
    for name, value in cell.metrics.items():
        line |= _values(name, value)
    return line


def _effect_line(one: PerturbationEffect) -> dict[str, Any]:
    clean, perturbed = one.targeted or (None, None)
    same = ("task", "variant", "scenes", "success", "clean", "broken", "fixed", "changed_mode", "realised")
    return {
        **{name: getattr(one, name) for name in (*same, "mode_shift")},
        **_values("difference", one.difference),
        "episodes": one.pairs,
        "successes": round(one.pairs * one.success),
        "expert_where_infeasible": one.expert,
        "aimed_mode_clean": clean,
        "aimed_mode": perturbed,
    }


def _values(name: str, value: Value) -> dict[str, float | None]:
    """Return the columns of one number: itself and, where it has an interval, both ends."""
    if isinstance(value, Interval):
        return {name: value.estimate, f"{name}_low95": value.low, f"{name}_high95": value.high}
    return {name: value}


def _columns() -> list[str]:
    numbers = [
        column
        for name, metric in METRICS.items()
        for column in _values(name, Interval(0.0, 0.0, 0.0) if metric.interval else None)
    ]
    return [
        *("suite", "suite_version", "suite_hash", "rank", "groups", "policy", "track", "verification"),
        *("task", "variant", "scenes", "episodes", "successes", "averaging_failures"),
        *numbers,
        *("clean", "difference", "difference_low95", "difference_high95", "broken", "fixed"),
        *("changed_mode", "realised", "mode_shift", "expert_where_infeasible"),
        *("aimed_mode_clean", "aimed_mode"),
    ]


# ------------------------------------------------------------------------------ pairs.json, pairs.csv


def pairs_json(boards: Sequence[Board]) -> str:
    """Return pairs.json: a record for every two ranked policies of a suite, the better one first."""
    return json.dumps(list(_pairs(boards)), indent=1) + "\n"


def pairs_csv(boards: Sequence[Board]) -> str:
    """Return pairs.csv, the same as a table."""
    return _csv(PAIR_COLUMNS, _pairs(boards))


PAIR_COLUMNS = (
    *("suite", "suite_version", "suite_hash", "a", "b", "episodes", "only_a", "only_b"),
    *("difference", "difference_low95", "difference_high95", "p_value", "adjusted_p", "told_apart"),
)
"""Names in both files."""


def _pairs(boards: Sequence[Board]) -> Iterator[dict[str, Any]]:
    for board in boards:
        names = {row.entry.entry_id: row.policy for row in board.rows}
        episodes = sum(cell.episodes for cell in board.rows[0].cells)
        for one in board.pairs:
            yield {
                **_suite(board),
                "a": names[one.a],
                "b": names[one.b],
                "episodes": episodes,
                "only_a": one.only_a,
                "only_b": one.only_b,
                **_values("difference", tango(one.only_a, one.only_b, episodes)),
                "p_value": one.p_value,
                "adjusted_p": one.adjusted,
                "told_apart": one.adjusted <= ALPHA,
            }
