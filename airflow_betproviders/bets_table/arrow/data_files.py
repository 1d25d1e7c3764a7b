"""Read the data files of the bets table, and describe their removal to a commit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import RemoveAction


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
    """Open a data file for reading."""
    with fs.open_input_file(path) as handle, pq.ParquetFile(handle) as file:
        yield file


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
