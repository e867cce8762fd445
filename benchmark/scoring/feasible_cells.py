"""Where the experts of a task still succeed under a perturbation: the record, on disk and in the package.

`bimodal certify --variants` measures each cell once and keeps it in `runs/feasibility/`, one file a task. The
figures of the package's own tasks come with it, in `feasible.json`, so that reports can mark what no expert
can do without measuring it again.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from ...envs.errors import WrongUse
from ...envs.perturbations.core.magnitudes import Part
from ...envs.perturbations.core.variant import named
from ...envs.storage.atomic_write import write_text
from ...tasks import load_task
from ...tasks.core.fingerprint import fingerprint
from ..provenance import versions
from ..records.measurement_store import MeasurementStore
from ..records.run_folder import RUNS
from ..suites import ladder

FLOORS = {1: 0.95, 2: 0.90, 3: 0.85}
"""Least success of the expert of every mode that is not blocked, by level; below it a cell is infeasible. At
magnitudes that are no level's that of level 3 counts."""
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
    perturbation: str
    """Its name, or `combo`."""
    level: int
    """1 to 3."""
    magnitude: float | None = None
    """As in `magnitudes.Part`: where it is none of the levels'; then the level is 3, whose floor counts."""

    @property
    def part(self) -> Part:
        """What is perturbed."""
        return Part(*self[1:])


@dataclass(frozen=True)
class FeasibilityCell:
    """The experts of one task under one perturbation at one level."""

    task: str
    perturbation: str
    level: int
    """As in `CellKey`."""
    success: float
    """Success of the expert of the worst mode that is not blocked."""
    reason: str = ""
    """Why the perturbation cannot apply to the task, "" if it can."""
    magnitude: float | None = None
    """As in `CellKey`."""

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        return CellKey(self.task, self.perturbation, self.level, self.magnitude)

    @property
    def feasible(self) -> bool:
        """Whether a policy can be asked for success here."""
        return not self.reason and self.success >= FLOORS[self.level]


Feasibility = Mapping[CellKey, FeasibilityCell]
"""What is known of the cells, as `known_cells` returns it."""


def save_cell(cell: FeasibilityCell, folder: Path = FOLDER) -> None:
    """Write a cell beside the others of its task; called as soon as it is measured."""
    _store(cell.task, folder).put(_magnitudes(cell), cell)


def load_cells(tasks: Iterable[str], folder: Path = FOLDER) -> dict[CellKey, FeasibilityCell]:
    """Return the measured cells of the present form of tasks and perturbations, and of these versions."""
    found = [_of_today(_store(task, folder).values()) for task in tasks]
    return {cell.key: cell for cells in found for cell in cells}


def publish(tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED) -> None:
    """Write what was measured of tasks into one file, as it comes with the package.

    What it holds of other tasks and cells stays, as long as it was measured on the same as these.
    """
    contents = _published(file)
    for task in tasks:
        store = _store(task, folder)
        head = {name: value for name, value in contents.get(task, {}).items() if name != "cells"}
        before = _of_today(contents[task]["cells"]) if head == store.identity else []
        by_key = {cell.key: cell for cell in (*before, *_of_today(store.values()))}
        if store.values():
            contents[task] = {**store.identity, "cells": {_magnitudes(one): one for one in by_key.values()}}
    write_text(file, _one_a_line(contents.values()))


def known_cells(
    tasks: Iterable[str], folder: Path = FOLDER, file: Path = PUBLISHED
) -> dict[CellKey, FeasibilityCell]:
    """Return the cells of the present form of tasks: what comes with the package, and what was measured here.

    A published figure counts on other versions of the libraries, too; what was measured here goes before it.
    """
    tasks = tuple(tasks)
    published = _published(file, tasks)
    found: dict[CellKey, FeasibilityCell] = {}
    for task in tasks:
        store = _store(task, folder)
        content = published.get(task, {})
        if content.get("fingerprint") == store.identity["fingerprint"]:
            found |= {cell.key: cell for cell in _of_today(content["cells"])}
        found |= {cell.key: cell for cell in _of_today(store.values())}
    return found


def expert_fails(cells: Feasibility, task: str, variant: str) -> float | None:
    """Return the success of the worst mode's expert in an infeasible variant.

    Of several perturbations the worst counts. None where the variant is feasible, or nothing is known.
    """
    keys = [CellKey(task, *part) for part in named(variant)]
    low = [cells[key].success for key in keys if key in cells and not cells[key].feasible]
    return min(low, default=None)


def _store(task: str, folder: Path) -> MeasurementStore[FeasibilityCell]:
    """Return the store of a task's cells, by their magnitudes."""
    measured_on = {
        "task": task,
        "fingerprint": fingerprint(load_task(task)),
        "versions": versions(),
        "episodes": EPISODES,
    }
    return MeasurementStore(folder / f"{task}.json", measured_on, FeasibilityCell)


def _published(file: Path, tasks: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the content of the published file by task, of all or of some; nothing of a damaged one."""
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
        read = TypeAdapter(dict[str, FeasibilityCell]).validate_python
        wanted = [content for content in contents if not tasks or content["task"] in tasks]
        return {content["task"]: {**content, "cells": read(content["cells"])} for content in wanted}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _of_today(cells: Mapping[str, FeasibilityCell]) -> list[FeasibilityCell]:
    """Return the cells whose perturbation exists and has the magnitudes of today."""
    found = []
    for magnitudes, cell in cells.items():
        with suppress(WrongUse):  # no such perturbation, or no such magnitude
            if cell.level in FLOORS and magnitudes == _magnitudes(cell):
                found.append(cell)
    return found


def _magnitudes(cell: FeasibilityCell) -> str:
    """Return what a cell is kept under: with other magnitudes it has another name and is measured again.

    Raises:
        WrongUse: there is no such variant any more.
    """
    parts = ladder(str(cell.key.part))
    return ", ".join(f"{name}:{level} = {magnitude} {unit}" for name, level, magnitude, unit in parts)


def _one_a_line(contents: Iterable[dict[str, Any]]) -> str:
    """Return JSON with every cell on a line of its own."""
    tasks = []
    for content in contents:
        head = json.dumps({name: value for name, value in content.items() if name != "cells"})
        cells = ",\n  ".join(
            f"{json.dumps(name)}: {json.dumps(_plain(cell))}"
            for name, cell in sorted(content["cells"].items(), key=lambda item: _place(item[1]))
        )
        tasks.append(f'{head[:-1]}, "cells": {{\n  {cells}\n }}}}')
    return "[\n " + ",\n ".join(tasks) + "\n]\n"


def _plain(cell: FeasibilityCell) -> dict[str, Any]:
    """Return a cell as it is written; most have no magnitude of their own."""
    return {name: value for name, value in asdict(cell).items() if value is not None}


def _place(cell: FeasibilityCell) -> tuple[str, str, int, float]:
    """Return where a cell stands in the file: after the levels come other magnitudes."""
    return cell.task, cell.perturbation, cell.level, -1.0 if cell.magnitude is None else cell.magnitude
