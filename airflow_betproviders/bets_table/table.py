"""The bets table in Delta Lake: its files, and commits that succeed only on the version they were planned on.

A commit is one put-if-absent of the next version, without delta-rs's own rebase: whoever comes second plans anew. So
merges are serialisable, whatever they read, and a table is never seen between two states.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from airflow_betproviders.bets_table.schema import PARTITIONS, SCHEMA, STORED
from airflow_betproviders.exceptions import InvalidArgument

ROW_GROUP = 100_000
_FILE_SIZE = 256 * 1024 * 1024
_CONFIGURATION = {
    "delta.checkpointInterval": "20",
    # Compaction would note the ends of amounts as floats, and a reader would skip a file for the last digit.
    "delta.dataSkippingNumIndexedCols": "0",
}
_MEMORY = pa.system_memory_pool()


class _Sink:
    """Hands bytes on to delta-rs, which takes no Arrow buffers."""

    closed = False

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def write(self, data: Any) -> int:
        written: int = self._inner.write(bytes(data))
        return written

    def tell(self) -> int:
        position: int = self._inner.tell()
        return position

    def flush(self) -> None:
        self._inner.flush()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._inner.close()


class _Store(DeltaStorageHandler):
    """The table's folder, under delta-rs's own credentials."""

    def open_output_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> pa.PythonFile:
        """Open an object for writing; it appears whole when it is closed."""
        return pa.PythonFile(_Sink(self._handler.open_output_stream(path, dict(metadata or {}))), mode="w")


class Conflict(Exception):
    """Another commit came first."""


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version of the table."""

    path: str
    provider: str
    day: date
    size: int


class Snapshot:
    """One version of the table, and what may be committed onto it."""

    def __init__(self, delta: DeltaTable, fs: pafs.FileSystem) -> None:
        self._delta = delta
        self.fs = fs
        self.version = delta.version()

    def files(self, provider: str) -> list[DataFile]:
        """The provider's files."""
        return [file for file in self.all_files() if file.provider == provider]

    def all_files(self) -> list[DataFile]:
        """Every file."""
        listed = pa.table(self._delta.get_add_actions(flatten=True)).select(
            ["path", *(f"partition.{name}" for name in PARTITIONS), "size_bytes"]
        )
        return [DataFile(*row.values()) for row in listed.to_pylist()]

    def pointer(self, app: str) -> int | None:
        """The number that an application last committed, or None."""
        found: int | None = self._delta.transaction_version(app)
        return found

    def commit(
        self, added: list[AddAction], removed: list[RemoveAction], pointers: Mapping[str, int], told: Mapping[str, Any]
    ) -> None:
        """Add the next version.

        Raises:
            Conflict: the table has moved on since this snapshot.
        """
        properties = CommitProperties(
            max_commit_retries=0,
            app_transactions=[Transaction(app, number) for app, number in pointers.items()],
            custom_metadata={"betproviders": dict(told)},
        )
        try:
            self._delta.create_write_transaction(
                [*removed, *added],
                mode="append",
                schema=self._delta.schema(),
                partition_by=list(PARTITIONS),
                commit_properties=properties,
            )
        except CommitFailedError as error:
            raise Conflict(str(error)) from error


