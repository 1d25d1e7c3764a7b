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

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from airflow_betproviders.declare.fields import Epoch
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.fetch.window_rows import WindowRows, ends
from airflow_betproviders.lake.quarantine import RejectedRow

log = logging.getLogger(__name__)

# One row in so many outside the window that was asked for is the provider's slip; more are a wrong zone, unit or column.
_SLIP = 100
# By how much an epoch in another unit differs: seconds, milliseconds, microseconds.
_OTHER_UNITS = (1e3, 1e-3, 1e6, 1e-6)
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}

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


class OutsideRows:
    """Judges rows that lie outside what was asked for."""

    def __init__(self, source: Source, stream: Stream) -> None:
        """Bind the account and the stream."""
        self._source = source
        self._stream = stream

    def remove(self, rows: WindowRows, asked: Interval) -> int:
        """Move single rows outside an interval to quarantine, and return how many there are.

        Where it isn't known which column windows filter, rows are only counted.

        Raises:
            ProviderRequestError: one in a hundred rows lies outside: a wrong zone, unit or column.
        """
        stream, outside = self._stream, np.ones(rows.table.num_rows, bool)
        for name in stream.window_columns:
            column = rows.table[name]
            instants, (start, end) = arrays.integers(column), ends(asked, column.type)
            outside &= (instants < start) | (instants > end)
        count = int(outside.sum())
        if not stream.reject_outside_window:
            return count
        all_outside = count + sum(self._in_other_unit(row, asked) for row in rows.bad)
        if all_outside * _SLIP >= max(rows.distinct, 1):
            raise self._refusal(rows, asked, outside, all_outside)
        if count:
            rows.bad += [_rejected(row, stream, asked) for row in rows.table.filter(arrays.mask(outside)).to_pylist()]
            rows.keep(~outside)
        return count

    def _in_other_unit(self, row: RejectedRow, asked: Interval) -> bool:
        """Whether a rejected row's time, an epoch, lies in the interval once it is read in another unit."""
        column = str(self._stream.time_column)
        kind = self._stream.field(column).kind
        if not isinstance(kind, Epoch) or not row.reason.startswith(f"{column}:"):
            return False
        try:
            value = float(json.loads(row.raw)[column]) / _PER_SECOND[kind.unit]
        except (ValueError, TypeError, KeyError):
            return False
        return any(asked.start.timestamp() <= value * unit <= asked.end.timestamp() for unit in _OTHER_UNITS)

    def _refusal(
        self, rows: WindowRows, asked: Interval, outside: npt.NDArray[np.bool_], count: int
    ) -> ProviderRequestError:
        columns = self._stream.window_columns
        shown = rows.table[columns[0]].filter(arrays.mask(outside))
        example = f", one at {_text(shown[0])}" if len(shown) else ""
        offset = offset_text(self._source.utc_offset)
        return ProviderRequestError(
            f"{self._source.label}, stream {self._stream.name}, window {asked}: {count} of {rows.distinct} rows have "
            f"{' and '.join(columns)} outside the window{example}. Nothing of it was stored. Either the times are in another "
            f"zone or unit than assumed (UTC offset {offset}): set utc_offset in the connection's extra, where it has one, "
            "e.g. -04:00 or +08:00. Or the provider filters another column: set filter_column, where the extra has it, or ask "
            "the provider."
        )


def offset_text(offset: timedelta) -> str:
    """An offset from UTC as ISO 8601 writes it: ``-04:00``."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _rejected(row: dict[str, object], stream: Stream, window: Interval) -> RejectedRow:
    times = ", ".join(f"{name} {_text(row[name])}" for name in stream.window_columns)
    raw = json.dumps({name: value for name, value in row.items() if value is not None}, default=_text)
    return RejectedRow(raw, f"{times}: outside the window {window}")


def _text(value: object) -> str:
    value = value.as_py() if isinstance(value, pa.Scalar) else value
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)
