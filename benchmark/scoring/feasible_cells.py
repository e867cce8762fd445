"""Where the experts of a task still succeed under a perturbation: the record, on disk and in the package.

`bimodal certify --variants` measures each cell once and keeps it in `runs/feasibility/`, one file a task. The
figures of the package's own tasks come with it, in `feasible.json`, so that reports can mark what no expert
can do without measuring it again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from ...envs.perturbations.core.perturbation import LEVELS
from ...envs.perturbations.core.registry import perturbations
from ...envs.perturbations.core.variant import COMBO, named
from ...envs.storage.atomic_write import write_text
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from ..records.run_folder import RUNS
from ..suites import ladder

FLOORS = {1: 0.95, 2: 0.90, 3: 0.85}
"""Least success of the expert of every mode that is not blocked, by level; below it a cell is infeasible."""
EPISODES = 50
"""Episodes of every mode in a cell."""
FOLDER = RUNS / "feasibility"
"""Where the cells lie, relative to the working directory."""
PUBLISHED = Path(__file__).parent / "feasible.json"
"""The cells that come with the package."""


class CellKey(NamedTuple):
    """Which cell."""

    task: str
    """Task id."""
    axis: str
    """Name of the perturbation, or `combo`."""
    level: int
    """1 to 3."""


class FeasibilityCell(NamedTuple):
    """The experts of one task under one perturbation at one level."""

    task: str
    """Task id."""
    axis: str
    """Name of the perturbation, or `combo`."""
    level: int
    """1 to 3."""
    success: float
    """Success of the expert of the worst mode that is not blocked."""
    reason: str = ""
    """Why the perturbation cannot apply to the task, "" if it can."""

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        return CellKey(self.task, self.axis, self.level)

    @property
    def feasible(self) -> bool:
        """Whether a policy can be asked for success here."""
        return not self.reason and self.success >= FLOORS[self.level]


@dataclass(frozen=True)
class CellRecord:
    """A cell as it is written, beside others of the same task."""

    axis: str
    """Name of the perturbation, or `combo`."""
    level: int
    """1 to 3."""
    ladder: list[list[Any]]
    """Name, level, magnitude and unit of each of its parts: other magnitudes are measured again."""
    success: float
    """As in `FeasibilityCell`."""
    reason: str
    """As in `FeasibilityCell`."""


def save_cell(cell: FeasibilityCell, folder: Path = FOLDER) -> None:
    """Write a cell beside the others of its task; called as soon as it is measured."""
    _store(cell.task, folder).put(f"{cell.axis}:{cell.level}", _record(cell))


def load_cells(tasks: Iterable[str], folder: Path = FOLDER) -> dict[CellKey, FeasibilityCell]:
    """Return the measured cells of the present form of tasks and perturbations, and of these versions."""
    found = [_cells(task, _store(task, folder).values().values()) for task in tasks]
    return {cell.key: cell for cells in found for cell in cells}


def publish(tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED) -> None:
    """Write what was measured of tasks into one file, as it comes with the package."""
    contents = []
    for task in tasks:
        cells = sorted(_cells(task, _store(task, folder).values().values()))
        if cells:
            rows = [asdict(_record(cell)) for cell in cells]
            contents.append({**_measured_on(task), "cells": rows})
    write_text(file, _one_a_line(contents))


def known_cells(
    tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED
) -> dict[CellKey, FeasibilityCell]:
    """Return the cells of the present form of tasks: what comes with the package, and what was measured here.

    A published figure counts on other versions of the libraries, too; what was measured here goes before it.
    """
    tasks = list(tasks)
    published = _published(file)
    found: dict[CellKey, FeasibilityCell] = {}
    for task in tasks:
        content = published.get(task, {})
        if content.get("fingerprint") == fingerprint(load_task(task)):
            found |= {cell.key: cell for cell in _cells(task, content["cells"])}
    return found | load_cells(tasks, folder)


def expert_fails(cells: Mapping[CellKey, FeasibilityCell], task: str, variant: str) -> float | None:
    """Return the success of the worst mode's expert in an infeasible variant.

    Of several perturbations the worst counts. None where the variant is feasible, or nothing is known.
    """
    keys = [CellKey(task, part.perturbation, part.level) for part in named(variant)]
    low = [cells[key].success for key in keys if key in cells and not cells[key].feasible]
    return min(low, default=None)


def _store(task: str, folder: Path) -> MeasurementStore[CellRecord]:
    return MeasurementStore(folder / f"{task}.json", _measured_on(task), CellRecord)


def _measured_on(task: str) -> dict[str, Any]:
    """Return what all cells of a task share."""
    return {
        "task": task,
        "fingerprint": fingerprint(load_task(task)),
        "versions": versions(),
        "episodes": EPISODES,
    }


def _published(file: Path) -> dict[str, dict[str, Any]]:
    """Return the content of the published file by task; nothing of a damaged one."""
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
        read = TypeAdapter(list[CellRecord]).validate_python
        return {content["task"]: {**content, "cells": read(content["cells"])} for content in contents}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _cells(task: str, records: Iterable[CellRecord]) -> list[FeasibilityCell]:
    """Return the cells whose perturbation exists and has the magnitude of today."""
    return [
        FeasibilityCell(task, one.axis, one.level, one.success, one.reason)
        for one in records
        if one.axis in (*perturbations(), COMBO) and one.level in LEVELS[1:] and one.ladder == _ladder(one)
    ]


def _record(cell: FeasibilityCell) -> CellRecord:
    return CellRecord(cell.axis, cell.level, _ladder(cell), cell.success, cell.reason)


def _ladder(cell: FeasibilityCell | CellRecord) -> list[list[Any]]:
    """Return the magnitudes of a cell's parts, as JSON reads them back."""
    return [list(part) for part in ladder(f"{cell.axis}:{cell.level}")]


def _one_a_line(contents: list[dict[str, Any]]) -> str:
    """Return JSON with every cell on a line of its own."""
    tasks = []
    for content in contents:
        head = json.dumps({name: value for name, value in content.items() if name != "cells"})
        cells = ",\n  ".join(map(json.dumps, content["cells"]))
        tasks.append(f'{head[:-1]}, "cells": [\n  {cells}\n ]}}')
    return "[\n " + ",\n ".join(tasks) + "\n]\n"
