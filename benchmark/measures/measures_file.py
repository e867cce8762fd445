"""The measures of a run in its folder: `measures.parquet`, a row an episode, tied to the records."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ...envs.storage.atomic_write import atomic_write
from ..scoring.run_episodes import Run
from .episode_measures import EpisodeMeasures

NAME = "measures.parquet"
"""The file's name in a run folder."""
VERSION = 2
"""Raised whenever a measure is defined otherwise; older files are measured again."""
Cell = tuple[str, str]
"""A task and a variant."""
Measured = Mapping[Cell, EpisodeMeasures]
"""What was measured of the episodes of each cell, sorted by seed."""
_DIGEST = b"bimodal.records"
"""Key of the records' digest in the file's metadata."""
_BOOLS = (
    *("success", "success_ever", "success_final", "committed", "averaging"),
    *("unsafe", "unsafe_recovered", "unsafe_success"),
)
_FLOATS = (
    *("alpha", "progress", "length_s", "horizon_s", "time_to_commit_s", "time_to_success_s"),
    *("peak_force_n", "sparc", "jerk", "energy_j"),
)
_FIELDS = tuple(one.name for one in fields(EpisodeMeasures))
_KINDS = {"seed": pa.int64()} | dict.fromkeys(_BOOLS, pa.bool_()) | dict.fromkeys(_FLOATS, pa.float64())
MEASURE_COLUMNS = [
    ("task", pa.string()),
    ("variant", pa.string()),
    *((name, _KINDS.get(name, pa.int32())) for name in _FIELDS),
]
"""Columns of measures.parquet: one row an episode; null where a measure says nothing."""


def records_digest(run: Run) -> str:
    """Return a fingerprint of all that the measures of a run follow from, and of their definition."""
    digest = hashlib.sha256(f"{VERSION} {run.record.run_id} {run.record.policy.execute}".encode())
    for cell, episodes in run.cells.items():
        digest.update(repr((cell, episodes.seeds.tolist(), episodes.digests.tolist())).encode())
    return digest.hexdigest()


def measures_table(cells: Measured) -> pa.Table:
    """Return the measures of all cells as one table."""
    tables = []
    for (task, variant), found in cells.items():
        columns = {name: pa.array(getattr(found, name), from_pandas=True) for name in _FIELDS}
        names = {"task": [task] * len(found.seed), "variant": [variant] * len(found.seed)}
        tables.append(pa.table(names | columns).cast(pa.schema(MEASURE_COLUMNS)))
    return pa.concat_tables(tables)


def write_measures(run: Run, cells: Measured) -> Path:
    """Write the measures into the run's folder, whole or not at all; returns the file."""
    table = measures_table(cells).replace_schema_metadata({_DIGEST: records_digest(run)})
    path = run.folder / NAME
    with atomic_write(path) as draft, draft.open("wb") as file:
        pq.write_table(table, file, write_page_checksum=True)
    return path


def write_csv(path: Path, cells: Measured) -> None:
    """Write a row an episode as comma-separated values; an empty field where a measure says nothing."""
    with atomic_write(path) as draft, draft.open("wb") as file:
        pyarrow.csv.write_csv(measures_table(cells), file)


def stored_measures(run: Run) -> Measured | None:
    """Return the measures that a run's folder holds; None if missing, damaged or of other records."""
    path = run.folder / NAME
    if not path.is_file() or path.is_symlink():
        return None
    wanted = pa.schema(MEASURE_COLUMNS)
    try:
        with path.open("rb") as raw, pq.ParquetFile(raw, page_checksum_verification=True) as content:
            told = (content.schema_arrow.metadata or {}).get(_DIGEST, b"").decode()
            rows = sum(len(episodes.seeds) for episodes in run.cells.values())
            if told != records_digest(run) or content.metadata.num_rows != rows:
                return None
            table = content.read()
            if not table.schema.equals(wanted):
                return None
        return _cells(table, run)
    except (OSError, ValueError, KeyError):
        return None


def _cells(table: pa.Table, run: Run) -> Measured | None:
    """Return the rows of each cell in the order of the run's episodes; None if they are of others."""
    columns = {name: table[name].to_numpy() for name in _FIELDS}
    names = np.array([f"{task} {variant}" for task, variant in zip(*_names(table), strict=True)])
    found = {}
    for (task, variant), episodes in run.cells.items():
        rows = np.flatnonzero(names == f"{task} {variant}")
        if columns["seed"][rows].tolist() != episodes.seeds.tolist():
            return None
        found[task, variant] = EpisodeMeasures(**{name: column[rows] for name, column in columns.items()})
    return found


def _names(table: pa.Table) -> tuple[list[str], list[str]]:
    return table["task"].to_pylist(), table["variant"].to_pylist()
