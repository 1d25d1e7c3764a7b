"""Collect the rows that one commit merges: each bet once, in its newest version."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.bets_table.arrow.data_files import DataFile
from airflow_betproviders.bets_table.arrow.sorted_rows import SortedRows
from airflow_betproviders.bets_table.raw_slots import RawSlot, RawStream
from airflow_betproviders.bets_table.schema import INSTANT, SCHEMA

_ORDER = ("bet_date", "placed_at")  # so that readers who look for a time skip most of a file
_SLOT = "slot"
_SAME = {"provider", "account", "stream", "missing_since", "extracted_at", "slot_start", "slot_end"}  # within a slot
_WAITING = [name for name in SCHEMA.names if name not in _SAME]
_INDEX = ("bet_id", "updated_at", *_ORDER, _SLOT)

Mask = npt.NDArray[np.bool_]
RowNumbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReextractedSlot:
    """A slot that is merged again. Rows that only an older version of it had are marked as missing.

    Attributes:
        account: the account's login.
        stream: the stream's label in the table.
        start: the start of the slot.
        end: the end of the slot.
        extracted_at: when its present version was extracted.
        dates: the bet dates of its rows, in any of its versions.
    """

    account: str
    stream: str
    start: datetime
    end: datetime
    extracted_at: datetime
    dates: frozenset[date]

    def may_be_in(self, min_max: Mapping[str, tuple[Any, Any]]) -> bool:
        """Return whether rows with these minima and maxima may include some of an older version of the slot."""
        starts, stops, reads = (min_max.get(name) for name in ("slot_start", "slot_end", "extracted_at"))
        return not (
            (starts and starts[1] < self.start)
            or (stops and stops[0] > self.end)
            or (reads and reads[0] >= self.extracted_at)
        )

    def missing(self, rows: pa.Table) -> Mask:
        """Return which rows of the table an older version of the slot had and the present version has not."""
        matches = pc.and_(pc.equal(rows["account"], self.account), pc.equal(rows["stream"], self.stream))
        matches = pc.and_(matches, pc.greater_equal(rows["slot_start"], pa.scalar(self.start, INSTANT)))
        matches = pc.and_(matches, pc.less_equal(rows["slot_end"], pa.scalar(self.end, INSTANT)))
        matches = pc.and_(matches, pc.less(rows["extracted_at"], pa.scalar(self.extracted_at, INSTANT)))
        return as_mask(pc.and_(matches, pc.is_null(rows["missing_since"])))


class StagedRows:
    """Collect bets of one stream in local files until they are merged.

    Values that all rows of a slot share are stored once. Memory holds some 60 bytes a row: its id, times, date and slot.

    Args:
        stream: the stream of the bets.
        folder: a folder for the files, which the caller removes.
    """

    def __init__(self, stream: RawStream, folder: Path) -> None:
        self.stream = stream
        self._sorted = SortedRows(folder, _ORDER, _INDEX)
        self._slots: dict[RawSlot, int] = {}

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return self._sorted.rows

    def append(self, slot: RawSlot, bets: pa.Table) -> None:
        """Add bets of a slot, under the columns of the table."""
        number = self._slots.setdefault(slot, len(self._slots))
        rows = bets.select(_WAITING)
        self._sorted.append(rows.append_column(_SLOT, pa.repeat(pa.scalar(number, pa.int32()), bets.num_rows)))

    def index(self) -> pa.Table:
        """Return id, times, date and slot of each row; no rows can be added then."""
        return self._sorted.index()

    def slots(self) -> pa.Table:
        """Return the times of each slot, by its number."""
        return pa.table(
            {
                "extracted_at": pa.array([slot.extracted_at for slot in self._slots], INSTANT),
                "slot_start": pa.array([slot.interval.start for slot in self._slots], INSTANT),
                "slot_end": pa.array([slot.interval.end for slot in self._slots], INSTANT),
            }
        )

    def read(self, kept: Mask) -> Iterator[pa.Table]:
        """Yield the rows that are kept, by date and time of placing."""
        slots = self.slots()
        same = {
            "provider": self.stream.lake.provider,
            "account": self.stream.lake.account,
            "stream": self.stream.label,
            "missing_since": None,
        }
        for rows in self._sorted.read(kept):
            columns = {name: pa.repeat(pa.scalar(same[name], SCHEMA.field(name).type), rows.num_rows) for name in same}
            of_slots = slots.take(rows[_SLOT])
            columns |= {name: of_slots[name] for name in of_slots.column_names}
            columns |= {name: rows[name] for name in _WAITING}
            yield pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


class MergeBatch:
    """Bets of one stream for one merge, each in its newest version, and the slots that were extracted again.

    Bets are numbered in the order of their ids.

    Args:
        staged: the rows; any bet any number of times.
        reextracted: slots whose last rows are in this batch and that were merged before.
    """

    def __init__(self, staged: StagedRows, reextracted: Sequence[ReextractedSlot]) -> None:
        self.provider = staged.stream.lake.provider
        self.reextracted = reextracted
        self._account = staged.stream.lake.account
        self._label = staged.stream.label
        self._staged = staged
        self._slots = staged.slots()
        self._rows, self._ids = np.empty(0, np.int64), pa.array([], pa.string())
        self._updated_at: pa.Array = pa.array([], INSTANT)
        self._slot: pa.Array = pa.array([], pa.int32())
        self.dates: frozenset[date] = frozenset()
        if staged.rows:
            self._select(staged.index())

    def __len__(self) -> int:
        return len(self._rows)

    def _select(self, index: pa.Table) -> None:
        """Keep each bet's newest version: by updated_at, then extracted_at, then the slot's start and end."""
        slots = self._slots.append_column("number", pa.array(range(self._slots.num_rows), pa.int32()))
        ranked = slots.sort_by([(name, "ascending") for name in self._slots.column_names])["number"].to_numpy()
        age = np.empty(len(ranked), np.int32)
        age[ranked] = np.arange(len(ranked), dtype=np.int32)
        versions = index.select(["bet_id", "updated_at"]).append_column("age", pa.array(age[index[_SLOT].to_numpy()]))
        self.dates = frozenset(pc.unique(index["bet_date"]).to_pylist())
        index = index.select(["updated_at", _SLOT])  # the ids are held once at a time: they are the most of it
        order = pc.sort_indices(versions, [(name, "ascending") for name in versions.column_names])
        ids = versions["bet_id"].combine_chunks().take(order)
        del versions
        last = np.append(as_mask(pc.not_equal(ids[1:], ids[:-1])), np.True_)
        self._ids = ids if last.all() else ids.filter(pa.array(last))
        self._rows = order.to_numpy()[last].astype(np.int64)
        newest = index.combine_chunks().take(pa.array(self._rows))
        self._updated_at, self._slot = (column.combine_chunks() for column in newest.columns)

    def files_to_read(self, files: Iterable[DataFile], moved_within: timedelta | None) -> list[DataFile]:
        """Return the files that may hold one of its bets, under its own date or another, or a row that is missing."""
        reach = (moved_within or timedelta(0)).days
        # Numbers of days, since the first and the last date have no date before or after them.
        near = {day.toordinal() + step for day in self.dates for step in range(-reach, reach + 1)}
        return [
            file
            for file in files
            if ((moved_within is None or file.day.toordinal() in near) and self.numbers(file.min_max))
            or any(file.day in slot.dates and slot.may_be_in(file.min_max) for slot in self.reextracted)
        ]

    def numbers(self, min_max: Mapping[str, tuple[Any, Any]]) -> range:
        """Return the numbers of the bets that may be among rows whose ids have this minimum and maximum."""
        everything = range(len(self))
        if "bet_id" not in min_max:
            return everything
        low, high = min_max["bet_id"]
        return range(
            bisect_left(everything, low, key=lambda number: self._ids[number].as_py()),
            bisect_right(everything, high, key=lambda number: self._ids[number].as_py()),
        )

    def find(self, rows: pa.Table, numbers: range) -> tuple[RowNumbers, RowNumbers]:
        """Return which rows of the table are versions of bets of the batch, and the numbers of these.

        Args:
            rows: rows of the table, with their account and bet_id.
            numbers: the numbers of the bets of the batch to look for.
        """
        positions = pc.index_in(rows["bet_id"], self._ids.slice(numbers.start, len(numbers)))
        mine = as_mask(pc.and_(pc.is_valid(positions), pc.equal(rows["account"], self._account)))
        theirs = np.flatnonzero(mine)
        return theirs, positions.filter(pa.array(mine)).to_numpy().astype(np.int64) + numbers.start

    def versions(self, numbers: RowNumbers) -> dict[str, Any]:
        """Return what ranks the versions of some bets: updated_at, extracted_at, slot_start, slot_end, stream."""
        taken = pa.array(numbers)
        slots = self._slots.take(self._slot.take(taken))
        return {
            "updated_at": self._updated_at.take(taken),
            **{name: slots[name] for name in slots.column_names},
            "stream": pa.repeat(self._label, len(numbers)),
        }

    def rows(self, beaten: Mask) -> Iterator[pa.Table]:
        """Yield the bets that win over the table's versions, by date and time of placing."""
        kept = np.zeros(self._staged.rows, bool)
        kept[self._rows[~beaten]] = True
        return self._staged.read(kept) if len(self) else iter(())


def as_mask(condition: Any) -> Mask:
    """Return a condition as NumPy's booleans, null as false."""
    known = pc.fill_null(condition, False)
    chunks = known.chunks if isinstance(known, pa.ChunkedArray) else [known]
    return np.concatenate([np.empty(0, bool), *(chunk.to_numpy(zero_copy_only=False) for chunk in chunks)])
