"""Read the data files of the bets table, and describe their removal to a commit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import RemoveAction

from airflow_betproviders.exceptions import DamagedTable


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version of the table.

    Attributes:
        path: relative to the table's folder.
        provider: the provider of its partition.
        day: the date of its partition.
        size: in bytes.
        ends: for some columns, a lower and an upper bound of the values in the file.
    """

    path: str
    provider: str
    day: date
    size: int
    ends: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)


@contextmanager
def reading(fs: pafs.FileSystem, path: str) -> Iterator[pq.ParquetFile]:
    """Open a data file for reading.

    Raises:
        DamagedTable: bytes of the file have changed since it was written.
    """
    with fs.open_input_file(path) as handle, pq.ParquetFile(handle, page_checksum_verification=True) as file:
        try:
            yield file
        except OSError as error:
            if "checksum" not in str(error):  # of the network
                raise
            raise DamagedTable(
                f"{path} of the bets table is damaged: {error}. Restore the object from a backup, or delete the table "
                "and merge all slots again."
            ) from error


def read_group(file: pq.ParquetFile, group: int, schema: pa.Schema) -> pa.Table:
    """Read some columns of a row group. Columns that are all null by the footer are not read: many providers leave many out."""
    footer = file.metadata.row_group(group)
    columns = {footer.column(number).path_in_schema: footer.column(number) for number in range(footer.num_columns)}
    wanted = [name for name in schema.names if not _all_null(columns[name].statistics, footer.num_rows)]
    found = file.read_row_group(group, wanted, use_threads=False)
    return pa.table(
        [found[field.name] if field.name in wanted else pa.nulls(footer.num_rows, field.type) for field in schema],
        schema=schema,
    )


def kept_rows(rows: pa.Table, kept: pa.Array) -> pa.Table:
    """Return the rows that a mask keeps. Columns that are all null are cut, not filtered."""
    some = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
    found = rows.select(some).filter(kept)
    return pa.table(
        [found[name] if name in some else rows[name].slice(0, found.num_rows) for name in rows.column_names],
        schema=rows.schema,
    )


def _all_null(statistics: pq.Statistics | None, rows: int) -> bool:
    return statistics is not None and statistics.has_null_count and statistics.null_count == rows


def removal(file: DataFile, *, data_change: bool = True) -> RemoveAction:
    """Return the action by which a commit removes a file.

    Args:
        file: the file to remove.
        data_change: false if other files of the commit hold the same rows.
    """
    return RemoveAction(
        path=file.path,
        data_change=data_change,
        deletion_timestamp=int(time.time() * 1000),
        size=file.size,
        partition_values={"provider": file.provider, "bet_date": file.day.isoformat()},
    )
