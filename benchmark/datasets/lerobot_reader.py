"""Reads a LeRobotDataset v3.0 as demonstrations, ours or anybody's; called by `bimodal import`.

What is missing is said all at once. Every file is found by its place, never by a path that a file names.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...envs.errors import BimodalError, WrongUse
from ...envs.specs import ACTIONS, CONTROL_HZ, of_arms
from ...envs.storage.bounded_read import read_bounded
from ...envs.storage.npz import LARGEST
from ...tasks import Task, load_task, task_names
from ...tasks.demonstrations.grades import KINDS
from ...tasks.demonstrations.record import Demonstrations, signed
from .features import ACTION, RETURN, Feature, features_of, observed
from .lerobot_writer import ORIGIN

_LARGEST = 20_000_000
"""Bytes of a JSON file that are read."""
_COLUMNS = {
    "episode_index": "number of the episode",
    "seed": "seed of its scene",
    "mode": "index of the mode that it shows, -1 for none",
    "success": "whether it ended well",
}
"""What an episode must say in meta/episodes."""


class _Episodes(NamedTuple):
    """Columns of meta/episodes, E rows."""

    number: np.ndarray
    seed: np.ndarray
    mode: np.ndarray
    success: np.ndarray
    kind: list[str]


def read_lerobot(folder: Path, task: str = "") -> Demonstrations:
    """Return the episodes of a data set; those that are shorter than the longest are filled up, not `valid`.

    Args:
        folder: of the data set, with meta/info.json.
        task: the task that it shows; may be left out where Bimodal has written it.

    Raises:
        WrongUse: it is no such data set, or something is missing; every missing thing is named.
    """
    # 1. what it is
    info = _json(folder / "meta" / "info.json")
    origin = _json(folder / "meta" / ORIGIN) if (folder / "meta" / ORIGIN).is_file() else {}
    shown = _shown_task(folder, task, origin)
    features = features_of(shown, of_arms(ACTIONS["ee_absolute"], shown.arms))
    wanted = {key: features[key] for key in (*observed(shown), ACTION)}
    table = _table(folder / "meta" / "episodes")
    if missing := _missing(info, wanted, table):
        raise WrongUse(f"{folder} does not show {shown.id} as demonstrations; missing: {'; '.join(missing)}")
    # 2. its numbers
    try:
        episodes = _episodes(table)
        graded = RETURN in info["features"]
        frames = _table(folder / "data", ["episode_index", *wanted, *([RETURN] if graded else [])])
        demos = _demonstrations(shown, episodes, frames, wanted, graded)
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{folder} is damaged, or no LeRobotDataset v3.0: {error}") from error
    # 3. where they come from
    meta = origin.get("demonstrations")
    known = {"task": shown.id, "regime": "imported", "episodes": len(demos.seeds)}
    return signed(demos._replace(meta=meta if isinstance(meta, dict) else known))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_bounded(path, _LARGEST))
    except (BimodalError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise WrongUse(f"{path.parent.parent} is no LeRobotDataset v3.0: {path.name} is missing or damaged")
    return content


def _shown_task(folder: Path, task: str, origin: dict[str, Any]) -> Task:
    named = origin.get("task")
    if task and named and task != named:
        raise WrongUse(f"{folder} shows {named}, not {task}")
    if not task and named not in task_names():
        raise WrongUse(f"{folder} does not say which task it shows; name it by --task")
    return load_task(task or named)  # type: ignore[arg-type] (a name by now)


def _table(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """Return all files of a series as one table; numbers in columns, whatever the files' order of them."""
    files = sorted(folder.glob("chunk-*/file-*.parquet"))
    size = sum(path.stat().st_size for path in files)
    if not files or size > LARGEST:
        what = (
            f"has {size} bytes; at most {LARGEST} are read"
            if files
            else "holds no chunk-000/file-000.parquet"
        )
        raise WrongUse(f"{folder} {what}")
    parts = []
    for path in files:
        try:
            with path.open("rb") as file:
                parts.append(pq.read_table(file, columns=columns))
        except (OSError, pa.ArrowException) as error:
            raise WrongUse(f"{path} is damaged: {error}") from error
    return pa.concat_tables(parts, promote_options="permissive")


