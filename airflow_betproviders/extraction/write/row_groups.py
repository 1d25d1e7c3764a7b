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
_TEXT = 24 * 1024 * 1024  # bytes of text; a row group of wide rows has fewer of them

Order: TypeAlias = npt.NDArray[np.intp]  # row numbers
_Bytes: TypeAlias = npt.NDArray[np.int64]  # of each row


class RowGroups:
    """Hold rows until a row group is full.

    A row group ends at 50,000 rows, or with the row by which its text has 24 MiB. So where it ends depends on the rows
    alone, not on the windows in which they came.

    Attributes:
        rows: rows that are held.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._tables: deque[tuple[pa.Table, Order]] = deque()
        self._most_text = 0  # bytes of text that are held, at most
        self.rows = 0

    def append(self, table: pa.Table, order: Order) -> None:
        """Hold some rows of a table, in an order."""
        self._tables.append((table, order))
        self._most_text += table.nbytes
        self.rows += len(order)

    def rows_of_full(self) -> int:
        """Return how many rows the next full row group has; 0 if none is full."""
        if self._most_text >= _TEXT:
            sizes = np.concatenate([_text_bytes(table)[order] for table, order in self._tables])
            ends = np.flatnonzero(np.cumsum(sizes[:ROW_GROUP]) >= _TEXT)
            if len(ends):
                return int(ends[0]) + 1
            self._most_text = int(sizes.sum())
        return ROW_GROUP if self.rows >= ROW_GROUP else 0

    def take(self, rows: int) -> pa.Table:
        """Return the first rows, and hold them no longer."""
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
        if not self._tables:
            self._most_text = 0
        # One chunk a row group: where chunks end would show in where Parquet's pages end.
        return pa.concat_tables(tables).take(arrays.rows(np.concatenate(places))).combine_chunks()


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
