"""Compact the table's small files, and remove files that no version needs any longer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from airflow_betproviders.bets_table.arrow.data_files import DataFile, read_rows, reading, removal
from airflow_betproviders.bets_table.arrow.new_files import ROW_GROUP, NewFiles, Target
from airflow_betproviders.bets_table.arrow.sorted_rows import SortedRows
from airflow_betproviders.bets_table.merge_state import remove_unused
from airflow_betproviders.bets_table.schema import STORED
from airflow_betproviders.bets_table.table import BetsTable, CommitConflict
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument

if TYPE_CHECKING:
    import pyarrow.fs as pafs
    from deltalake.transaction import AddAction

log = logging.getLogger(__name__)

_TRIES = 5
_FULL = 0.75  # a file of this share of the wanted size stays as it is

_FEW_ROWS = 16_384  # of a row group sorted by player: a player has few rows, and readers read complete row groups

SortBy = Literal["placed_at", "player_id"]
_ORDERS: dict[SortBy, list[str]] = {"placed_at": ["placed_at"], "player_id": ["player_id", "placed_at"]}


@dataclass
class OptimizeStats:
    """Counts of one run.

    Attributes:
        partitions: days of a provider whose files were compacted.
        files_before: files that were replaced.
        files_after: files that took their place.
        deleted: files that no version needs any longer.
    """

    partitions: int = 0
    files_before: int = 0
    files_after: int = 0
    deleted: int = 0


def optimize(
    table: BetsTable,
    *,
    interval: Interval | None,
    file_size: int,
    retention: timedelta | None,
    sort_by: SortBy = "placed_at",
) -> OptimizeStats:
    """Compact the small files of each partition; then vacuum.

    * ``sort_by="placed_at"`` compacts files in groups of some ``file_size``, one commit a group. Memory follows the group,
      not the table.
    * ``sort_by="player_id"`` replaces all files of a day, in one commit, if two files, or two row groups of one, may have the
      same players. Memory holds the order of the day's rows, local disk the rows.

    Args:
        table: the bets table.
        interval: bet dates that overlap it; None for all.
        file_size: bytes that a file should have.
        retention: how long files that no version needs any longer stay for readers; None for no vacuum.
        sort_by: the column that rows are sorted by. A reader skips files and row groups by it.

    Raises:
        InvalidArgument: rows are not sorted by such a column.
    """
    if sort_by not in tuple(_ORDERS):
        raise InvalidArgument(f"sort_by {sort_by!r} must be one of {', '.join(_ORDERS)}.")
    stats = OptimizeStats()
    partitions: dict[tuple[str, date], list[DataFile]] = {}
    for file in table.snapshot().all_files():
        if _inside(file.day, interval):
            partitions.setdefault((file.provider, file.day), []).append(file)
    for _, files in sorted(partitions.items()):
        groups = _groups(files, file_size) if sort_by == "placed_at" else _overlapping(table.fs, files, sort_by)
        compacted = [_compact(table, group, file_size, sort_by, stats) for group in groups]
        stats.partitions += any(compacted)
    if retention is not None:
        stats.deleted += len(
            table.open().vacuum(
                retention_hours=int(retention.total_seconds() // 3600),
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
        )
        stats.deleted += remove_unused(table, retention)
    return stats


def _groups(files: Sequence[DataFile], file_size: int) -> Iterator[list[DataFile]]:
    """Yield groups of at least two small files that follow each other in time and have some ``file_size`` together."""
    small = [file for file in files if file.size < _FULL * file_size]
    group: list[DataFile] = []
    for file in sorted(small, key=lambda file: (*map(str, file.min_max.get("placed_at", ())), file.path)):
        if group and sum(grouped.size for grouped in group) + file.size > file_size:
            if len(group) > 1:
                yield group
            group = []
        group.append(file)
    if len(group) > 1:
        yield group


def _overlapping(fs: pafs.FileSystem, files: Sequence[DataFile], column: str) -> list[list[DataFile]]:
    """Return all files as one group where two of them, or two row groups of one, may share values of a column; else none."""
    if _overlap(file.min_max[column] for file in files if column in file.min_max):
        return [list(files)]
    for file in files:
        with reading(fs, file.path) as parquet:
            number = parquet.schema_arrow.get_field_index(column)
            groups = (parquet.metadata.row_group(group).column(number) for group in range(parquet.num_row_groups))
            min_max = [
                (columns.statistics.min, columns.statistics.max) for columns in groups if columns.statistics.has_min_max
            ]
        if _overlap(min_max):
            return [list(files)]
    return []


def _overlap(min_max: Iterable[tuple[Any, Any]]) -> bool:
    """Return whether two of these ranges, each a least and a greatest value, have more in common than one end."""
    return any(second[0] < first[1] for first, second in pairwise(sorted(min_max)))


def _compact(
    table: BetsTable, files: Sequence[DataFile], file_size: int, sort_by: SortBy, stats: OptimizeStats
) -> bool:
    """Replace the files by sorted ones, and count them in ``stats``. Return whether the commit was made."""
    added = _sorted(table.fs, files, file_size, _ORDERS[sort_by])
    removed = [removal(file, data_change=False) for file in files]
    for _ in range(_TRIES):
        snapshot = table.snapshot()
        if not set(files) <= set(snapshot.all_files()):
            break  # a merge has changed them meanwhile
        try:
            snapshot.commit(added, removed, {}, {"compacted": len(files)})
        except CommitConflict as conflict:
            log.info("%s %s: another commit came first (%s)", files[0].provider, files[0].day, conflict)
            continue
        stats.files_before += len(files)
        stats.files_after += len(added)
        return True
    log.info("%s %s: compacted next time, since merges came first", files[0].provider, files[0].day)
    return False


def _sorted(fs: pafs.FileSystem, files: Sequence[DataFile], file_size: int, order: list[str]) -> list[AddAction]:
    """Write the rows of the files, sorted, to new files that no version of the table has yet."""
    with TemporaryDirectory(prefix="betproviders-") as folder, ThreadPoolExecutor(1) as pool:
        rows = SortedRows(Path(folder), order, order)
        for file in files:
            with reading(fs, file.path) as parquet:
                for group in range(parquet.num_row_groups):
                    rows.append(read_rows(parquet, [group], STORED))
        rows.index()
        row_group = ROW_GROUP if order == _ORDERS["placed_at"] else _FEW_ROWS
        target = Target(fs, pool, STORED, files[0].provider, files[0].day, data_change=False, row_group=row_group)
        new = NewFiles(target, file_size=file_size)
        for batch in rows.read(np.ones(rows.rows, bool)):
            new.write(batch)
        return new.close()


def _inside(day: date, interval: Interval | None) -> bool:
    """Return whether the interval has a part of the day."""
    return interval is None or (
        day <= (interval.end - timedelta(microseconds=1)).date() and day >= interval.start.date()
    )
