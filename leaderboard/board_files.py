"""The board for programs: board.json with every row, board.csv for spreadsheets.

Both have every metric of `benchmark/metrics.py`. The names in the files are part of their format; where the
code has a newer word for something, the old name is written here.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..benchmark.metrics import METRICS, Value
from ..benchmark.scoring.perturbation_effects import PerturbationEffect
from ..benchmark.scoring.task_scores import Score, TaskScore
from ..benchmark.statistics.rates import Interval
from ..envs.perturbations.core.variant import CLEAN
from .board import Board, PolicyRow

# ----------------------------------------------------------------------------------------- board.json


def board_json(boards: Sequence[Board]) -> str:
    """Return board.json, the text of `plain_boards`."""
    return json.dumps(plain_boards(boards), indent=1) + "\n"


def plain_boards(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Return for each suite its rows, best first, as JSON values."""
    return [{"suite": board.suite.plain(), "rows": [_row(row) for row in board.rows]} for board in boards]


def _row(row: PolicyRow) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "policy": row.policy,
        "track": row.track,
        **_metrics(row.score),
        "averaging": row.score.averaging.estimate,
        "level": row.level,
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
    file = io.StringIO()
    writer = csv.DictWriter(file, _columns(), restval="", lineterminator="\n")
    writer.writeheader()
    for board in boards:
        for row in board.rows:
            start = {
                "suite": board.suite.name,
                "suite_version": board.suite.version,
                "suite_hash": board.suite.hash,
                "rank": row.rank,
                "policy": row.policy,
                "track": row.track,
                "verification": row.level,
            }
            writer.writerows(start | _clean_line(cell) for cell in row.cells)
            writer.writerows(start | _effect_line(one) for one in row.shifts)
    return file.getvalue()


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
        *("suite", "suite_version", "suite_hash", "rank", "policy", "track", "verification"),
        *("task", "variant", "scenes", "episodes", "successes", "averaging_failures"),
        *numbers,
        *("clean", "difference", "difference_low95", "difference_high95", "broken", "fixed"),
        *("changed_mode", "realised", "mode_shift", "expert_where_infeasible"),
        *("aimed_mode_clean", "aimed_mode"),
    ]
