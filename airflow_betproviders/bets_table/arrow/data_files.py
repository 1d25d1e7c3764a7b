"""The data files of the bets table: read them, write new ones, describe both to a commit."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from airflow_betproviders.bets_table.arrow.statistics import FileStatistics

ROW_GROUP = 65_536
FILE_SIZE = 32 * 1024 * 1024  # bytes; a correction rewrites the files that it touches, so a larger file costs more
_DICTIONARY_SIZE = 128 * 1024  # bytes; a column with more distinct values is written plain
_PLAIN = {"bet_id", "rest", "placed_at", "updated_at", "settled_at"}
_MEMORY = pa.system_memory_pool()


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version of the table.

    Attributes:
        path: in the table's folder.
        provider: its partition.
        day: likewise.
        size: in bytes.
        ends: for some columns, a value that none in the file is less than, and one that none is greater than.
    """

    path: str
    provider: str
    day: date
    size: int
    ends: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)


@contextmanager
def reading(fs: pafs.FileSystem, path: str) -> Iterator[pq.ParquetFile]:
    """Open a data file for reading."""
    with fs.open_input_file(path) as handle, pq.ParquetFile(handle) as file:
        yield file


def removal(file: DataFile, *, data_change: bool = True) -> RemoveAction:
    """Return what a commit says of a file that it replaces."""
    return RemoveAction(
        path=file.path,
        data_change=data_change,
        deletion_timestamp=int(time.time() * 1000),
        size=file.size,
        partition_values={"provider": file.provider, "bet_date": file.day.isoformat()},
    )


class NewFile:
    """Write rows of one partition to a new file of the table, in row groups of bounded size.

    A row group is encoded in the pool while the rows of the next one come in.
    """

    def __init__(
        self,
        fs: pafs.FileSystem,
        pool: Executor,
        schema: pa.Schema,
        provider: str,
        day: date,
        *,
        data_change: bool = True,
    ) -> None:
        self._pool = pool
        self._writing: Future[None] | None = None
        self._values = {"provider": provider, "bet_date": day.isoformat()}
        self._data_change = data_change
        folder = "/".join(f"{name}={value}" for name, value in self._values.items())
        self.path = f"{folder}/part-{uuid.uuid4().hex}.parquet"
        self._stream = fs.open_output_stream(self.path)
        self._writer = pq.ParquetWriter(
            self._stream,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name not in _PLAIN],
            dictionary_pagesize_limit=_DICTIONARY_SIZE,
            write_page_index=True,
            memory_pool=_MEMORY,
        )
        self._buffer: list[pa.Table] = []
        self._buffered = 0
        self._statistics = FileStatistics()

    def write(self, rows: pa.Table) -> None:
        """Add rows, under the columns of a stored file."""
        if not rows.num_rows:
            return
        self._buffer.append(rows)
        self._buffered += rows.num_rows
        if self._buffered >= ROW_GROUP:
            self._flush()

    @property
    def size(self) -> int:
        """Bytes written so far; a row group that is being encoded may be missing."""
        return int(self._stream.tell())

    def close(self) -> AddAction:
        """Finish the file. Return what the commit says of it."""
        if self._buffered:
            self._flush()
        self._wait()
        self._writer.close()
        size = self.size
        self._stream.close()
        return AddAction(
            path=self.path,
            size=size,
            partition_values=self._values,
            modification_time=int(time.time() * 1000),
            data_change=self._data_change,
            stats=self._statistics.to_json(),
        )

    def _flush(self) -> None:
        self._wait()
        self._writing = self._pool.submit(self._encode, self._buffer)
        self._buffer, self._buffered = [], 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _encode(self, buffer: list[pa.Table]) -> None:
        table = pa.concat_tables(buffer).combine_chunks()
        buffer.clear()
        self._statistics.add(table)
        self._writer.write_table(table, row_group_size=ROW_GROUP)


class NewFiles:
    """Write rows of one partition to new files, none of them much larger than a target."""

    def __init__(
        self,
        fs: pafs.FileSystem,
        pool: Executor,
        schema: pa.Schema,
        provider: str,
        day: date,
        *,
        file_size: int = FILE_SIZE,
        data_change: bool = True,
    ) -> None:
        self._fs = fs
        self._pool = pool
        self._schema = schema
        self._provider = provider
        self._day = day
        self._file_size = file_size
        self._data_change = data_change
        self._open: NewFile | None = None
        self._done: list[AddAction] = []

    def write(self, rows: pa.Table) -> None:
        """Add rows, under the columns of a stored file."""
        if not rows.num_rows:
            return
        if self._open is None:
            self._open = NewFile(
                self._fs, self._pool, self._schema, self._provider, self._day, data_change=self._data_change
            )
        self._open.write(rows)
        if self._open.size >= self._file_size:
            self._finish()

    def close(self) -> list[AddAction]:
        """Finish the last file. Return what the commit says of all."""
        self._finish()
        return self._done

    def _finish(self) -> None:
        if self._open is not None:
            self._done.append(self._open.close())
            self._open = None
