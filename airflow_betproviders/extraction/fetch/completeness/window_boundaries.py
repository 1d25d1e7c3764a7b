"""Put rows on the boundaries of windows where they belong.

JDB and GM-Ag do not say whether a window holds its start, its end, or both. A row on a boundary belongs to the window
that starts there, whichever window brings it:

| windows hold | a row on the boundary of two windows | on the start of a slot | on the end of a slot |
|---|---|---|---|
| ``[ )`` | comes with the later | comes | doesn't come |
| ``[ ]`` | comes with both, counts once | comes | comes; left to the next slot |
| ``( ]`` | comes with the earlier, is moved to the later | doesn't come: the slot before brought it, or one more call asks for it | comes; left to the next slot |
| ``( )`` | doesn't come: the task fails | | |

Rows on boundaries inside a slot show which line holds. What the runs of the last day saw counts too, unless a slot has a row on its
end and none on a start. If nothing was seen, a window is requested that starts at a row of the slot, and if it lacks this row, one
that ends there. If no such call shows that windows hold their start, the first slot of a run costs one more call, for a window that
contains the slot's start.

Rejected rows are placed by their time. A row whose time can't be read counts once in each slot that brings it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.answers.instants import duration, ends
from airflow_betproviders.extraction.answers.rejected_times import RejectedTimes
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.completeness.outside_rows import OutsideRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from airflow_betproviders.extraction.fetch.source import Source

log = logging.getLogger(__name__)


class ReadEdge(Protocol):
    """Read a short window that contains a slot's start, so that rows on this start cannot be left out."""

    def __call__(self, instant: datetime, /) -> WindowRows | None:
        """Return the rows of the window; None where they were not requested when the slot was extracted.

        Raises:
            IncompleteWindow: the window cannot be proven complete.
            SlotChanged: it brings rows of the slot that the slot's own windows did not bring.
        """


