"""Read the data files of the bets table, and describe their removal to a commit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import RemoveAction

from airflow_betproviders.exceptions import DamagedTable

Mask = npt.NDArray[np.bool_]

_VARIES = object()  # stands for a column that is not constant in a row group


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version of the table.

    Attributes:
        path: relative to the table's folder.
        provider: the provider of its partition.
        day: the date of its partition.
        size: in bytes.
        min_max: for some columns, a lower and an upper bound of the values in the file.
    """

    path: str
    provider: str
    day: date
    size: int
    min_max: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, compare=False)


@contextmanager
def reading(fs: pafs.FileSystem, path: str) -> Iterator[pq.ParquetFile]:
    """Open a data file for reading.

    Raises:
        DamagedTable: the file is gone, is no Parquet, or its bytes have changed since it was written.
    """
    try:
        handle = fs.open_input_file(path)
    except FileNotFoundError as error:
        raise _damaged(path, "it was deleted, though the table's log names it") from error
    with handle:
        try:
            # Spark writes times as INT96 unless configured otherwise.
            file = pq.ParquetFile(handle, page_checksum_verification=True, coerce_int96_timestamp_unit="us")
        except pa.ArrowInvalid as error:
            raise _damaged(path, error) from error
        with file:
            try:
                yield file
            except OSError as error:
                if "checksum" not in str(error):  # an error of the network, not of the file
                    raise
                raise _damaged(path, error) from error


def _damaged(path: str, reason: object) -> DamagedTable:
    return DamagedTable(
        f"{path} of the bets table is damaged: {reason}. Restore the object from a backup, or delete the table and merge all "
        "slots again."
    )


def read_rows(file: pq.ParquetFile, groups: Sequence[int], schema: pa.Schema, kept: Mask | None = None) -> pa.Table:
    """Read some columns of row groups, whichever tool wrote them.

    Many columns of a row group are all null, or have one text in all rows. The footer's statistics show these, so they are not
    read.

    Args:
        file: the open file.
        groups: the numbers of the row groups.
        schema: the columns; one that the file lacks is null.
        kept: which rows to return; default all.
    """
    footers = [file.metadata.row_group(group) for group in groups]
    constants = dict.fromkeys(set(schema.names) - set(file.schema_arrow.names)) | _constants(footers)
    read = file.read_row_groups(groups, [name for name in schema.names if name not in constants], use_threads=False)
    rows = sum(footer.num_rows for footer in footers)
    if kept is not None and not kept.all():
        read, rows = read.filter(pa.array(kept)), int(kept.sum())
    return pa.table(
        [
            pa.repeat(pa.scalar(constants[field.name], field.type), rows)
            if field.name in constants
            else read[field.name].cast(field.type)
            for field in schema
        ],
        schema=schema,
    )


def _constants(footers: Sequence[pq.RowGroupMetaData]) -> dict[str, str | None]:
    """Return the columns that have the same text, or null, in every row, with that value."""
    first, *others = map(_constants_of, footers)
    return {
        name: value
        for name, value in first.items()
        if all(constants.get(name, _VARIES) == value for constants in others)
    }


def _constants_of(footer: pq.RowGroupMetaData) -> dict[str, str | None]:
    constants: dict[str, str | None] = {}
    for column in map(footer.column, range(footer.num_columns)):
        statistics = column.statistics
        if statistics is None or not statistics.has_null_count:
            continue
        if statistics.null_count == footer.num_rows:
            constants[column.path_in_schema] = None
        elif not statistics.null_count and isinstance(statistics.min, str) and statistics.min == statistics.max:
            constants[column.path_in_schema] = statistics.min
    return constants


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
