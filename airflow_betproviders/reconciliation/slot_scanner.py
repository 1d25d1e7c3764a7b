"""Scan a stored slot: compare its rows with its receipt, and keep the columns that a reconciliation needs.

The object is read once, in batches. Only the needed columns of its rows are kept, in a small local file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import EXACT, Receipt

ZERO = Decimal(0)
_ROWS = 50_000

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mismatch:
    """A measure of a slot that differs from its receipt: the value found and the value expected."""

    measure: str
    found: Decimal
    expected: Decimal


@dataclass
class ScannedSlot:
    """A stored slot after the scan.

    Attributes:
        interval: the slot.
        file: a local file with the needed columns of the slot's rows of the day.
        hashes: hashes of the keys of these rows.
        rows: number of rows of the slot, with those outside the day.
        bad_rows: rows in quarantine, by the receipt.
        wrong: the measures in which rows and receipt differ.
        pii: columns that were dropped or hashed, by the receipt; None without a receipt.
        newest: which of the rows are the newest version of their bet; None for all rows.
    """

    interval: Interval
    file: Path
    hashes: keys.Hashes
    rows: int = 0
    bad_rows: int = 0
    wrong: list[Mismatch] = field(default_factory=list)
    pii: Mapping[str, str] | None = None
    newest: Mask | None = None

    def batches(self) -> Iterator[pa.Table]:
        """Yield the newest version of each bet, in batches."""
        begin = 0
        if not len(self.hashes):
            return
        with pq.ParquetFile(self.file, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, use_threads=False):
                table = pa.Table.from_batches([batch])
                if self.newest is not None:
                    table = table.filter(pa.array(self.newest[begin : begin + batch.num_rows]))
                begin += batch.num_rows
                yield table

    def keys(self, places: npt.NDArray[np.int64], names: list[str]) -> pa.Table:
        """Return some columns of some rows."""
        tables, begin = [], 0
        with pq.ParquetFile(self.file, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, columns=names, use_threads=False):
                first, last = np.searchsorted(places, (begin, begin + batch.num_rows))
                tables.append(pa.Table.from_batches([batch]).take(pa.array(places[first:last] - begin)))
                begin += batch.num_rows
        return pa.concat_tables(tables)

    @property
    def bet_count(self) -> int:
        """Return how many of its bets have no newer version in a later slot."""
        return len(self.hashes) if self.newest is None else int(self.newest.sum())


class SlotScanner:
    """Scan the stored slots of one stream.

    Args:
        lake: where the stream is stored.
        stream: the stream.
        wanted: the columns that will be needed besides key and version.
        folder: where the local files go.
    """

    def __init__(self, lake: Lake, stream: Stream, wanted: set[str], folder: Path) -> None:
        self._lake = lake
        self._stream = stream
        self._folder = folder
        self._needed = list(dict.fromkeys((*stream.key, *stream.version_columns, *sorted(wanted))))
        self._schema = columns.schema(stream.fields)
        self._number = 0

    def scan(self, interval: Interval, source: Path, within: Interval | None = None) -> ScannedSlot:
        """Scan a slot and compare its rows with its receipt.

        Args:
            interval: the slot.
            source: a local copy of its object.
            within: the day; rows whose time is outside it are left out.
        """
        self._number += 1
        scanned = ScannedSlot(interval, self._folder / f"{self._number}.parquet", np.empty(0, np.uint64))
        try:
            # Not pre_buffer: a reader of batches would keep all that it has read.
            with pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False) as file:
                receipt = Receipt.from_footer(file.metadata.metadata)
                sums = self._read(scanned, file, within)
        except (pa.ArrowException, OSError, ValueError) as error:
            if getattr(error, "errno", None):  # an error of the local disk, not of the object
                raise
            scanned.wrong.append(Mismatch("readable objects", ZERO, Decimal(1)))
            return scanned
        if receipt is None:
            scanned.wrong.append(Mismatch("receipts", ZERO, Decimal(1)))
            return scanned
        if receipt.misplaced(self._lake, interval):
            scanned.wrong.append(Mismatch("receipts of this slot", ZERO, Decimal(1)))
        scanned.bad_rows, scanned.pii = receipt.bad_rows, receipt.pii
        expected = {"rows": Decimal(receipt.rows), **{name: Decimal(text) for name, text in receipt.sums.items()}}
        scanned_totals = {"rows": Decimal(scanned.rows), **sums}
        scanned.wrong += [
            Mismatch(name, scanned_totals[name], value)
            for name, value in expected.items()
            if scanned_totals.get(name, value) != value
        ]
        return scanned

    def _read(self, scanned: ScannedSlot, file: pq.ParquetFile, within: Interval | None) -> Mapping[str, Decimal]:
        time = [str(self._stream.time_column)] if within else []
        names = dict.fromkeys((*self._needed, *self._stream.money, *time))
        there = [name for name in names if name in file.schema_arrow.names]
        if lacking := {*self._stream.key, *time} - set(there):
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
        sums: dict[str, Decimal] = {}
        hashes = []
        with pq.ParquetWriter(scanned.file, pa.schema([self._schema.field(name) for name in self._needed])) as writer:
            for batch in file.iter_batches(_ROWS, columns=there, use_threads=False):
                table = self._aligned(pa.Table.from_batches([batch]), there)
                scanned.rows += table.num_rows
                for name in self._stream.money:
                    if name in there and (total := arrays.exact_sum(table[name])) is not None:
                        sums[name] = EXACT.add(sums.get(name, ZERO), total)
                if within is not None:
                    table = table.filter(_within(table[time[0]], within))
                hashes.append(keys.hashes(table, self._stream.key))
                writer.write_table(self._aligned(table, self._needed))
        scanned.hashes = np.concatenate([scanned.hashes, *hashes])
        return {name: sums.get(name, ZERO) for name in self._stream.money if name in there}

    def _aligned(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        """Return some columns with today's types, whichever version of this package or other tool wrote the slot."""
        aligned = []
        for name in names:
            kind = self._schema.field(name).type
            has = name in table.column_names
            aligned.append(table[name].cast(kind) if has else pa.nulls(table.num_rows, kind))
        return pa.Table.from_arrays(aligned, names=list(names))


def as_decimal256(column: Any) -> Any:
    """Return amounts as decimals of 76 digits: a sum in fewer may wrap without an error."""
    scale = column.type.scale if pa.types.is_decimal(column.type) else 0
    return column.cast(pa.decimal256(76, scale))


def _within(column: Any, interval: Interval) -> Any:
    start, end = (pa.scalar(_milliseconds(instant), columns.INSTANT) for instant in (interval.start, interval.end))
    return pc.and_(pc.greater_equal(column, start), pc.less(column, end))


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
