"""Write one slot to a local Parquet file, in bounded memory.

Complete windows come in time order. Rows are ordered by the stream's clock (the key breaks ties), cut into equal row
groups, and each key stays once; so the same rows give the same bytes whatever order the provider sent them in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, wait
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT, INSTANT
from airflow_betproviders.extraction.write.digest import Digest
from airflow_betproviders.extraction.write.encodings import open_writer
from airflow_betproviders.extraction.write.row_groups import Order, RowGroups
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.receipt import EXACT, Receipt
from airflow_betproviders.lake.store.explain import explain_failure

_HASHES = 500_000  # hashes in memory at once, eight bytes each
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class SlotWriter:
    """Write the rows of one slot to a local Parquet file. A context manager that removes its files at the end."""

    def __init__(
        self,
        stream: Stream,
        extracted_at: datetime,
        writer_thread: WriterThread | None = None,
    ) -> None:
        """Create an empty file in a temporary folder.

        Args:
            stream: the stream.
            extracted_at: the time of extraction that every row gets.
            writer_thread: the thread that encodes row groups, which consecutive slots share; default one of its own.
        """
        self.schema = columns.schema(stream.fields)
        self._stream = stream
        self._extracted_at = (extracted_at - _EPOCH) // timedelta(milliseconds=1)
        self._folder = tempfile.TemporaryDirectory(prefix="betproviders-")
        self.path = Path(self._folder.name) / "slot.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._writer_thread = writer_thread or WriterThread()
        self._written: Future[None] | None = None
        self._groups = RowGroups()
        self._hashes = Path(self._folder.name) / "hashes"
        self.rows = 0
        self.duplicates = 0
        self.sums: dict[str, Decimal] = {}
        self._digest = Digest()

    def add(self, table: pa.Table, hashed: keys.Hashes | None = None) -> None:
        """Add the rows of one complete window, without repeated keys.

        Args:
            table: the rows.
            hashed: the hashes of their keys, if the caller has them.
        """
        if not table.num_rows:
            return
        order = np.arange(table.num_rows)
        if self._stream.key:
            hashed = keys.hashes(table, self._stream.key) if hashed is None else hashed
            order = self._order(table, hashed)
            with self._hashes.open("ab") as file:
                hashed.tofile(file)
        self._collect(table, order)

    def _collect(self, table: pa.Table, order: Order) -> None:
        """Add rows in an order, and pass on full row groups."""
        self._groups.append(table, order)
        while self._groups.may_be_full:
            self._wait()  # a row group less in memory
            group = self._groups.take_full()
            if group is None:
                break
            self._submit(group)

    def flush(self) -> None:
        """Pass the remaining rows on to be written."""
        while self._groups.rows:
            self._wait()
            self._submit(self._groups.take_full() or self._groups.take_rest())

    def close(self, receipt: Receipt, previous: Receipt | None = None) -> Receipt:
        """Finish the file: keep one row of each key that several windows had, fill in the receipt and write it.

        Args:
            receipt: the slot's receipt.
            previous: the receipt of the object that this slot replaces; None if there is none.
        """
        self.flush()
        repeated = self._repeated()
        self._wait()
        if len(repeated):
            self._rewrite(repeated)
        writer = self._writer or self._open_empty()
        receipt.rows = self.rows
        receipt.duplicates += self.duplicates
        receipt.sums = {name: format(self.sums.get(name, Decimal(0)), "f") for name in self._stream.money}
        receipt.units = {field.name: field.unit for field in self._stream.fields if field.money and field.unit}
        receipt.digest = self._digest.text()
        receipt.set_changed_by(previous)
        writer.add_key_value_metadata(receipt.to_footer())
        writer.close()
        return receipt

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the closed file, a row group at a time."""
        # Not pre_buffer: a reader would keep all that it has read.
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            for number in range(file.num_row_groups):
                yield from file.read_row_group(number).to_batches()

    def __enter__(self) -> SlotWriter:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the files."""
        if self._written and not self._written.cancel():
            wait([self._written])
        if self._writer:
            self._writer.close()
        self._folder.cleanup()

    def _order(self, table: pa.Table, hashed: keys.Hashes) -> Order:
        return np.argsort(hashed, kind="stable") if self._stream.time_column is None else self._by_clock(table, hashed)

    def _by_clock(self, table: pa.Table, hashed: keys.Hashes) -> Order:
        """Return the order by clock and hash: by both in one number, which sorts several times faster, if no two are equal."""
        clock = arrays.integers(table[str(self._stream.time_column)])
        since = (clock - clock.min()).astype(np.uint64)
        bits = np.uint64(max(1, int(since.max()).bit_length()))
        together = (since << (np.uint64(64) - bits)) | (hashed >> bits)
        order = np.argsort(together)
        together = together[order]
        return np.lexsort((hashed, clock)) if (together[1:] == together[:-1]).any() else order

    def _submit(self, group: pa.Table) -> None:
        """Hand a row group over to be written, while the next one is collected."""
        self.rows += group.num_rows
        self._written = self._writer_thread.submit(self._write, group)
        self._digest.add(group)
        for name in self._stream.money:
            total = arrays.exact_sum(group[name])
            if total is not None:
                self.sums[name] = EXACT.add(self.sums.get(name, Decimal(0)), Decimal(total))

    def _wait(self) -> None:
        """Wait until all that was handed over is written."""
        if self._written:
            self._written.result()

    def _write(self, table: pa.Table) -> None:
        with explain_failure(str(self.path)):
            self._write_group(table)

    def _write_group(self, table: pa.Table) -> None:
        self._writer = self._writer or open_writer(self.path, self.schema, table)
        stamp = arrays.array(np.full(table.num_rows, self._extracted_at), INSTANT)
        self._writer.write_table(table.append_column(EXTRACTED_AT, stamp).cast(self.schema))

    def _repeated(self) -> keys.Hashes:
        """Return the hashes that came more than once. They are searched in several passes to bound memory."""
        if not self._hashes.exists():
            return np.empty(0, np.uint64)
        count = self._hashes.stat().st_size // 8
        passes = np.uint64(count // _HASHES + 1)
        repeated = []
        for number in range(int(passes)):
            pieces = (
                np.fromfile(self._hashes, np.uint64, _HASHES // 8, offset=8 * at)
                for at in range(0, count, _HASHES // 8)
            )
            repeated.append(keys.shared(np.sort(np.concatenate([piece[piece % passes == number] for piece in pieces]))))
        return np.concatenate(repeated)

    def _rewrite(self, repeated: keys.Hashes) -> None:
        """Copy the file without the older versions of keys that came in more than one window."""
        if self._writer:
            self._writer.close()
        first, self.path = self.path, self.path.with_name("slot-once.parquet")
        with pq.ParquetFile(first) as file:
            wanted = [*dict.fromkeys((*self._stream.key, *self._stream.version_columns))]
            tables, places, start = [], [], 0
            for group in range(file.num_row_groups):
                row_group = file.read_row_group(group, wanted)
                suspects = np.flatnonzero(keys.occur(keys.hashes(row_group, self._stream.key), repeated))
                tables.append(row_group.take(arrays.rows(suspects)))
                places.append(suspects + start)
                start += row_group.num_rows
            superseded = keys.superseded(pa.concat_tables(tables), self._stream.key, self._stream.version_columns)
            keep = np.ones(start, bool)
            keep[np.concatenate(places)[superseded]] = False
            self.duplicates += len(superseded)
            self._writer, self.rows, self.sums, self._digest, start = None, 0, {}, Digest(), 0
            for group in range(file.num_row_groups):
                row_group = file.read_row_group(group).drop_columns(EXTRACTED_AT)
                self._collect(row_group, np.flatnonzero(keep[start : start + row_group.num_rows]))
                start += row_group.num_rows
            self.flush()
            self._wait()
        first.unlink()

    def _open_empty(self) -> pq.ParquetWriter:
        """Open the file with an empty row group, without which Arrow before version 19 cannot read it."""
        nothing = pa.Table.from_batches([], self.schema)
        writer = open_writer(self.path, self.schema, nothing)
        writer.write_table(nothing)
        return writer
