"""Sort rows in local files, so that memory holds only a few of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Of wide rows there are fewer at a time, so that memory has a bound in bytes too.
_RUN, _RUN_SIZE = 50_000, 64 * 1024 * 1024  # rows that are sorted at once and wait in one file; bytes of these
_BLOCK, _BLOCK_SIZE = 4_000, 4 * 1024 * 1024  # of a file, read at once
_OUTPUT, _OUTPUT_SIZE = 20_000, 16 * 1024 * 1024  # that come back at once
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")

Mask = npt.NDArray[np.bool_]


class SortedRows:
    """Sort rows on local disk: `append` them all, take their `index`, then `read` those to keep.

    Args:
        folder: a folder for the files, which the caller removes.
        order: names of the columns to sort by, ascending, nulls last; rows that are equal keep their order.
        index: names of the columns that stay in memory until `index` returns them; those of the order are among them.
    """

    def __init__(self, folder: Path, order: Sequence[str], index: Sequence[str]) -> None:
        self._folder = folder
        self._order = [(name, "ascending") for name in order]
        self._index = list(index)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = self._waiting_size = 0
        self._runs: list[pa.Table | Path] = []
        self._indexes: list[pa.Table] = []
        self.rows = 0
        self._size = 0

    def append(self, rows: pa.Table) -> None:
        """Add rows."""
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        self._waiting_size += rows.nbytes
        self.rows += rows.num_rows
        self._size += rows.nbytes
        if self._waiting_rows >= _RUN or self._waiting_size >= _RUN_SIZE:
            self._store(on_disk=True)

    def index(self) -> pa.Table:
        """Return the index columns of all rows. Call it once, after the last `append`.

        A row's position in it is the row's number in `read`.
        """
        if self._waiting:
            self._store(on_disk=bool(self._runs))  # few rows need no file
        index = pa.concat_tables(self._indexes)
        self._indexes = [index.select([name for name, _ in self._order]) for index in self._indexes]
        return index

    def read(self, kept: Mask) -> Iterator[pa.Table]:
        """Yield the rows that are kept, in order.

        Args:
            kept: whether to keep each row, by its number.
        """
        numbers = np.flatnonzero(kept)
        order = pa.concat_tables(self._indexes)
        numbers = numbers[pc.sort_indices(order.filter(pa.array(kept)), self._order).to_numpy()]
        ends = np.cumsum([index.num_rows for index in self._indexes])
        masks = np.split(kept, ends[:-1]) if len(ends) else []
        runs = [_Run(run, mask) for run, mask in zip(self._runs, masks, strict=True)]
        at_once = _fewer(_OUTPUT, _OUTPUT_SIZE, self.rows, self._size)
        for begin in range(0, len(numbers), at_once):
            block = numbers[begin : begin + at_once]
            counts = np.bincount(np.searchsorted(ends, block, side="right"), minlength=len(runs)).tolist()
            tables = pa.concat_tables([run.take(count) for run, count in zip(runs, counts, strict=True) if count])
            if (np.diff(block) > 0).all():  # one run after the other, as when slots are merged as they come
                yield tables
                continue
            rank = np.empty(len(block), np.int64)
            rank[np.argsort(block)] = np.arange(len(block))
            yield tables.combine_chunks().take(pa.array(rank))

    def _store(self, *, on_disk: bool) -> None:
        rows = _sorted(pa.concat_tables(self._waiting), self._order)
        block = _fewer(_BLOCK, _BLOCK_SIZE, self._waiting_rows, self._waiting_size)
        self._waiting, self._waiting_rows, self._waiting_size = [], 0, 0
        # A copy: a column of the sorted table would keep all of it.
        self._indexes.append(pa.concat_tables([rows.select(self._index)]).combine_chunks())
        if not on_disk:
            self._runs.append(rows)
            return
        path = self._folder / f"{len(self._runs)}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema, options=_OPTIONS) as writer:
            writer.write_table(rows, max_chunksize=block)
        self._runs.append(path)


def _fewer(count: int, size: int, rows: int, total: int) -> int:
    """Return how many rows, at most ``count``, have some ``size`` bytes, if ``rows`` of them have ``total``."""
    return max(1, min(count, size * rows // max(1, total)))


def _sorted(rows: pa.Table, order: list[tuple[str, str]]) -> pa.Table:
    """Sort rows. Copy only what has to move: no column that is all null, and no row that comes in order."""
    places = pc.sort_indices(rows, order)
    if (np.diff(places.to_numpy().astype(np.int64)) > 0).all():
        return rows
    moved = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
    taken = rows.select(moved).take(places)
    columns = [taken[name] if name in moved else rows[name] for name in rows.column_names]
    return pa.Table.from_arrays(columns, schema=rows.schema)


class _Run:
    """Read the kept rows of one sorted run."""

    def __init__(self, source: pa.Table | Path, kept: Mask) -> None:
        self._blocks = _blocks(source, kept)
        self._left: pa.Table | None = None

    def take(self, count: int) -> pa.Table:
        """Return the next so many rows."""
        taken = []
        while count:
            if self._left is None or not self._left.num_rows:
                self._left = next(self._blocks)
            some = self._left.slice(0, count)
            self._left = self._left.slice(some.num_rows)
            count -= some.num_rows
            taken.append(some)
        return pa.concat_tables(taken)


def _blocks(source: pa.Table | Path, kept: Mask) -> Iterator[pa.Table]:
    """Yield the kept rows of a run, block by block."""
    if isinstance(source, pa.Table):
        yield source.filter(pa.array(kept))
        return
    with pa.OSFile(str(source)) as file, pa.ipc.open_file(file) as reader:
        begin = 0
        for number in range(reader.num_record_batches):
            rows = pa.Table.from_batches([reader.get_batch(number)])
            some = kept[begin : begin + rows.num_rows]
            yield rows if some.all() else rows.filter(pa.array(some))
            begin += rows.num_rows