class ReadWindow(Protocol):
    """Read a short window inside a slot, which starts or ends at one of its rows."""

    def __call__(self, window: Interval, /) -> WindowRows:
        """Return the rows of the window.

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
        starts_held_at: the start of the last slot whose rows showed that windows hold their start; None if no slot did, or
            if a later one showed the contrary.
        ends_held_at: the start of the last slot that showed that windows hold their end; None if no slot did.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        read_edge: ReadEdge | None = None,
        read_window: ReadWindow | None = None,
        *,
        carry: bool = True,
        starts_held_at: datetime | None = None,
        ends_held_at: datetime | None = None,
        after_stored: bool = False,
    ) -> None:
        """Begin a run.

        Args:
            source: the account.
            stream: the stream.
            read_edge: makes the additional call; None to do without it.
            read_window: makes the call for a window that starts or ends at a row; None where the rows are known to be complete.
            carry: whether a slot takes rows on its start from the answers of the slot before. Where answers are archived it
                requests them itself, so that its archive is complete.
            starts_held_at: start of the last slot of earlier runs whose rows showed that windows hold their start.
            ends_held_at: the same for the ends of windows.
            after_stored: whether the slot before the first one is stored, together with its rejected rows without a time.
        """
        self._source = source
        self._stream = stream
        self._read_edge = read_edge
        self._read_window = read_window
        self._carry = carry
        self._after_stored = after_stored
        self._outside_rows = OutsideRows(source, stream)
        self._time_of = RejectedTimes(stream, source.utc_offset)
        rule = stream.windows
        self.starts_held_at = starts_held_at
        self.ends_held_at = ends_held_at
        self._remembered = starts_held_at is not None
        self._starts_held: bool | None = True if (rule and rule.ends) or starts_held_at else None
        self._slot: Interval | None = None
        self._before: _Edge | None = None
        self._edge: _Edge | None = None
        self._follows = False
        self._starts_asked = False
        self._seen_on_start: WindowRows | None = None
        self._on_step: datetime | None = None
        self.outside = 0

    def begin(self, slot: Interval) -> None:
        """Begin a slot, or begin it again."""
        if self._slot != slot:
            self._follows = self._slot is not None and self._slot.end == slot.start
            self._before = self._edge if self._follows else None
            self._slot = slot
        self._starts_asked, self._seen_on_start = not self._follows, None
        self._edge = self._before
        self._on_step = None
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
            self._note_left_out(window)
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
        if self._remembered and self._edge and self._edge.on_end:
            # Rows on an end and none on a start: windows may have changed to leave out their start.
            self._remembered, self._starts_held, self.starts_held_at = False, None, None
        if self._starts_held is None and self.ends_held_at is None:
            self._find_out_ends(self._slot)
        if not asked or self._starts_held:
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
            self._note_left_out(self._slot)
        if not (self._follows or self._after_stored):
            on_start.rejected += timeless + placed.rejected[len(rows.rejected) :]
        return on_start if on_start.distinct else None

    def _find_out_ends(self, slot: Interval) -> None:
        """Request windows that start and end at a row of the slot, to see which of them hold it.

        Raises:
            IncompleteWindow: neither does, though a window around it does.
        """
        at, rule = self._on_step, self._stream.windows
        if at is None or rule is None or self._read_window is None:
            return
        if self._brings(Interval(at, at + rule.step), at):
            self._starts_held, self.starts_held_at = True, slot.start
        elif self._brings(Interval(at - rule.step, at), at):
            self._starts_held, self.ends_held_at = False, slot.start
        elif self._brings(Interval(at - rule.step, at + rule.step), at):
            raise IncompleteWindow(
                f"{self._source.label}, stream {self._stream.name}, window {slot}: rows of {at.isoformat()} come neither with the window "
                "that starts there nor with the one that ends there, so rows on the ends of windows would be lost. Nothing was "
                "stored for it. Ask the provider which ends a window includes."
            )

    def _brings(self, window: Interval, instant: datetime) -> bool:
        assert self._read_window is not None  # noqa: S101 - the caller has checked it
        found, _ = self._read_window(window).at(instant, str(self._stream.time_column), self._time_of)
        return found.distinct > 0

    @property
    def _has_edges(self) -> bool:
        stream, rule = self._stream, self._stream.windows
        placed = stream.time_column is not None and bool(stream.key) and stream.paging.keeps_to_window
        known = stream.filters_time_column or not rule or rule.ends != "inclusive"
        return bool(placed and rule and rule.splits and known)

    def _take_edge(self, rows: WindowRows, window: Interval) -> _Edge:
        """Take the rows on a window's end away, and note whether rows on its start came."""
        column, rule = str(self._stream.time_column), self._stream.windows
        assert rule is not None  # noqa: S101 - only a stream with windows has edges
        instants, (start, end) = arrays.integers(rows.table[column]), ends(window, rows.table[column].type)
        times = {row.raw: self._time_of(row) for row in rows.rejected}
        if (instants == start).any() or window.start in times.values():
            self._starts_held, self.starts_held_at = True, self._slot.start if self._slot else None
            self._remembered = False
        elif self._starts_held is None and self._on_step is None and self._stream.reject_outside_window:
            steps = _row_on_step(instants, start, end, duration(rule.step, rows.table[column].type))
            self._on_step = None if steps is None else window.start + steps * rule.step
        on_end = None
        if (instants == end).any() or window.end in times.values():
            on_end, _ = rows.at(window.end, column, self._time_of)
            self.ends_held_at = self._slot.start if self._slot else None
            rows.filter(instants != end)
            rows.rejected = [row for row in rows.rejected if times[row.raw] != window.end]
        return _Edge(on_end, frozenset(raw for raw, time in times.items() if time is None))

    def _note_left_out(self, window: Interval) -> None:
        if self._starts_held is not False:
            log.warning(
                "stream %s: rows of %s did not come with the window that starts there, so the provider seems to leave out the "
                "start of a window; they are kept in the slot that starts there all the same",
                self._stream.name,
                window.start.isoformat(),
            )
        self._starts_held, self.starts_held_at = False, None


def _row_on_step(instants: npt.NDArray[np.int64], start: int, end: int, step: int) -> int | None:
    """Return how many steps after a window's start a row inside it lies, if one lies on a step; else None."""
    after = instants[(instants > start) & (instants < end)] - start
    steps = after[after % step == 0] // step
    return int(steps[0]) if len(steps) else None
