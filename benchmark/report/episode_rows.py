"""The episodes of a run as rows: for the table of its report, and for `episodes.csv` and `episodes.json`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ...envs.errors import WrongUse
from ...envs.perturbations.core.variant import CLEAN, Variant
from ...envs.specs import CONTROL_HZ
from ...envs.storage.atomic_write import atomic_write, write_text
from ...tasks import load_task
from ...tasks.core.outcomes import GROUPS, OUTCOMES
from ..diagnosis.known_causes import known_causes
from ..measures.episode_measures import EpisodeMeasures
from ..measures.measures_file import Measured, stored_measures
from ..measures.unsafe_events import KINDS
from ..number_text import harmless
from ..scoring.perturbation_effects import scene_kinds
from ..scoring.review_record import EpisodeKey, Remark, read_review
from ..scoring.run_episodes import Run, RunEpisodes, mode_names
from .inline_bars import MARKS
from .video_gallery import Clip, clips

FILES = ("episodes.csv", "episodes.json")
"""The files beside a report."""
Rows = dict[str, list]
"""Columns of equal length by name, None for what is not known."""


def episodes_link(**wanted: Any) -> str:
    """Return the address that shows the episodes with these values in the report's table."""
    return "#episodes?" + urlencode(wanted)


class Additions(NamedTuple):
    """What was added to a run after it was finished, by episode."""

    causes: Mapping[EpisodeKey, str]
    """What the diagnosis found."""
    measured: Measured
    """What was measured; nothing where it was not."""
    remarks: Mapping[EpisodeKey, Remark]
    """What a reviewer said."""
    refused: str
    """Why the folder's review is not shown, "" if it is or there is none."""
    films: Mapping[str, list[Clip]]
    """The videos by task."""


def read_additions(run: Run) -> Additions:
    """Return what the run's folder holds besides its records."""
    remarks: dict[EpisodeKey, Remark] = {}
    refused = ""
    try:
        remarks = {one.key: one.remark for one in read_review(run).episodes}
    except WrongUse as error:
        refused = str(error)
    causes = known_causes(run.folder, run.record.run_id)
    return Additions(causes, stored_measures(run) or {}, remarks, refused, clips(run))


def episode_rows(run: Run, added: Additions) -> Rows:
    """Return a row for every episode of a run, in the suite's order."""
    films = {one.key: one.file.name for shown in added.films.values() for one in shown if one.label}
    nothing = Remark(tag="", note="")
    rows: Rows = {}
    for (task, variant), cell in run.cells.items():
        seeds = cell.seeds.tolist()
        keys = [(task, variant, seed) for seed in seeds]
        measured = added.measured.get((task, variant))
        said = [added.remarks.get(key, nothing) for key in keys]
        columns = {
            "task": [task] * len(keys),
            "variant": [variant] * len(keys),
            "seed": seeds,
            "scenes": scene_kinds(load_task(task), variant, tuple(seeds)).tolist(),
            "label": cell.labels.tolist(),
            "success": cell.succeeded.tolist(),
            "mode": [name or "" for name in mode_names(task, cell.modes)],
            **_asked(task, variant, cell),
            "change": _changes(run, task, variant),
            "length_s": (cell.steps / CONTROL_HZ).tolist(),
            "alpha": [round(alpha, 4) if np.isfinite(alpha) else None for alpha in cell.alphas.tolist()],
            "switches": cell.switches.tolist(),
            "clipped": cell.clipped.tolist(),
            "unsafe": [None] * len(keys) if measured is None else _unsafe(measured),
            "cause": [added.causes.get(key, "") for key in keys],
            "tag": [one.tag for one in said],
            "note": [one.note for one in said],
            "fault": cell.faults.tolist(),
            "video": [films.get(key, "") for key in keys],
            "digest": cell.digests.tolist(),
        }
        for name, column in columns.items():
            rows.setdefault(name, []).extend(column)
    return rows


def _asked(task: str, variant: str, cell: RunEpisodes) -> dict[str, list[str]]:
    """Return which mode each episode was asked for, and in which words; "" where none was."""
    if cell.asked is None:
        return {name: [""] * len(cell.seeds) for name in ("asked", "instruction")}
    modes = [load_task(task).modes[mode] for mode in cell.asked]
    world = Variant(variant)
    pairs = zip(cell.scenes.tolist(), modes, strict=True)
    said = [world.instruction(load_task(task), seed, mode) for seed, mode in pairs]
    return {"asked": modes, "instruction": said}


def _changes(run: Run, task: str, variant: str) -> list[str]:
    """Return how each episode of a variant differs from its clean twin: broken, fixed, other mode, or ""."""
    clean = run.cells.get((task, CLEAN))
    cell = run.cells[task, variant]
    if clean is None or variant == CLEAN:
        return [""] * len(cell.seeds)
    twin = dict(zip(clean.seeds.tolist(), _endings(clean), strict=True))
    return [
        _change(twin[seed], now) if seed in twin else ""
        for seed, now in zip(cell.seeds.tolist(), _endings(cell), strict=True)
    ]


def _endings(cell: RunEpisodes) -> list[tuple[bool, int]]:
    return list(zip(cell.succeeded.tolist(), cell.modes.tolist(), strict=True))


def _change(before: tuple[bool, int], now: tuple[bool, int]) -> str:
    changed = [] if before[0] == now[0] else ["broken" if before[0] else "fixed"]
    if min(before[1], now[1]) >= 0 and before[1] != now[1]:
        changed.append("other mode")
    return ", ".join(changed)


def _unsafe(found: EpisodeMeasures) -> list[str]:
    """Return the names of each episode's unsafe events."""
    counts = [(kind, getattr(found, f"{kind}_events").tolist()) for kind in KINDS]
    return [", ".join(kind for kind, n in counts if n[row] > 0) for row in range(len(found.seed))]


def write_rows(rows: Rows, folder: Path) -> None:
    """Write the rows beside a report, for spreadsheets and for programs."""
    table = pa.table({name: pa.array(list(map(harmless, column))) for name, column in rows.items()})
    csv, plain = (folder / name for name in FILES)
    with atomic_write(csv) as draft, draft.open("wb") as file:
        pyarrow.csv.write_csv(table, file)
    write_text(plain, "[\n" + ",\n".join(map(json.dumps, as_records(rows))) + "\n]\n")


def as_records(rows: Rows) -> list[dict[str, Any]]:
    """Return a record for every row."""
    return [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]


def page_data(rows: Rows) -> dict[str, Any]:
    """Return the rows as the report's script reads them: words once, and their numbers row by row."""
    shown = {name: column for name, column in rows.items() if name not in ("digest", "success", "clipped")}
    columns = {name: _coded(column) for name, column in shown.items() if any(column)}
    endings = {name: (OUTCOMES[name].group, OUTCOMES[name].meaning) for name in dict.fromkeys(rows["label"])}
    return {"n": len(rows["seed"]), "columns": columns, "endings": endings, "groups": GROUPS, "marks": MARKS}


def _coded(column: list) -> dict[str, list] | list:
    """Return a column of words as those words and the number of each row's, numbers as they are."""
    if not any(isinstance(value, str) for value in column):
        return column
    words = {word: i for i, word in enumerate(dict.fromkeys(value or "" for value in column))}
    return {"words": list(words), "at": [words[value or ""] for value in column]}
