"""Put rows on the boundaries of windows where they belong, and refuse rows that a window shouldn't hold.

JDB and GM-Ag do not say whether a window holds its start, its end, or both. A row on a boundary belongs to the window
that starts there, whichever window brings it:

| windows hold | a row on the boundary of two windows | on the start of a slot | on the end of a slot |
|---|---|---|---|
| ``[ )`` | comes with the later | comes | doesn't come |
| ``[ ]`` | comes with both, counts once | comes | comes; left to the next slot |
| ``( ]`` | comes with the earlier, is moved to the later | doesn't come: the slot before brought it, or one more call asks for it | comes; left to the next slot |

Which of these holds is seen from the rows on boundaries inside the slots of a run. Only where these show nothing, or
that windows leave out their start, the first slot of a run costs one more call, for a window that has its start inside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.completeness.outside_rows import OutsideRows
from airflow_betproviders.extraction.fetch.completeness.window_rows import WindowRows, ends

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

log = logging.getLogger(__name__)

ReadEdge = Callable[[datetime], WindowRows | None]


class WindowBoundaries:
    """Puts the rows of a run's windows in their places; slots and their windows come in order.

    Attributes:
        outside: rows of the slot that lie outside the window that brought them.
    """

    def __init__(
        self, source: Source, stream: Stream, read_edge: ReadEdge | None = None, *, carry: bool = True
    ) -> None:
        """Begin a run.

        Args:
            source: the account.
            stream: the stream.
            read_edge: makes the one more call, for a window that has an instant inside.
            carry: whether a slot takes rows on its start from the answers of the slot before; where replies are
                archived it asks for them, so that its archive is complete.
        """
        self._stream = stream
        self._read_edge = read_edge
        self._carry = carry
        self._outside_rows = OutsideRows(source, stream)
        rule = stream.windows
        self._starts_held: bool | None = True if rule and rule.ends else None
        self._slot: Interval | None = None
        self._before: WindowRows | None = None
        self._at_end: WindowRows | None = None
        self._starts_asked = False
        self.outside = 0

    def begin(self, slot: Interval) -> None:
        """Begin a slot, or begin it again."""
        if self._slot != slot:
            follows = self._slot is not None and self._slot.end == slot.start
            self._before = self._at_end if follows else None
            self._starts_asked = not follows
            self._slot = slot
        self._at_end = self._before
        self.outside = 0

    def place(self, rows: WindowRows) -> None:
        """Hold back what lies on the window's end, and add what was held back at its start and did not come again.

        Raises:
            ProviderRequestError: too many rows lie outside the window, of a stream where that means a wrong zone or column.
        """
        column, window = self._stream.time_column, rows.window
        if column is None or window is None:
            return
        self.outside += self._outside_rows.remove(rows, window)
        if not self._has_edges:
            return
        instants, (start, end) = arrays.integers(rows.table[column]), ends(window, rows.table[column].type)
        if (instants == start).any():
            self._starts_held = True
        before, self._at_end = self._at_end, None
        if (instants == end).any():
            self._at_end = WindowRows(window, rows.table, rows.hashes)
            self._at_end.keep(instants == end)
            rows.keep(instants != end)
        if before is not None and before.hashes is not None and rows.hashes is not None:
            missing = ~np.isin(before.hashes, rows.hashes)
            before = WindowRows(before.window, before.table, before.hashes)
            before.keep(missing)
            if before.table.num_rows:
                self._note_left_out(window)
                if self._carry or self._slot is None or window.start != self._slot.start:
                    self._prepend(before, rows)
                else:
                    self._starts_asked = True

    def rest(self) -> WindowRows | None:
        """Return the rows on the slot's start that no window brought, by one more call where they may exist."""
        asked, self._starts_asked = self._starts_asked, False
        if not asked or self._starts_held or self._read_edge is None or self._slot is None or not self._has_edges:
            return None
        assert self._stream.time_column  # noqa: S101 - there are edges
        rows = self._read_edge(self._slot.start)
        if rows is None:
            return None
        column = rows.table[self._stream.time_column]
        rows.keep(arrays.integers(column) == ends(self._slot, column.type)[0])
        if not rows.table.num_rows:
            return None
        self._note_left_out(self._slot)
        return rows

    @property
    def _has_edges(self) -> bool:
        stream, rule = self._stream, self._stream.windows
        placed = stream.time_column is not None and stream.paging.keeps_to_window
        return bool(placed and rule and rule.splits and (stream.filters_time_column or not rule.ends))

    @staticmethod
    def _prepend(before: WindowRows, rows: WindowRows) -> None:
        assert before.hashes is not None  # noqa: S101 - compared by them
        assert rows.hashes is not None  # noqa: S101 - compared by them
        rows.table = pa.concat_tables([before.table, rows.table])
        rows.hashes = np.concatenate([before.hashes, rows.hashes])

    def _note_left_out(self, window: Interval) -> None:
        if self._starts_held is not False:
            log.warning(
                "stream %s: rows of %s did not come with the window that starts there, so the provider seems to leave out the "
                "start of a window; they are kept in the slot that starts there all the same",
                self._stream.name,
                window.start.isoformat(),
            )
        self._starts_held = False
