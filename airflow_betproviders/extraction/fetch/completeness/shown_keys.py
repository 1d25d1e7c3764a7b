"""Remember the keys that answers have shown, so that a slot that lacks one of them is not taken for complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.instants import ends
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.decode.keys import Hashes, without

if TYPE_CHECKING:
    import pyarrow as pa

# So many keys of one slot are remembered, in eight bytes each; of a larger slot those that came first are forgotten.
_MOST_KEYS = 1_000_000
# Of so many windows in a row, each row may come so many times on average. On the edge of two windows it may come twice.
_WINDOWS = 100
_MOST_TIMES = 10
_NONE = np.empty(0, np.uint64)


class ShownKeys:
    """The keys that the answers of one slot have shown, by window; and those of later slots that they showed in passing."""

    def __init__(self, stream: Stream) -> None:
        """Begin without keys."""
        self._stream = stream
        self._number: int | None = None
        self._slot: Interval | None = None
        self._by_window: deque[tuple[Interval | None, Hashes]] = deque()
        self._count = 0
        self._forgotten = False
        self._later = (_NONE, np.empty(0, np.int64))

    def begin(self, number: int, slot: Interval | None) -> None:
        """Begin a slot. The keys of the slot before are forgotten; those of a slot that is read again are not."""
        if number != self._number:
            self._number, self._slot = number, slot
            self._count, self._forgotten = 0, False
            self._by_window.clear()

    def add(self, window: Interval | None, hashes: Hashes | None) -> None:
        """Add keys that an answer for a window, or for a part of one, has shown."""
        if hashes is None or not len(hashes):
            return
        self._by_window.append((window, hashes))
        self._count += len(hashes)
        while self._count > _MOST_KEYS:
            self._count -= len(self._by_window.popleft()[1])
            self._forgotten = True

    def of(self, window: Interval | None) -> Hashes | None:
        """Return the keys that were shown in a window, sorted; None where there are none."""
        found = [
            hashes
            for part, hashes in self._by_window
            if part == window or (part is not None and window is not None and window.contains(part))
        ]
        return np.unique(np.concatenate(found)) if found else None

    def note(
        self, window: Interval | None, answers: Iterable[PageAnswer], earlier: Hashes | None = None
    ) -> Hashes | None:
        """Add the keys that answers of a window have shown, and return them, sorted; None where rows have no key.

        Args:
            window: what was asked; None for a snapshot.
            answers: its answers so far.
            earlier: keys that earlier reads of the window have shown.
        """
        if not self._stream.key:
            return None
        before = [] if earlier is None else [earlier]
        shown = (answer.hashes_in(window) for answer in answers)
        found: Hashes = np.unique(np.concatenate([_NONE, *before, *shown]))
        self.add(window, found)
        return found

    def pass_on(self, window: Interval | None, answers: Iterable[PageAnswer], earlier: Hashes | None) -> Hashes | None:
        """Return the keys that a window has to bring, those that answers for windows before it have shown among them.

        Keys of its own answers that lie past its end are passed on to the windows after it.

        Args:
            window: what was asked; None for a snapshot.
            answers: its answers.
            earlier: keys that earlier reads of the window have shown; None where there are none.
        """
        if not (self._stream.has_outside_rows and self._stream.key and window):
            return earlier
        answers = list(answers)
        self._take_later(window, answers[0].page.table[str(self._stream.time_column)].type)
        self._add_later(window, answers)
        self.add(window, earlier)
        return self.of(window)

    def _add_later(self, window: Interval, answers: Iterable[PageAnswer]) -> None:
        """Add keys of rows that lie past a window's end: the windows after it have to bring them."""
        column = str(self._stream.time_column)
        keys, instants = [self._later[0]], [self._later[1]]
        for answer in answers:
            at = arrays.integers(answer.page.table[column])
            past = at >= ends(window, answer.page.table[column].type)[1]
            if past.any():
                keys.append(answer.hashes[past])
                instants.append(at[past])
        if len(keys) > 1:
            self._later = np.concatenate(keys)[-_MOST_KEYS:], np.concatenate(instants)[-_MOST_KEYS:]

    def _take_later(self, window: Interval, instant: pa.TimestampType) -> None:
        """Add the keys in a window that answers for earlier windows have shown; ``instant`` is the type of the time column."""
        keys, at = self._later
        start, end = ends(window, instant)
        self._later = keys[at >= end], at[at >= end]
        self.add(window, keys[(at >= start) & (at < end)])

    def add_after(self, start: datetime, rows: WindowRows) -> int:
        """Add rows of a window with the slot's start inside that lie after the start; return how many the slot has not shown."""
        if rows.hashes is None or rows.window is None or self._slot is None or self._forgotten:
            return 0
        column, after = rows.table[str(self._stream.time_column)], Interval(start, rows.window.end)
        at, (first, end) = arrays.integers(column), ends(after, column.type)
        inside = (at <= end) & (at < ends(self._slot, column.type)[1])
        found = rows.hashes[(at > first) & inside]
        known = np.concatenate([_NONE, *(hashes for _, hashes in self._by_window)])
        self.add(after, found)
        return len(without(found, known))

    def refuse_repetition(self) -> None:
        """Refuse windows of which nearly all bring the same rows: the provider does not look at the window.

        Raises:
            Unprovable: names the counts.
        """
        if not self._by_window or len(self._by_window) % _WINDOWS:
            return
        latest = [hashes for _, hashes in islice(reversed(self._by_window), _WINDOWS)]
        brought = sum(map(len, latest))
        distinct = len(np.unique(np.concatenate(latest)))
        if brought > _MOST_TIMES * distinct:
            raise Unprovable(
                f"the last {_WINDOWS} windows brought {brought} rows of which only {distinct} are distinct, so the provider "
                "seems not to look at the window"
            )
