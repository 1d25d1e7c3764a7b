"""Collect the rows of a slot in order, and cut them into row groups of bounded size."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.extraction.decode import arrays

ROW_GROUP = 50_000
_TEXT = 32 * 1024 * 1024  # bytes of text; a row group of wide rows has fewer of them

Order: TypeAlias = npt.NDArray[np.intp]  # row numbers
_Bytes: TypeAlias = npt.NDArray[np.int64]  # of each row


class RowGroups:
    """Hold rows until a row group is full.

    A row group ends at 50,000 rows, or with the row by which its text has 32 MiB. So where it ends depends on the rows
    alone, not on the windows in which they came.

    Attributes:
        rows: rows that are held.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._tables: deque[tuple[pa.Table, Order]] = deque()
        self.rows = 0

    def append(self, table: pa.Table, order: Order) -> None:
        """Hold some rows of a table, in an order."""
        self._tables.append((table, order))
        self.rows += len(order)

    @property
    def may_be_full(self) -> bool:
        """Return whether `take_full` may return a row group: cheap, so text counts only once there is twice as much as needed."""
        return self.rows >= ROW_GROUP or sum(_most_text(table) for table, _ in self._tables) >= 2 * _TEXT

    def take_full(self) -> pa.Table | None:
        """Return the next row group, or None if there are too few rows, and too little text, for one."""
        first = self.take_rest()
        rows = _rows_by_text(first) or (ROW_GROUP if first.num_rows == ROW_GROUP else 0)
        if rows < first.num_rows:
            self._tables.appendleft((first.slice(rows), np.arange(first.num_rows - rows)))
            self.rows += first.num_rows - rows
        return first.slice(0, rows) if rows else None

    def take_rest(self) -> pa.Table:
        """Return the rows that are left, at most as many as a row group has."""
        rows = min(self.rows, ROW_GROUP)
        self.rows -= rows
        tables, places, before = [], [], 0
        while rows:
            table, order = self._tables.popleft()
            if len(order) > rows:
                self._tables.appendleft((table, order[rows:]))
            tables.append(table)
            places.append(order[:rows] + before)
            before += table.num_rows
            rows -= len(places[-1])
        # One chunk a row group: where chunks end would show in where Parquet's pages end.
        return pa.concat_tables(tables).take(arrays.rows(np.concatenate(places))).combine_chunks()


def _rows_by_text(rows: pa.Table) -> int:
    """Return the number of rows by which a row group is full of text; 0 if it is not."""
    if _most_text(rows) < _TEXT:
        return 0
    ends = np.flatnonzero(np.cumsum(_text_bytes(rows)) >= _TEXT)
    return int(ends[0]) + 1 if len(ends) else 0


def _most_text(rows: pa.Table) -> int:
    """Return at least the bytes of text in some rows, without a look at each."""
    return sum(column.nbytes for column in rows.columns if not _has_fixed_width(column.type))


def _has_fixed_width(kind: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind))


def _text_bytes(rows: pa.Table) -> _Bytes:
    """Return the bytes of text in each row."""
    return sum((_bytes(arrays.combined(column)) for column in rows.columns), start=np.zeros(rows.num_rows, np.int64))


def _bytes(column: pa.Array) -> _Bytes:
    kind = column.type
    if pa.types.is_string(kind):
        return arrays.values(pc.fill_null(pc.binary_length(column), 0), np.int32).astype(np.int64)
    if pa.types.is_struct(kind):
        return sum((_bytes(child) for child in column.flatten()), start=np.zeros(len(column), np.int64))
    if pa.types.is_map(kind):
        return _in_lists(column, _bytes(column.keys) + _bytes(column.items))
    if pa.types.is_list(kind):
        return _in_lists(column, _bytes(column.values))
    return np.zeros(len(column), np.int64)


def _in_lists(column: pa.Array, sizes: _Bytes) -> _Bytes:
    """Return the sum of the elements' sizes for each list of a column."""
    before: _Bytes = np.concatenate([[0], np.cumsum(sizes)])
    starts = arrays.values(column.offsets, np.int32)
    sums: _Bytes = before[starts[1:]] - before[starts[:-1]]
    return sums