def _missing(info: dict[str, Any], wanted: dict[str, Feature], episodes: pa.Table) -> list[str]:
    """Return what the data set lacks, each with what would be right."""
    found = info.get("features")
    found = found if isinstance(found, dict) else {}
    lacks = []
    if not str(info.get("codebase_version")).startswith("v3."):
        lacks.append(f"version v3.0 (it is {info.get('codebase_version')}; lerobot has a converter)")
    if info.get("fps") != CONTROL_HZ:
        lacks.append(f"{CONTROL_HZ} frames a second (it has {info.get('fps')})")
    for key, feature in wanted.items():
        there = found.get(key)
        there = there if isinstance(there, dict) else {}
        same = there.get("shape") == [feature.size] and there.get("dtype") in ("float32", "float64")
        names = there.get("names")
        if not same or (isinstance(names, list) and names != list(feature.names)):
            lacks.append(f"feature {key} float32 [{feature.size}]: {', '.join(feature.names)}")
    for name, meaning in _COLUMNS.items():
        if name not in episodes.column_names:
            lacks.append(f"column {name} of meta/episodes: {meaning}")
    return lacks


def _episodes(table: pa.Table) -> _Episodes:
    columns = {name: table[name].to_numpy() for name in _COLUMNS}
    if any(values.dtype.kind not in "iub" for values in columns.values()) or not len(table):
        raise ValueError("episode_index, seed, mode or success is no whole number in some episode")
    kinds = table["kind"].to_pylist() if "kind" in table.column_names else [""] * len(table)
    number, seed, mode, success = columns.values()
    return _Episodes(number, seed.astype(np.int64), mode.astype(np.int64), success.astype(bool), kinds)


def _demonstrations(
    task: Task, episodes: _Episodes, frames: pa.Table, wanted: dict[str, Feature], graded: bool
) -> Demonstrations:
    """Return the arrays of demonstrations, without what `meta` says."""
    # 1. which rows are whose
    owner = frames["episode_index"].to_numpy()
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    lengths = np.diff(first, append=len(owner))
    if not np.array_equal(owner[first], episodes.number):
        raise ValueError("the frames do not follow one another as meta/episodes says")
    if not (np.isin(episodes.mode, range(-1, len(task.modes))).all() and (episodes.seed >= 0).all()):
        raise ValueError(f"a mode is none of -1 to {len(task.modes) - 1}, or a seed is below 0")
    # 2. equally long episodes: the last frame again
    rows = first[:, None] + np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
    valid = np.arange(lengths.max()) < lengths[:, None]
    columns = {key: _numbers(frames[key], feature.size)[rows] for key, feature in wanted.items()}
    # 3. columns into components
    observations = {}
    for key, specs in observed(task).items():
        ends = np.cumsum([spec.size for spec in specs])[:-1]
        parts = np.split(columns[key], ends, axis=2)
        observations |= {spec.name: part for spec, part in zip(specs, parts, strict=True)}
    kinds = np.array([KINDS.index(kind) for kind in episodes.kind], np.int8) if graded else None
    return Demonstrations(
        meta={},
        seeds=episodes.seed,
        modes=episodes.mode.astype(np.int8),
        success=episodes.success,
        observations={spec.name: observations[spec.name] for spec in task.observation},
        actions=columns[ACTION],
        returns=_numbers(frames[RETURN], 1)[rows][..., 0] * valid if graded else None,
        valid=valid if graded or not valid.all() else None,
        kinds=kinds,
    )


def _numbers(column: pa.ChunkedArray, size: int) -> np.ndarray:
    """Return a column of vectors or numbers as (rows, size) float32."""
    flat = column.combine_chunks()
    flat = flat if pa.types.is_floating(flat.type) else flat.flatten()
    values = flat.to_numpy(zero_copy_only=False).astype(np.float32)
    if values.size != len(column) * size or not np.isfinite(values).all():
        raise ValueError(f"a column does not have {size} finite numbers in every frame")
    return values.reshape(-1, size)
