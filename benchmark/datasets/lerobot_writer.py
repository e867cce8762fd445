"""Writes a LeRobotDataset v3.0, with pyarrow alone; called by `bimodal export --format lerobot`.

meta/info.json                              features, counts, paths
meta/stats.json                             minimum, maximum, mean, ... of every column
meta/tasks.parquet                          the task in words
meta/episodes/chunk-000/file-000.parquet    a row an episode, with seed, variant, mode, label and success
meta/bimodal.json                           where the episodes come from; for `bimodal import`
data/chunk-000/file-000.parquet             a row a control step, a row group an episode
videos/KEY/chunk-000/file-000.mp4           what a camera sees, episode after episode; `videos.py` writes it

The format: huggingface/lerobot, `src/lerobot/datasets`, CODEBASE_VERSION v3.0.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...envs.specs import CONTROL_HZ
from ...envs.storage.atomic_write import write_json
from ...tasks.demonstrations.regimes import GRADED
from .episodes import DataSource, Episode
from .features import Feature, columns_of, features_of
from .parquet_series import FILES, ParquetSeries, parquet_series
from .statistics import of_columns, statistics
from .videos import TEMPLATE, Told, Videos, key_of, plain_feature

VERSION = "v3.0"
DATA_MB = 100
"""Size at which a file is closed and the next one begun [MB]."""
ROWS = 1000
"""Episodes of a row group of their table."""
ORIGIN = "bimodal.json"
_EPISODE = {
    "episode_index": pa.int64(),
    "tasks": pa.list_(pa.string()),
    "length": pa.int64(),
    "seed": pa.int64(),
    "variant": pa.string(),
    "mode": pa.int64(),
    "mode_name": pa.string(),
    "label": pa.string(),
    "success": pa.bool_(),
    "kind": pa.string(),
    "data/chunk_index": pa.int64(),
    "data/file_index": pa.int64(),
    "dataset_from_index": pa.int64(),
    "dataset_to_index": pa.int64(),
    "meta/episodes/chunk_index": pa.int64(),
    "meta/episodes/file_index": pa.int64(),
}
_TYPES = {"float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}


def write_lerobot(folder: Path, source: DataSource) -> int:
    """Write the episodes of a source into a new folder, and return how many frames they have."""
    graded = source.about.get("demonstrations", {}).get("regime") == GRADED
    with (
        parquet_series(folder / "data", DATA_MB * 1e6) as data,
        parquet_series(folder / "meta" / "episodes", DATA_MB * 1e6) as episodes,
        closing(Videos(folder, source)) as videos,
    ):
        writer = _Writer(source, graded, videos)
        for episode in source.episodes:
            writer.write(episode, data)
            if len(writer.rows) == ROWS:
                writer.flush(episodes)
        writer.flush(episodes)
    _write_meta(folder / "meta", source, writer)
    return writer.frames


class _Writer:
    """Writes the frames of episodes, and keeps what their table will say."""

    def __init__(self, source: DataSource, graded: bool, videos: Videos) -> None:
        self.source = source
        self.videos = videos
        self.features = features_of(source.task, source.action_specs, graded)
        self.episodes = 0
        self.frames = 0
        self.rows: list[dict[str, Any]] = []
        fields = [(key, _arrow_type(feature)) for key, feature in self.features.items()]
        self._schema = pa.schema(fields)

    def write(self, episode: Episode, data: ParquetSeries) -> None:
        """Write the frames of one episode."""
        columns = columns_of(self.source, episode, self.episodes, self.frames)
        place = data.place
        arrays = [_arrow_array(self.features[key], columns[key]) for key in self.features]
        data.write(pa.table(arrays, schema=self._schema))
        pictures = self.videos.write(episode)
        told = of_columns(columns) | {key: video.statistics for key, video in pictures.items()}
        numbers = {
            f"stats/{key}/{name}": values.tolist()
            for key, of_key in told.items()
            for name, values in of_key.items()
        }
        modes = self.source.task.modes
        self.rows.append(
            {
                "episode_index": self.episodes,
                "tasks": [self.source.task.goal],
                "length": episode.steps,
                "mode_name": modes[episode.mode] if episode.mode >= 0 else "",
                "data/chunk_index": place.chunk,
                "data/file_index": place.file,
                "dataset_from_index": self.frames,
                "dataset_to_index": self.frames + episode.steps,
            }
            | self.source.told(episode)
            | numbers
            | dict(item for key, video in pictures.items() for item in _in_video(key, video).items())
        )
        self.episodes += 1
        self.frames += episode.steps

    def flush(self, episodes: ParquetSeries) -> None:
        """Write what the table of episodes says of those since the last call."""
        if not self.rows:
            return
        place = {
            "meta/episodes/chunk_index": episodes.place.chunk,
            "meta/episodes/file_index": episodes.place.file,
        }
        rows = [row | place for row in self.rows]
        # types of a row's other columns follow from their values: numbers, and lists of numbers
        schema = pa.Table.from_pylist(rows[:1]).schema
        fields = [pa.field(field.name, _EPISODE.get(field.name, field.type)) for field in schema]
        episodes.write(pa.Table.from_pylist(rows, pa.schema(fields)))
        self.rows.clear()


def _in_video(key: str, video: Told) -> dict[str, float]:
    """Return where an episode's pictures lie, as the table of episodes says it."""
    return {
        f"videos/{key}/chunk_index": video.place.chunk,
        f"videos/{key}/file_index": video.place.file,
        f"videos/{key}/from_timestamp": video.begin,
        f"videos/{key}/to_timestamp": video.end,
    }


