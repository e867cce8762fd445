"""Feasibility on disk: every cell measured once, kept in `runs/feasibility/`, one file a task."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..envs.axes import axes
from ..envs.axis import LEVELS
from ..tasks import load_task
from ..tasks.fingerprint import fingerprint
from .evaluate import RUNS
from .feasibility import SEEDS, Cell, Place
from .files import write_json
from .machine import versions
from .suites import ladder

FOLDER = RUNS / "feasibility"
"""Where the cells lie, relative to the working directory."""


def keep(cell: Cell, folder: Path = FOLDER) -> None:
    """Write a cell beside the others of its task."""
    file, present = folder / f"{cell.task}.json", _measured_on(cell.task)
    cells = {one.place: one for one in _read(file, present)} | {cell.place: cell}
    rows = [{**_form(one), "success": one.success, "reason": one.reason} for one in cells.values()]
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, {**present, "cells": rows})


def kept(tasks: Iterable[str], folder: Path = FOLDER) -> dict[Place, Cell]:
    """Return the cells of the present form of tasks and axes, and of the installed versions."""
    files = {folder / f"{task}.json": task for task in tasks}
    found = [_read(file, _measured_on(task)) for file, task in files.items() if file.exists()]
    return {cell.place: cell for cells in found for cell in cells}


def _read(file: Path, present: dict[str, Any]) -> list[Cell]:
    """Return the current cells of a file; none of a damaged one, or of another form of the task."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if {name: content[name] for name in present} != present:
            return []
        task, rows = present["task"], content["cells"]
        cells = [Cell(task, r["axis"], r["level"], float(r["success"]), str(r["reason"])) for r in rows]
        return [cell for cell, row in zip(cells, rows, strict=True) if _current(cell, row)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _current(cell: Cell, row: dict[str, Any]) -> bool:
    if cell.axis not in axes() or cell.level not in LEVELS[1:]:
        return False
    return all(row[name] == value for name, value in _form(cell).items())


def _measured_on(task: str) -> dict[str, Any]:
    """Return what all cells of a task share."""
    return {
        "task": task,
        "fingerprint": fingerprint(load_task(task)),
        "versions": versions(),
        "episodes": SEEDS,
    }


def _form(cell: Cell) -> dict[str, Any]:
    """Return the axis and the magnitude of its level, as JSON reads them back."""
    steps = [list(part) for part in ladder(f"{cell.axis}:{cell.level}")]
    return {"axis": cell.axis, "level": cell.level, "ladder": steps}
