"""Remember the rows that answers have shown: a slot that lacks one, or has an older version of one, is not complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.instants import ends
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import NO_ROWS, RowVersions
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays

if TYPE_CHECKING:
    import pyarrow as pa

# So many rows of one slot are remembered; of a larger slot, the earliest are forgotten.
_MOST_ROWS = 1_000_000
# After every so many windows, the rows of these windows are compared.
_WINDOWS = 100
# On average, a row may come in so many of them. On a boundary it may come in two.
_MOST_TIMES = 10


class ShownRows:
    """Keep the rows that the answers of one slot have shown, by window, and the rows of later windows among them.

    Attributes:
        lacking: number of rows that pieces have brought and the slot lacks, of a stream whose answers reach beyond the window.
    """

    def __init__(self, stream: Stream) -> None:
        """Begin without rows."""
        self._stream = stream
        self._number: int | None = None
        self._slot: Interval | None = None
        self._by_window: deque[tuple[Interval | None, RowVersions]] = deque()
        self._count = 0
        self._forgotten = False
        self._later = NO_ROWS, np.empty(0, np.int64)
        self.lacking = 0

    def begin(self, number: int, slot: Interval | None) -> None:
        """Begin a slot. The rows of the slot before are forgotten; those of a slot that is read again are not."""
        self.lacking = 0
        if number != self._number:
            self._number, self._slot = number, slot
            self._count, self._forgotten = 0, False
            self._by_window.clear()

    def add(self, window: Interval | None, rows: RowVersions | None) -> None:
        """Add rows that an answer for a window, or for a part of one, has shown."""
        if not rows:
            return
        self._by_window.append((window, rows))
        self._count += len(rows)
        while self._count > _MOST_ROWS:
            self._count -= len(self._by_window.popleft()[1])
            self._forgotten = True

    def in_window(self, window: Interval | None) -> RowVersions | None:
        """Return the rows that were shown in a window, each key once in its newest version; None where there are none."""
        parts = [
            rows
            for part, rows in self._by_window
            if part == window or (part is not None and window is not None and window.contains(part))
        ]
        return RowVersions.joined(parts).newest if parts else None

    def add_answers(
        self, window: Interval | None, answers: Iterable[PageAnswer], earlier: RowVersions | None = None
    ) -> RowVersions | None:
        """Add the rows that answers of a window have shown, and return the newest of each key; None where rows have no key.

        Args:
            window: what was asked; None for a snapshot.
            answers: its answers so far.
            earlier: rows that earlier reads of the window have shown.
        """
        if not self._stream.key:
            return None
        shown = [answer.versions_in(window) for answer in answers]
        newest = RowVersions.joined([earlier or NO_ROWS, *shown]).newest
        self.add(window, newest)
        return newest

    def required_rows(
        self, window: Interval | None, answers: Iterable[PageAnswer], earlier: RowVersions | None
    ) -> RowVersions | None:
        """Return the rows that a window has to bring, including rows that answers for earlier windows have shown.

        Its own answers' rows past its end are remembered: the windows after it have to bring them.

        Args:
            window: what was asked; None for a snapshot.
            answers: its answers.
            earlier: rows that earlier reads of the window have shown; None where there are none.
        """
        if not (self._stream.has_outside_rows and self._stream.key and window):
            return earlier
        answers = list(answers)
        self._take_later(window, answers[0].page.table[str(self._stream.time_column)].type)
        self._add_later(window, answers)
        self.add(window, earlier)
        return self.in_window(window)

    def _add_later(self, window: Interval, answers: Iterable[PageAnswer]) -> None:
        """Add rows that lie past a window's end: the windows after it have to bring them."""
        column = str(self._stream.time_column)
        rows, instants = [self._later[0]], [self._later[1]]
        for answer in answers:
            at = arrays.integers(answer.page.table[column])
            past = at >= ends(window, answer.page.table[column].type)[1]
            if past.any():
                rows.append(answer.versions.where(past))
                instants.append(at[past])
        if len(rows) > 1:
            every, at = RowVersions.joined(rows), np.concatenate(instants)
            kept = np.arange(len(every))[-_MOST_ROWS:]
            self._later = every.where(kept), at[kept]

    def _take_later(self, window: Interval, instant: pa.TimestampType) -> None:
        """Add the rows in a window that answers for earlier windows have shown; ``instant`` is the type of the time column."""
        rows, at = self._later
        start, end = ends(window, instant)
        self._later = rows.where(at >= end), at[at >= end]
        self.add(window, rows.where((at >= start) & (at < end)))

    def add_after_start(self, start: datetime, rows: WindowRows) -> int:
        """Add the rows after the slot's start, of a window that contains this start.

        Returns:
            How many of them the slot has not shown, or has shown in older versions only.
        """
        versions = rows.versions(self._stream)
        if versions is None or rows.window is None or self._slot is None or self._forgotten:
            return 0
        column, after = rows.table[str(self._stream.time_column)], Interval(start, rows.window.end)
        at, (first, end) = arrays.integers(column), ends(after, column.type)
        inside = (at <= end) & (at < ends(self._slot, column.type)[1])
        after_start = versions.where((at > first) & inside)
        lacking = len(after_start.lacking_in(self._in_touching_windows(after)))
        self.add(after, after_start)
        return lacking

    def add_piece(self, piece: Interval, answers: Sequence[PageAnswer]) -> int:
        """Add the rows of a piece of a window; return how many of them the slot has in older versions only."""
        shown = RowVersions.joined(answer.versions_in(piece) for answer in answers)
        if self._stream.has_outside_rows and self._slot and not self._forgotten:
            inside = RowVersions.joined(answer.versions_in(self._slot) for answer in answers)
            self.lacking += len(inside.lacking_in(self._in_touching_windows(self._slot)))
            self._add_later(Interval(self._slot.start - self._slot.width, self._slot.start), answers)
        older = len(shown.older_in(self._in_touching_windows(piece))) if self._stream.version_columns else 0
        self.add(piece, shown)
        return older

    def _in_touching_windows(self, window: Interval) -> RowVersions:
        """Return the rows of all windows that a window overlaps or touches."""
        return RowVersions.joined(
            rows
            for part, rows in self._by_window
            if part is not None and part.start <= window.end and window.start <= part.end
        )

    def refuse_repetition(self) -> None:
        """Check that the latest windows do not bring the same rows again and again.

        Raises:
            Unprovable: they do, so the provider seems to ignore the window.
        """
        if not self._by_window or len(self._by_window) % _WINDOWS:
            return
        latest = [rows.hashes for _, rows in islice(reversed(self._by_window), _WINDOWS)]
        brought = sum(map(len, latest))
        distinct = len(np.unique(np.concatenate(latest)))
        if brought > _MOST_TIMES * distinct:
            raise Unprovable(
                f"the last {_WINDOWS} windows brought {brought} rows of which only {distinct} are distinct, so the provider "
                "seems to ignore the window"
            )
