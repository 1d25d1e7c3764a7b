"""Describe one page for the pagination kinds: its size, its new rows, the order and times of its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.answers.instants import UNITS, duration, ends, inside
from airflow_betproviders.extraction.answers.rejected_times import ABSURD
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.decode.decoder import Page

# The order of rows counts as random only if there are so many rows,
_MANY_ROWS = 50
# and its correlation with time is less than so many standard deviations.
_DEVIATIONS = 3.5
# The tail of an answer, which the next call requests again, is one row in so many,
_FEW_LAST = 50
# but not more than one row in so many,
_MOST_LAST = 4
# nor longer than so many milliseconds.
_LONGEST_TAIL = 60_000


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
        raw = {row.raw for answer in self._earlier for row in answer.page.rejected}
        return len(keys.without(self.hashes, known)) + sum(row.raw not in raw for row in self.page.rejected)

    @cached_property
    def hashes(self) -> keys.Hashes:
        """Return the hashes of the page's keys."""
        return keys.hashes(self.page.table, self._stream.key)

    @cached_property
    def versions(self) -> RowVersions:
        """Return the keys and versions of the page's rows."""
        return RowVersions.of(self._stream, self.page.table, self.hashes)

    def versions_in(self, window: Interval | None) -> RowVersions:
        """Return the rows that lie in a window, if it is known which column windows filter; else all rows."""
        if window is not None and self._stream.has_outside_rows:
            column = self.page.table[str(self._stream.time_column)]
            instants, (start, end) = arrays.integers(column), ends(window, column.type)
            return self.versions.where((instants >= start) & (instants < end))
        if window is None or not self._stream.reject_outside_window:
            return self.versions
        return self.versions.where(inside(self.page.table, self._stream, window))

    @cached_property
    def in_order(self) -> bool:
        """Return whether rows come in the order of the time column: at most one in ten lies before the row above it."""
        return self._is_sorted(-1)

    @cached_property
    def newest_first(self) -> bool:
        """Return whether rows come in the opposite order, apart from at most one in ten."""
        return self._is_sorted(1)

    @cached_property
    def shuffled(self) -> bool:
        """Return whether many rows come in an order that has nothing to do with the time column."""
        count = len(self._instants)
        if self.rows < _MANY_ROWS or 2 * count < self.rows:  # of a rejected row, no time is known
            return False
        ranks = np.argsort(np.argsort(self._instants, kind="stable"), kind="stable")
        correlation = np.corrcoef(np.arange(count), ranks)[0, 1]
        return bool(abs(correlation) * math.sqrt(count) < _DEVIATIONS)

    def _is_sorted(self, direction: int) -> bool:
        """Return whether at most one in ten rows breaks the order: oldest first for -1, newest first for 1. Absurd times don't count."""
        if self._stream.time_column is None or self.page.table.num_rows < 2:
            return True
        moves = np.diff(self._near_instants) * direction
        return int((moves > 0).sum()) * 10 <= len(moves)

    @cached_property
    def median_ms(self) -> int | None:
        """Return the median of the stream's time column, milliseconds since 1970."""
        instants = self._instants
        return int(np.median(instants)) if len(instants) else None

    @cached_property
    def late_rows(self) -> int:
        """Return the number of new rows that are older than the newest row of the earlier pages. Absurd times are left out."""
        newest_ms = max((answer.latest_ms for answer in self._earlier if answer.latest_ms is not None), default=None)
        if newest_ms is None or not self._stream.key or not len(self._instants):
            return 0
        known = np.concatenate([answer.hashes for answer in self._earlier])
        is_late = (self._instants < newest_ms) & (self._instants > newest_ms - ABSURD // UNITS["ms"])
        return int((is_late & ~keys.occur(self.hashes, known)).sum())

    @property
    def _instants(self) -> npt.NDArray[np.int64]:
        """Return the stream's time column, milliseconds since 1970."""
        if self._stream.time_column is None:
            return np.empty(0, np.int64)
        column = self.page.table[self._stream.time_column]
        unit = UNITS[column.type.unit]
        per_ms, of_ms = max(1, UNITS["ms"] // unit), max(1, unit // UNITS["ms"])
        instants: npt.NDArray[np.int64] = arrays.integers(column) // per_ms * of_ms
        return instants

    @cached_property
    def _near_instants(self) -> npt.NDArray[np.int64]:
        """Return the stream's time column in its own unit, without absurd times."""
        column = self.page.table[str(self._stream.time_column)]
        instants = arrays.integers(column)
        near: npt.NDArray[np.int64] = instants[np.abs(instants - np.median(instants)) <= duration(ABSURD, column.type)]
        return near

    @cached_property
    def disorder_ms(self) -> int:
        """Return the most milliseconds by which a row lies before one above it. Absurd times are left out."""
        if self._stream.time_column is None or self.page.table.num_rows < 2 or self.latest_ms is None:
            return 0
        unit = UNITS[self.page.table[self._stream.time_column].type.unit]
        instants = self._near_instants
        disorder = int((np.maximum.accumulate(instants) - instants).max(initial=0))
        return -(-disorder * unit // UNITS["ms"])

    @cached_property
    def tail_ms(self) -> int:
        """Return the milliseconds from a few rows before the last to the last, in the order of time; at most a minute.

        It is 0 where this would span more than a quarter of the rows. Absurd times are left out.
        """
        if self.latest_ms is None:
            return 0
        known = np.sort(self._instants[self._instants <= self.latest_ms])
        earlier = known[known < self.latest_ms]
        few = max(1, len(known) // _FEW_LAST)
        if not len(earlier):
            return 0
        tail = self.latest_ms - int(min(known[-few], earlier[-1]))
        return min(tail, _LONGEST_TAIL) if (known >= self.latest_ms - tail).sum() <= len(known) // _MOST_LAST else 0

    @cached_property
    def latest_ms(self) -> int | None:
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
        return int(last * UNITS[column.type.unit] // UNITS["ms"])
