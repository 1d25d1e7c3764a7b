"""Combine the answers of one window to its rows, each key once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays, keys
from airflow_betproviders.extraction.decode.coerce import OddCounts
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.rejected_times import ABSURD, RejectedTimes
from airflow_betproviders.lake.quarantine import RejectedRow

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Of fewer rows nothing shows that their order is random; nor where its correlation with time is this many standard deviations.
_MANY_ROWS = 50
_DEVIATIONS = 3.5
# The last rows of an answer that the next is asked to bring again: at least and at most one in so many, of so many milliseconds.
_FEW_LAST = 50
_MOST_LAST = 4
_LONGEST_TAIL = 60_000
_UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}


class SlotChanged(Exception):
    """What a slot's windows brought contradicts itself. Discard its rows, and read the slot again."""


@dataclass
class WindowRows:
    """The rows of one window, each key once.

    Attributes:
        window: the requested window; None for a snapshot.
        table: its good rows.
        hashes: of the rows' keys, where the stream has a key.
        bad: its rows that do not fit.
        total: the provider's count, where it gives one.
        duplicates: rows that came more than once.
        counts: values that were not as declared.
        slow_pages: answers that were decoded row by row.
        calls: the numbers of the calls that returned the rows.
        proof: what shows that the window is complete (`airflow_betproviders.declare.pagination`).
    """

    window: Interval | None
    table: pa.Table
    hashes: keys.Hashes | None = None
    bad: list[RejectedRow] = field(default_factory=list)
    total: int | None = None
    duplicates: int = 0
    counts: OddCounts = field(default_factory=OddCounts)
    slow_pages: int = 0
    calls: tuple[int, ...] = ()
    proof: str = ""

    @classmethod
    def from_pages(cls, stream: Stream, window: Interval | None, pages: Sequence[Page]) -> WindowRows:
        """Combine the answers of a window. Of a key that comes twice, the newest version is kept."""
        table = pa.concat_tables([page.table for page in pages])
        bad = list({row.raw: row for page in pages for row in page.bad}.values())
        calls = tuple(page.call for page in pages)
        slow_pages = sum(not page.fast for page in pages)
        rows = cls(window, table, bad=bad, total=pages[0].total, slow_pages=slow_pages, calls=calls)
        for page in pages:
            rows.counts.add(page.counts)
        if stream.key:
            rows.hashes = keys.hashes(table, stream.key)
            repeated = keys.shared(np.sort(rows.hashes))
            if len(repeated):
                suspects = np.flatnonzero(np.isin(rows.hashes, repeated))
                dropped = keys.losers(table.take(arrays.rows(suspects)), stream.key, stream.version_columns)
                once = np.ones(table.num_rows, bool)
                once[suspects[dropped]] = False
                rows.keep(once)
                rows.duplicates = len(dropped)
        return rows

    @property
    def distinct(self) -> int:
        """Distinct rows, those included that don't fit the schema."""
        return int(self.table.num_rows) + len(self.bad)

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that the mask leaves out."""
        if mask.all():
            return
        self.table = self.table.filter(arrays.mask(mask))
        if self.hashes is not None:
            self.hashes = self.hashes[mask]

    def keep_window(self, time_column: str, time_of: RejectedTimes) -> None:
        """Drop the rows outside the window; rejected ones without a readable time stay."""
        assert self.window is not None  # noqa: S101 - only what has a time has rows outside
        instants = arrays.integers(self.table[time_column])
        start, end = ends(self.window, self.table[time_column].type)
        self.keep((instants >= start) & (instants < end))
        self.bad = time_of.inside(self.bad, self.window)

    def at(self, instant: datetime, time_column: str, time_of: RejectedTimes) -> tuple[WindowRows, list[RejectedRow]]:
        """Return the rows of an instant, and the rejected rows without a readable time."""
        times = [(row, time_of(row)) for row in self.bad]
        found = replace(self, bad=[row for row, time in times if time == instant])
        column = self.table[time_column]
        found.keep(arrays.integers(column) == _units(instant, column.type))
        return found, [row for row, time in times if time is None]

    def without(self, others: WindowRows) -> WindowRows:
        """Return the rows that others don't have, by key; rejected rows by their text."""
        assert self.hashes is not None  # noqa: S101 - compared by them
        assert others.hashes is not None  # noqa: S101 - compared by them
        known = {row.raw for row in others.bad}
        left = replace(self, bad=[row for row in self.bad if row.raw not in known])
        left.keep(~np.isin(self.hashes, others.hashes))
        return left

    def prepend(self, others: WindowRows) -> None:
        """Put others' rows before these."""
        assert self.hashes is not None  # noqa: S101 - both have keys
        assert others.hashes is not None  # noqa: S101 - both have keys
        self.table = pa.concat_tables([others.table, self.table])
        self.hashes = np.concatenate([others.hashes, self.hashes])
        self.bad = [*others.bad, *self.bad]

    def take(self) -> tuple[pa.Table, keys.Hashes | None]:
        """Return the rows and forget them, so that nothing else keeps them in memory."""
        taken = self.table, self.hashes
        self.table, self.hashes = self.table.slice(0, 0), None
        return taken


