"""Feasibility on disk: every cell measured once, kept in `runs/feasibility/`, one file a task.

The figures of the package's own tasks come with it, in `feasible.json`, so that reports can mark what no
expert can do without measuring it again.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...envs.files import write_json, write_text
from ...envs.perturbations.core.perturbation import LEVELS
from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import COMBO, named
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..evaluation.evaluate import RUNS
from ..provenance import versions
from ..suites import ladder
from .feasibility import SEEDS, Cell, Place

FOLDER = RUNS / "feasibility"
"""Where the cells lie, relative to the working directory."""
PUBLISHED = Path(__file__).parent / "feasible.json"
"""The cells that come with the package."""


def keep(cell: Cell, folder: Path = FOLDER) -> None:
    """Write a cell beside the others of its task."""
    file, present = folder / f"{cell.task}.json", _measured_on(cell.task)
    cells = {one.place: one for one in _read(file, present)} | {cell.place: cell}
    rows = [_row(one) for one in cells.values()]
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, {**present, "cells": rows})


def kept(tasks: Iterable[str], folder: Path = FOLDER) -> dict[Place, Cell]:
    """Return the cells of the present form of tasks and axes, and of the installed versions."""
    files = {folder / f"{task}.json": task for task in tasks}
    found = [_read(file, _measured_on(task)) for file, task in files.items() if file.exists()]
    return {cell.place: cell for cells in found for cell in cells}


def publish(tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED) -> None:
    """Write what was measured of tasks into one file, without what is not of their present form."""
    contents = []
    for task in tasks:
        present = _measured_on(task)
        if cells := _read(folder / f"{task}.json", present):
            rows = sorted((_row(cell) for cell in cells), key=lambda row: (row["axis"], row["level"]))
            contents.append({**present, "cells": rows})
    write_text(file, _one_a_line(contents))


def known(tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED) -> dict[Place, Cell]:
    """Return the cells of the present form of tasks and axes: what comes with the package, and what is kept.

    A published figure counts on other versions of the libraries, too; what was measured here goes before it.
    """
    tasks = list(tasks)
    try:
        published = {content["task"]: content for content in json.loads(file.read_text(encoding="utf-8"))}
    except (OSError, ValueError, KeyError, TypeError):
        published = {}
    found: dict[Place, Cell] = {}
    for task in tasks:
        if task in published:
            form = {"task": task, "fingerprint": fingerprint(load_task(task))}
            found |= {cell.place: cell for cell in _cells(published[task], form)}
    return found | kept(tasks, folder)


def expert_fails(cells: Mapping[Place, Cell], task: str, variant: str) -> float | None:
    """Return the success of the worst mode's expert in an infeasible variant.

    Of several axes the worst counts. None where the variant is feasible, or nothing is known.
    """
    places = [Place(task, part.perturbation, part.level) for part in named(variant)]
    low = [cells[place].success for place in places if place in cells and not cells[place].feasible]
    return min(low, default=None)


def _one_a_line(contents: list[dict[str, Any]]) -> str:
    """Return JSON with every cell on a line of its own."""
    tasks = []
    for content in contents:
        head = json.dumps({name: value for name, value in content.items() if name != "cells"})
        cells = ",\n  ".join(map(json.dumps, content["cells"]))
        tasks.append(f'{head[:-1]}, "cells": [\n  {cells}\n ]}}')
    return "[\n " + ",\n ".join(tasks) + "\n]\n"


def _read(file: Path, present: dict[str, Any]) -> list[Cell]:
    """Return the current cells of a file; none of a damaged one, or of another form of the task."""
    try:
        return _cells(json.loads(file.read_text(encoding="utf-8")), present)
    except (OSError, ValueError):
        return []


def _cells(content: Any, present: dict[str, Any]) -> list[Cell]:
    """Return the cells of a file's content that are of the present form of task and axes."""
    try:
        if {name: content[name] for name in present} != present:
            return []
        task, rows = present["task"], content["cells"]
        cells = [Cell(task, r["axis"], r["level"], float(r["success"]), str(r["reason"])) for r in rows]
        return [cell for cell, row in zip(cells, rows, strict=True) if _current(cell, row)]
    except (ValueError, KeyError, TypeError):
        return []


def _current(cell: Cell, row: dict[str, Any]) -> bool:
    if cell.axis not in (*perturbations(), COMBO) or cell.level not in LEVELS[1:]:
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


def _row(cell: Cell) -> dict[str, Any]:
    return {**_form(cell), "success": cell.success, "reason": cell.reason}


def _form(cell: Cell) -> dict[str, Any]:
    """Return the axis and the magnitude of its level, as JSON reads them back."""
    steps = [list(part) for part in ladder(f"{cell.axis}:{cell.level}")]
    return {"axis": cell.axis, "level": cell.level, "ladder": steps}
