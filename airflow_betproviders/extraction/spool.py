"""One slot on its way to storage: a local Parquet file, in bounded memory.

Whole windows come in time order. Rows are ordered by the stream's clock (the key breaks ties), cut into equal row
groups, and each key stays once; so the same rows give the same bytes whatever order the provider sent them in.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from datetime import datetime
from decimal import Context, Decimal
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.extraction import columns, keys
from airflow_betproviders.extraction.columns import EXTRACTED_AT, INSTANT
from airflow_betproviders.extraction.fields import Text
from airflow_betproviders.extraction.receipt import Receipt
from airflow_betproviders.extraction.stream import Stream

ROW_GROUP = 50_000
_EXACT = Context(prec=100)  # Python's own context rounds a sum to 28 digits
_MEMORY = pa.system_memory_pool()


class Spool:
    """Collects the rows of one slot; a context manager that removes its files in the end."""

    def __init__(self, stream: Stream, extracted_at: datetime, directory: str | None = None) -> None:
        """Begin an empty slot in a temporary folder."""
        self.schema = columns.schema(stream.fields)
        self._stream = stream
        self._extracted_at = pa.scalar(extracted_at, INSTANT)
        self._folder = tempfile.TemporaryDirectory(prefix="betproviders-", dir=directory)
        self.path = Path(self._folder.name) / "slot.parquet"
        self._writer = self._open(self.path)
        self._buffer: list[pa.Table] = []
        self._buffered = 0
        self._hashes = array("Q")  # grows in place: eight bytes a row, and no second copy of them
        self.rows = 0
        self.duplicates = 0
        self.sums: dict[str, Decimal] = {}

    def add(self, table: pa.Table, hashed: keys.Hashes | None = None) -> None:
        """Add the rows of one whole window, each key once; ``hashed`` are the hashes of their keys, where known."""
        if not table.num_rows:
            return
        if self._stream.key:
            table, hashed = self._ordered(table, keys.hashes(table, self._stream.key) if hashed is None else hashed)
        if hashed is not None:
            self._hashes.frombytes(hashed.tobytes())
        self._buffer.append(table)
        self._buffered += table.num_rows
        while self._buffered >= ROW_GROUP:
            self._flush(ROW_GROUP)

    def close(self, receipt: Receipt) -> Receipt:
        """Finish the file: settle keys that came in several windows, fill in the receipt and write it."""
        while self._buffered:
            self._flush(min(ROW_GROUP, self._buffered))
        hashed = np.frombuffer(self._hashes, np.uint64)
        hashed.sort()
        if len(repeated := keys.shared(hashed)):
            self._rewrite(repeated)
        receipt.rows = self.rows
        receipt.duplicates += self.duplicates
        receipt.sums = {name: format(self.sums.get(name, Decimal(0)), "f") for name in self._stream.money}
        self._writer.add_key_value_metadata(receipt.to_footer())
        self._writer.close()
        return receipt

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of the closed file."""
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches()

    def __enter__(self) -> Spool:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the files."""
        self._writer.close()
        self._folder.cleanup()

    def _ordered(self, table: pa.Table, hashed: keys.Hashes) -> tuple[pa.Table, keys.Hashes]:
        if self._stream.clock is None:
            order = np.argsort(hashed, kind="stable")
        else:
            clock = table[self._stream.clock].cast(pa.int64()).to_numpy()
            order = np.lexsort((hashed, clock))
        if not np.array_equal(order, np.arange(len(order))):
            table, hashed = table.take(pa.array(order)), hashed[order]
        return table, hashed

    def _flush(self, rows: int) -> None:
        whole = pa.concat_tables(self._buffer)
        self._buffer = [whole.slice(rows)] if whole.num_rows > rows else []
        self._buffered = whole.num_rows - rows
        # One chunk a row group: where chunks end would show in where Parquet's pages end.
        self._write(whole.slice(0, rows).combine_chunks())

    def _write(self, table: pa.Table) -> None:
        for name in self._stream.money:
            column = table[name]
            if pa.types.is_integer(column.type):
                column = column.cast(pa.decimal128(38, 0))  # a sum of 64 bits would wrap
            total = pc.sum(column).as_py()
            if total is not None:
                self.sums[name] = _EXACT.add(self.sums.get(name, Decimal(0)), total)
        stamp = pa.repeat(self._extracted_at, table.num_rows)
        self._writer.write_table(table.append_column(EXTRACTED_AT, stamp).cast(self.schema), row_group_size=ROW_GROUP)
        self.rows += table.num_rows
        _MEMORY.release_unused()

    def _rewrite(self, repeated: keys.Hashes) -> None:
        """Copy the file without the older versions of keys that came in more than one window."""
        self._writer.close()
        first, self.path = self.path, self.path.with_name("slot-once.parquet")
        with pq.ParquetFile(first) as file:
            wanted = [*dict.fromkeys((*self._stream.key, *self._stream.version))]
            tables, places, start = [], [], 0
            for group in range(file.num_row_groups):
                held = file.read_row_group(group, wanted)
                suspects = np.flatnonzero(np.isin(keys.hashes(held, self._stream.key), repeated))
                tables.append(held.take(pa.array(suspects)))
                places.append(suspects + start)
                start += held.num_rows
            losers = keys.losers(pa.concat_tables(tables), self._stream.key, self._stream.version)
            keep = np.ones(start, bool)
            keep[np.concatenate(places)[losers]] = False
            self.duplicates += len(losers)
            self._writer, self.rows, self.sums, start = self._open(self.path), 0, {}, 0
            for group in range(file.num_row_groups):
                held = file.read_row_group(group)
                self._buffer.append(
                    held.filter(pa.array(keep[start : start + held.num_rows])).drop_columns(EXTRACTED_AT)
                )
                self._buffered += self._buffer[-1].num_rows
                start += held.num_rows
                while self._buffered >= ROW_GROUP:
                    self._flush(ROW_GROUP)
            if self._buffered:
                self._flush(self._buffered)
        first.unlink()

    def _open(self, path: Path) -> pq.ParquetWriter:
        instants = [f.name for f in self.schema if pa.types.is_timestamp(f.type)]
        ids = [name for name in self._stream.key if isinstance(self._stream.field(name).kind, Text)]
        plain = {*instants, *ids}
        dictionary = [name for name in _leaves(self.schema) if name.split(".")[0] not in plain]
        encodings = dict.fromkeys(instants, "DELTA_BINARY_PACKED") | dict.fromkeys(ids, "DELTA_BYTE_ARRAY")
        return pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=dictionary,
            column_encoding=encodings,
            store_decimal_as_integer=True,
            memory_pool=_MEMORY,
        )


def _leaves(schema: pa.Schema) -> list[str]:
    return [column.path for column in _parquet_columns(schema)]


def _parquet_columns(schema: pa.Schema) -> Iterator[pq.ColumnSchema]:
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema).close()
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return (parquet.column(i) for i in range(len(parquet)))