def duration(length: timedelta, instant: pa.TimestampType) -> int:
    """Return a length of time as an integer in the unit of a column of instants."""
    return length // _UNITS[instant.unit]


def ends(window: Interval, instant: pa.TimestampType) -> tuple[int, int]:
    """Return a window's start and end as integers in the unit of a column of instants."""
    return _units(window.start, instant), _units(window.end, instant)


def _units(at: datetime, instant: pa.TimestampType) -> int:
    return (at - _EPOCH) // _UNITS[instant.unit]


def inside(table: pa.Table, stream: Stream, window: Interval) -> npt.NDArray[np.bool_]:
    """Return which rows lie in a window, its ends included, by at least one of the columns that windows filter."""
    found = np.zeros(table.num_rows, bool)
    for name in stream.window_columns:
        column = table[name]
        instants, (start, end) = arrays.integers(column), ends(window, column.type)
        found |= (instants >= start) & (instants <= end)
    return found


class PageAnswer:
    """One page as the pagination kinds see it; see `airflow_betproviders.declare.pagination.Answer`.

    Attributes:
        page: the page.
    """

    def __init__(self, page: Page, stream: Stream, earlier: Sequence[PageAnswer] = ()) -> None:
        """Compare a page with the earlier pages of its window."""
        self.page = page
        self._stream = stream
        self._earlier = tuple(earlier)

    @property
    def rows(self) -> int:
        """Return the number of rows on the page."""
        return self.page.rows

    @property
    def bytes(self) -> int:
        """Return the number of bytes of the answer."""
        return self.page.bytes

    @property
    def total(self) -> int | None:
        """Return the provider's count of the window."""
        return self.page.total

    @property
    def page_size(self) -> int | None:
        """Return the page size that the answer says it used."""
        return self.page.page_size

    @property
    def token(self) -> str | None:
        """Return the next page's token or link."""
        return self.page.token

    @cached_property
    def new(self) -> int:
        """Return the number of rows that no earlier page had."""
        if not self._earlier or not self._stream.key:
            return self.rows
        known = np.concatenate([answer.hashes for answer in self._earlier])
        raw = {row.raw for answer in self._earlier for row in answer.page.bad}
        return int((~np.isin(self.hashes, known)).sum()) + sum(row.raw not in raw for row in self.page.bad)

    @cached_property
    def hashes(self) -> keys.Hashes:
        """Hashes of the page's keys."""
        return keys.hashes(self.page.table, self._stream.key)

    def hashes_in(self, window: Interval | None) -> keys.Hashes:
        """Hashes of the keys of the rows that a window may hold, where it is known what windows filter; else of all rows."""
        if window is not None and self._stream.has_outside_rows:
            column = self.page.table[str(self._stream.time_column)]
            instants, (start, end) = arrays.integers(column), ends(window, column.type)
            return self.hashes[(instants >= start) & (instants < end)]
        if window is None or not self._stream.reject_outside_window:
            return self.hashes
        return self.hashes[inside(self.page.table, self._stream, window)]

    @cached_property
    def in_order(self) -> bool:
        """Return whether rows come in the order of the time column: at most one in ten comes too late."""
        return self._late(-1)

    @cached_property
    def newest_first(self) -> bool:
        """Return whether rows come in the opposite order."""
        return self._late(1)

    @cached_property
    def shuffled(self) -> bool:
        """Return whether many rows come in an order that has nothing to do with the time column."""
        count = len(self._instants)
        if count < _MANY_ROWS:
            return False
        ranks = np.argsort(np.argsort(self._instants, kind="stable"), kind="stable")
        correlation = np.corrcoef(np.arange(count), ranks)[0, 1]
        return bool(abs(correlation) * math.sqrt(count) < _DEVIATIONS)

    def _late(self, direction: int) -> bool:
        if self._stream.time_column is None or self.page.table.num_rows < 2:
            return True
        moves = np.diff(arrays.integers(self.page.table[self._stream.time_column])) * direction
        return int((moves > 0).sum()) * 10 <= len(moves)

    @cached_property
    def middle(self) -> int | None:
        """Return the median of the stream's time column, milliseconds since 1970."""
        instants = self._instants
        return int(np.median(instants)) if len(instants) else None

    @cached_property
    def skipped(self) -> int:
        """Return the number of rows that no earlier page had, though one had a later row."""
        last = max((answer.last for answer in self._earlier if answer.last is not None), default=None)
        if last is None or not self._stream.key or not len(self._instants):
            return 0
        known = np.concatenate([answer.hashes for answer in self._earlier])
        return int((~np.isin(self.hashes, known) & (self._instants < last)).sum())

    @property
    def _instants(self) -> npt.NDArray[np.int64]:
        """Return the stream's time column, milliseconds since 1970."""
        if self._stream.time_column is None:
            return np.empty(0, np.int64)
        column = self.page.table[self._stream.time_column]
        unit = _UNITS[column.type.unit]
        per_ms, of_ms = max(1, _UNITS["ms"] // unit), max(1, unit // _UNITS["ms"])
        found: npt.NDArray[np.int64] = arrays.integers(column) // per_ms * of_ms
        return found

    @cached_property
    def late_by(self) -> int:
        """Return by how many milliseconds a row comes too late in the order of the time column, absurd times left out."""
        if self._stream.time_column is None or self.page.table.num_rows < 2 or self.last is None:
            return 0
        column = self.page.table[self._stream.time_column]
        unit = _UNITS[column.type.unit]
        instants = arrays.integers(column)
        instants = instants[np.abs(instants - np.median(instants)) <= duration(ABSURD, column.type)]
        late = int((np.maximum.accumulate(instants) - instants).max())
        return -(-late * unit // _UNITS["ms"])

    @cached_property
    def tail(self) -> int:
        """Return the milliseconds from one of the last rows to the last, in the order of time, absurd times left out.

        It is 0 where too many rows share these times.
        """
        if self.last is None:
            return 0
        known = np.sort(self._instants[self._instants <= self.last])
        earlier = known[known < self.last]
        few = max(1, len(known) // _FEW_LAST)
        if not len(earlier):
            return 0
        tail = self.last - int(min(known[-few], earlier[-1]))
        return min(tail, _LONGEST_TAIL) if (known >= self.last - tail).sum() <= len(known) // _MOST_LAST else 0

    @cached_property
    def last(self) -> int | None:
        """Return the greatest value of the stream's time column that is not absurd, milliseconds since 1970."""
        if self._stream.time_column is None or not self.page.table.num_rows:
            return None
        column = self.page.table[self._stream.time_column]
        bounds = pc.min_max(column)
        first, last = bounds["min"].value, bounds["max"].value
        if last is None:
            return None
        years = duration(ABSURD, column.type)
        if last - first > years:
            instants = arrays.integers(column)
            last = int(instants[instants <= np.median(instants) + years].max())
        return int(last * _UNITS[column.type.unit] // _UNITS["ms"])