def _arrow_type(feature: Feature) -> pa.DataType:
    kind = _TYPES[feature.dtype]
    return pa.list_(kind, feature.size) if feature.names else kind


def _arrow_array(feature: Feature, values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).ravel(), _TYPES[feature.dtype])
    return pa.FixedSizeListArray.from_arrays(flat, feature.size) if feature.names else flat


def _write_meta(meta: Path, source: DataSource, writer: _Writer) -> None:
    """Write everything that is known once all frames are written."""
    numbers = {key: _of_all(meta.parent, key, feature) for key, feature in writer.features.items()}
    numbers |= writer.videos.statistics(writer.frames)
    stats = {key: {name: values.tolist() for name, values in of.items()} for key, of in numbers.items()}
    write_json(meta / "stats.json", stats)
    _write_tasks(meta / "tasks.parquet", source.task.goal)
    write_json(meta / ORIGIN, {"task": source.task.id, "action": source.action, **source.about})
    info = {
        "codebase_version": VERSION,
        "robot_type": "panda" if source.task.arms == 1 else "two_panda",
        "total_episodes": writer.episodes,
        "total_frames": writer.frames,
        "total_tasks": 1,
        "chunks_size": FILES,
        "data_files_size_in_mb": DATA_MB,
        "video_files_size_in_mb": 200,
        "fps": CONTROL_HZ,
        "splits": {"train": f"0:{writer.episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": TEMPLATE if source.cameras else None,
        "features": {key: feature.plain() for key, feature in writer.features.items()}
        | {key_of(camera): plain_feature() for camera in source.cameras},
    }
    write_json(meta / "info.json", info)


def _of_all(folder: Path, key: str, feature: Feature) -> dict[str, np.ndarray]:
    """Return the numbers of one column over all files, read back one column at a time."""
    parts = []
    for path in sorted((folder / "data").glob("*/*.parquet")):
        with path.open("rb") as file:
            column = pq.read_table(file, columns=[key])[key].combine_chunks()
        flat = column.flatten() if feature.names else column
        parts.append(flat.to_numpy(zero_copy_only=False).reshape(-1, feature.size))
    return statistics(np.concatenate(parts), np.array(feature.floors))


def _write_tasks(path: Path, goal: str) -> None:
    """Write the table of tasks, whose texts are the index of a pandas table."""
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": [goal]})
    names = {"task_index": "int64", "task": "unicode"}
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": "object", "metadata": None}
        for name, kind in names.items()
    ]
    columns[0]["numpy_type"] = "int64"
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns}
    with path.open("wb") as file:
        pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), file)
