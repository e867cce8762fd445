"""Parquet files of limited size, as LeRobot numbers them: chunk-000/file-000.parquet, file-001, ..."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

FILES = 1000
"""Files of a chunk."""


class Place(NamedTuple):
    """One file of a series."""

    chunk: int
    file: int

    def path(self, folder: Path, suffix: str) -> Path:
        """Return where it lies."""
        return folder / f"chunk-{self.chunk:03d}" / f"file-{self.file:03d}{suffix}"

    def after(self) -> "Place":
        """Return the next one."""
        return Place(self.chunk, self.file + 1) if self.file + 1 < FILES else Place(self.chunk + 1, 0)


class ParquetSeries:
    """Writes tables, each a row group, into a file that is closed once it is larger than a limit."""

    def __init__(self, folder: Path, limit: float) -> None:
        """Begin a series; `limit` is in bytes."""
        self.place = Place(0, 0)
        """Where the next table goes."""
        self._folder = folder
        self._limit = limit
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        """Write a row group, whole into one file."""
        if self._file is None:
            path = self.place.path(self._folder, ".parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")  # pyarrow takes a name with a colon for an address
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="snappy")
        self._writer.write_table(table, row_group_size=max(1, len(table)))
        if self._file.tell() > self._limit:
            self.close()
            self.place = self.place.after()

    def close(self) -> None:
        """Finish the file that is open."""
        if self._file is not None:
            self._writer.close()
            self._file.close()
            self._file = None


@contextmanager
def parquet_series(folder: Path, limit: float) -> Iterator[ParquetSeries]:
    """Yield a series whose last file is closed in the end."""
    series = ParquetSeries(folder, limit)
    try:
        yield series
    finally:
        series.close()