class BetsTable:
    """The table at a URI.

    Args:
        uri: as delta-rs takes it.
        options: its storage options: credentials, endpoint.
    """

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self.options = dict(options or {})
        self._fs: pafs.FileSystem | None = None

    def open(self) -> DeltaTable:
        """The table in its newest version.

        Raises:
            TableNotFoundError: nothing has been merged yet.
        """
        return DeltaTable(self.uri, storage_options=self.options)

    def snapshot(self) -> Snapshot:
        """The newest version; the table is made if it is not there.

        Raises:
            InvalidArgument: the table is not one of bets, or another tool has given it features unknown here.
        """
        try:
            delta = self.open()
        except TableNotFoundError:
            self._create()
            delta = self.open()
        self._check(delta)
        return Snapshot(delta, self.fs)

    @property
    def fs(self) -> pafs.FileSystem:
        """The table's folder as a file system."""
        if self._fs is None:
            self._fs = pafs.PyFileSystem(_Store(self.uri, options=self.options))
        return self._fs

    def write_json(self, path: str, document: Any) -> None:
        """Put a small object beside the data."""
        with self.fs.open_output_stream(path) as stream:
            stream.write(json.dumps(document, sort_keys=True).encode())

    def read_json(self, path: str) -> Any:
        """Read it; None where there is none."""
        try:
            with self.fs.open_input_file(path) as file:
                return json.loads(file.read())
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Delete an object, if it is there."""
        try:
            self.fs.delete_file(path)
        except FileNotFoundError:
            return

    def _create(self) -> None:
        try:
            DeltaTable.create(
                self.uri,
                SCHEMA,
                mode="ignore",
                partition_by=list(PARTITIONS),
                name="bets",
                configuration=_CONFIGURATION,
                storage_options=self.options,
            )
        except DeltaError:
            if not DeltaTable.is_deltatable(self.uri, storage_options=self.options):
                raise  # it was not another task that made it first

    def _check(self, delta: DeltaTable) -> None:
        found = [field.name for field in delta.schema().fields]
        if found != SCHEMA.names:
            raise InvalidArgument(
                f"{self.uri} is a Delta table, but not one of bets: its columns are {', '.join(found)}. Name another folder."
            )
        if features := delta.protocol().reader_features:
            raise InvalidArgument(
                f"{self.uri} has Delta features that the merge does not know: {', '.join(features)}. Turn them off."
            )


class FileWriter:
    """Writes rows of one partition to a new file of the table, in row groups of bounded size."""

    def __init__(self, fs: pafs.FileSystem, provider: str, day: date) -> None:
        self._fs = fs
        self._values = {"provider": provider, "bet_date": day.isoformat()}
        folder = "/".join(f"{name}={value}" for name, value in self._values.items())
        self.path = f"{folder}/part-{uuid.uuid4().hex}.parquet"
        self._stream = fs.open_output_stream(self.path)
        self._writer = pq.ParquetWriter(
            self._stream, STORED, compression="zstd", compression_level=1, memory_pool=_MEMORY
        )
        self._buffer: list[pa.Table] = []
        self._buffered = 0
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Add rows, under the columns of a stored file."""
        if not table.num_rows:
            return
        self._buffer.append(table)
        self._buffered += table.num_rows
        if self._buffered >= ROW_GROUP:
            self._flush()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return int(self._stream.tell())

    def close(self) -> AddAction:
        """Finish the file; returns what the commit says of it."""
        if self._buffered:
            self._flush()
        self._writer.close()
        size = self.size
        self._stream.close()
        return AddAction(
            path=self.path,
            size=size,
            partition_values=self._values,
            modification_time=int(time.time() * 1000),
            data_change=True,
            # No more than that: with the ends of some columns only, delta-rs's dataset takes the others for null and
            # filters their rows away. Readers skip by partition, and by the statistics in the Parquet files.
            stats=json.dumps({"numRecords": self.rows}),
        )

    def _flush(self) -> None:
        table = pa.concat_tables(self._buffer).combine_chunks()
        self._buffer, self._buffered = [], 0
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows


class NewFiles:
    """New files of the table, by date, none of them much larger than a target."""

    def __init__(self, fs: pafs.FileSystem, provider: str) -> None:
        self._fs = fs
        self._provider = provider
        self._open: dict[date, FileWriter] = {}
        self._done: list[AddAction] = []

    def write(self, day: date, rows: pa.Table) -> None:
        """Add rows of a date, under the columns of a stored file."""
        if not rows.num_rows:
            return
        if day not in self._open:
            self._open[day] = FileWriter(self._fs, self._provider, day)
        self._open[day].write(rows)
        if self._open[day].size >= _FILE_SIZE:
            self._done.append(self._open.pop(day).close())

    def close(self) -> list[AddAction]:
        """Finish all; returns what the commit says of them."""
        self._done += [writer.close() for writer in self._open.values()]
        self._open.clear()
        return self._done


@contextmanager
def reading(fs: pafs.FileSystem, path: str) -> Iterator[pq.ParquetFile]:
    """A data file, open for reading."""
    with fs.open_input_file(path) as handle, pq.ParquetFile(handle) as file:
        yield file


def removal(file: DataFile) -> RemoveAction:
    """What a commit says of a file that it replaces."""
    return RemoveAction(
        path=file.path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=file.size,
        partition_values={"provider": file.provider, "bet_date": file.day.isoformat()},
    )
