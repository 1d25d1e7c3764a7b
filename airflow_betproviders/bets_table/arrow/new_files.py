"""Write new data files of the bets table, and describe them to a commit."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from airflow_betproviders.bets_table.arrow.statistics import FileStatistics

ROW_GROUP = 65_536  # rows
_GROUP_SIZE = 64 * 1024 * 1024  # bytes in memory; a row group of wide rows has fewer of them
FILE_SIZE = 32 * 1024 * 1024  # bytes; a correction rewrites the files that it touches, so a larger file costs more
_DICTIONARY_SIZE = 128 * 1024  # bytes; a column with more distinct values is written plain
# Columns whose values seldom repeat, so that a dictionary would not make them smaller.
_PLAIN = {"bet_id", "rest", "placed_at", "updated_at", "settled_at"}
_MEMORY = pa.system_memory_pool()


@dataclass(frozen=True)
class Target:
    """The partition that new files are written to.

    Attributes:
        fs: the table's file system.
        pool: encodes row groups.
        schema: the columns of a stored file.
        provider: the provider of the partition.
        day: the date of the partition.
        data_change: false if the files hold only rows that were stored before.
        row_group: the rows of a row group, the least that most readers read of a column.
    """

    fs: pafs.FileSystem
    pool: Executor
    schema: pa.Schema
    provider: str
    day: date
    data_change: bool = True
    row_group: int = ROW_GROUP

    @property
    def values(self) -> dict[str, str | None]:
        """Return the values of the partition columns."""
        return {"provider": self.provider, "bet_date": self.day.isoformat()}


class _NewFile:
    """Write rows to a new file, in row groups of bounded size.

    The pool encodes a row group while the rows of the next one are added.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._writing: Future[None] | None = None
        folder = "/".join(f"{name}={value}" for name, value in target.values.items())
        self._path = f"{folder}/part-{uuid.uuid4().hex}.parquet"
        self._stream = target.fs.open_output_stream(self._path)
        self._writer = pq.ParquetWriter(
            self._stream,
            target.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in target.schema.names if name not in _PLAIN],
            dictionary_pagesize_limit=_DICTIONARY_SIZE,
            write_page_index=True,
            write_page_checksum=True,
            memory_pool=_MEMORY,
        )
        self._buffer: list[pa.Table] = []
        self._buffered = self._buffered_size = 0
        self._statistics = FileStatistics()

    def write(self, rows: pa.Table) -> None:
        """Add rows with the columns of the schema."""
        self._buffer.append(rows)
        self._buffered += rows.num_rows
        self._buffered_size += rows.nbytes
        if self._buffered >= ROW_GROUP or self._buffered_size >= _GROUP_SIZE:
            self._flush()

    @property
    def size(self) -> int:
        """Return the bytes written so far; a row group that is being encoded may be missing."""
        return int(self._stream.tell())

    def close(self) -> AddAction:
        """Finish the file and return the action by which a commit adds it."""
        if self._buffered:
            self._flush()
        self._wait()
        self._writer.close()
        size = self.size
        self._stream.close()
        return AddAction(
            path=self._path,
            size=size,
            partition_values=self._target.values,
            modification_time=int(time.time() * 1000),
            data_change=self._target.data_change,
            stats=self._statistics.to_json(),
        )

    def _flush(self) -> None:
        self._wait()
        self._writing = self._target.pool.submit(self._encode, self._buffer)
        self._buffer, self._buffered, self._buffered_size = [], 0, 0

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _encode(self, buffer: list[pa.Table]) -> None:
        table = pa.concat_tables(buffer)
        buffer.clear()
        self._statistics.add(table)
        self._writer.write_table(table, row_group_size=self._target.row_group)


class NewFiles:
    """Write rows of one partition to new files, none of them much larger than ``file_size`` bytes."""

    def __init__(self, target: Target, *, file_size: int = FILE_SIZE) -> None:
        self._target = target
        self._file_size = file_size
        self._open: _NewFile | None = None
        self._done: list[AddAction] = []

    def write(self, rows: pa.Table) -> None:
        """Add rows with the columns of the schema."""
        if not rows.num_rows:
            return
        if self._open is None:
            self._open = _NewFile(self._target)
        self._open.write(rows)
        if self._open.size >= self._file_size:
            self._finish()

    def close(self) -> list[AddAction]:
        """Finish the last file and return the actions by which a commit adds all of them."""
        self._finish()
        return self._done

    def _finish(self) -> None:
        if self._open is not None:
            self._done.append(self._open.close())
            self._open = None
