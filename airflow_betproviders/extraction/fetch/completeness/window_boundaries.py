"""Put rows on the boundaries of windows where they belong.

JDB and GM-Ag do not say whether a window holds its start, its end, or both. A row on a boundary belongs to the window
that starts there, whichever window brings it:

| windows hold | a row on the boundary of two windows | on the start of a slot | on the end of a slot |
|---|---|---|---|
| ``[ )`` | comes with the later | comes | doesn't come |
| ``[ ]`` | comes with both, counts once | comes | comes; left to the next slot |
| ``( ]`` | comes with the earlier, is moved to the later | doesn't come: the slot before brought it, or one more call requests it | comes; left to the next slot |
| ``( )`` | doesn't come: the task fails | | |

`WindowEnds` finds out which line holds. If nothing shows that windows hold their start, the first slot of a run costs one more call,
for a window that contains the slot's start.

Rejected rows are placed by their time. A row whose time can't be read counts once in each slot that brings it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.instants import ends
from airflow_betproviders.extraction.answers.rejected_times import RejectedTimes
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.completeness.outside_rows import OutsideRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.completeness.window_ends import WindowEnds

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source


class ReadEdge(Protocol):
    """Read a short window that contains a slot's start, so that rows on this start cannot be left out."""

    def __call__(self, instant: datetime, /) -> WindowRows | None:
        """Return the rows of the window; None where they were not requested when the slot was extracted.

        Raises:
            IncompleteWindow: the window cannot be proven complete.
            SlotChanged: it brings rows of the slot that the slot's own windows did not bring.
        """


@dataclass
class _Edge:
    """Rows of a window that may belong to the window after it.

    Attributes:
        on_end: rows on the window's end; None where there are none.
        timeless: texts of rejected rows without a readable time, which count once in a slot.
    """

    on_end: WindowRows | None
    timeless: frozenset[str]


class WindowBoundaries:
    """Put each row of a run into the window that it belongs to. Slots and their windows come in order.

    Attributes:
        outside: rows of the slot that lie outside the window that brought them.
        window_ends: what the run has shown about the ends of windows.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        window_ends: WindowEnds,
        read_edge: ReadEdge | None,
        *,
        carry: bool = True,
        after_stored: bool,
    ) -> None:
        """Begin a run.

        Args:
            source: the account.
            stream: the stream.
            window_ends: what is known about the ends of windows so far.
            read_edge: makes the additional call; None to do without it.
            carry: whether a slot takes rows on its start from the answers of the slot before. Where answers are archived it
                requests them itself, so that its archive is complete.
            after_stored: whether the slot before the first one is stored, together with its rejected rows without a time.
        """
        self._source = source
        self._stream = stream
        self._read_edge = read_edge
        self._carry = carry
        self._after_stored = after_stored
        self._outside_rows = OutsideRows(source, stream)
        self._time_of = RejectedTimes(stream, source.utc_offset)
        self.window_ends = window_ends
        self._slot: Interval | None = None
        self._before: _Edge | None = None
        self._edge: _Edge | None = None
        self._follows = False
        self._starts_asked = False
        self._seen_on_start: WindowRows | None = None
        self.outside = 0

    def begin(self, slot: Interval) -> None:
        """Begin a slot, or begin it again."""
        if self._slot != slot:
            self._follows = self._slot is not None and self._slot.end == slot.start
            self._before = self._edge if self._follows else None
            self._slot = slot
        self._starts_asked, self._seen_on_start = not self._follows, None
        self._edge = self._before
        self.window_ends.begin(slot)
        self.outside = 0

    def place(self, rows: WindowRows) -> None:
        """Hold back the rows on the window's end. Add the rows on its start that the window before brought and it did not.

        Raises:
            ProviderRequestError: too many rows lie outside the window, of a stream where that means a wrong zone or column.
            SlotChanged: rows on the slot's start are older than the slot before showed them, and can't be taken from there.
        """
        column, window = self._stream.time_column, rows.window
        if column is None or window is None:
            return
        self.outside += self._outside_rows.remove(rows, window)
        if not self._has_edges:
            return
        before, self._edge = self._edge, self._take_edge(rows, window)
        if before is None:
            return
        if self._slot is None or window.start != self._slot.start:
            rows.rejected = [row for row in rows.rejected if row.raw not in before.timeless]
        if before.on_end is None:
            return
        carry = self._carry or self._slot is None or window.start != self._slot.start
        missing = before.on_end.without(rows)
        newer = rows.take_newer(before.on_end, self._stream)
        if newer and not carry:
            raise SlotChanged(f"{newer} rows on the start of {window} are older than the slot before has shown")
        if missing.distinct:
            self.window_ends.note_left_out(window)
            if carry:
                rows.prepend(missing)
            else:
                self._starts_asked, self._seen_on_start = True, missing

    def read_start(self) -> WindowRows | None:
        """Return the rows on the slot's start that no window brought; make one more call where such rows may exist.

        Rejected rows without a time, or with an absurd one, may lie on the start. They are returned if no slot before has them.

        Raises:
            SlotChanged: the call brings rows of the slot that its windows did not, or lacks some that the slot before showed.
            IncompleteWindow: windows leave out both ends, so rows on boundaries are lost.
            ProviderRequestError: too many rows of that call lie outside its window.
        """
        asked, self._starts_asked = self._starts_asked, False
        if self._read_edge is None or self._slot is None or not self._has_edges:
            return None
        self.window_ends.find_out(row_on_end=bool(self._edge and self._edge.on_end))
        if not asked or self.window_ends.starts_held:
            return None
        start = self._slot.start
        rows = self._read_edge(start)
        if rows is None:
            return None
        placed = replace(rows, rejected=[*rows.rejected])
        if rows.window is not None:
            self._outside_rows.remove(placed, rows.window)
        on_start, timeless = rows.at(start, str(self._stream.time_column), self._time_of)
        seen = self._seen_on_start
        if seen is not None and (lacking := seen.without(on_start).distinct):
            raise SlotChanged(
                f"{rows.window} lacks {lacking} rows of {start.isoformat()} that the slot before has shown"
            )
        if on_start.distinct:
            self.window_ends.note_left_out(self._slot)
        if not (self._follows or self._after_stored):
            on_start.rejected += timeless + placed.rejected[len(rows.rejected) :]
        return on_start if on_start.distinct else None

    @property
    def _has_edges(self) -> bool:
        stream, rule = self._stream, self._stream.windows
        placed = stream.time_column is not None and bool(stream.key) and stream.paging.keeps_to_window
        known = stream.filters_time_column or not rule or rule.ends != "inclusive"
        return bool(placed and rule and rule.splits and known)

    def _take_edge(self, rows: WindowRows, window: Interval) -> _Edge:
        """Take the rows on a window's end away, and note whether rows on its start came."""
        column = str(self._stream.time_column)
        instants, (start, end) = arrays.integers(rows.table[column]), ends(window, rows.table[column].type)
        times = {row.raw: self._time_of(row) for row in rows.rejected}
        if (instants == start).any() or window.start in times.values():
            self.window_ends.note_start()
        else:
            self.window_ends.note_inside(instants, window, rows.table[column].type)
        on_end = None
        if (instants == end).any() or window.end in times.values():
            on_end, _ = rows.at(window.end, column, self._time_of)
            self.window_ends.note_end()
            rows.filter(instants != end)
            rows.rejected = [row for row in rows.rejected if times[row.raw] != window.end]
        return _Edge(on_end, frozenset(raw for raw, time in times.items() if time is None))
