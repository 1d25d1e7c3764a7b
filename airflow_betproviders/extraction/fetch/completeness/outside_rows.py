"""Refuse rows outside the requested window: the provider answered another question, or its times are read wrongly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from airflow_betproviders.declare.fields import Epoch, OddValue
from airflow_betproviders.declare.fields.json_text import NotJson, read_document
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.answers.instants import as_text, duration, ends
from airflow_betproviders.extraction.answers.rejected_times import ABSURD, RejectedTimes
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.lake.quarantine import RejectedRow

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_betproviders.extraction.fetch.source import Source

# Fewer than one row in so many outside the requested window are the provider's mistake; more show a wrong zone, unit or column.
_SLIP = 100
# By how much an epoch in another unit differs: seconds, milliseconds, microseconds.
_OTHER_UNITS = (1e3, 1e-3, 1e6, 1e-6)

Mask = npt.NDArray[np.bool_]


class OutsideRows:
    """Move rows outside the requested window to quarantine, or refuse the window."""

    def __init__(self, source: Source, stream: Stream) -> None:
        """Bind the account and the stream."""
        self._source = source
        self._stream = stream
        self._times = RejectedTimes(stream, source.utc_offset)

    def remove(self, rows: WindowRows, asked: Interval, *, always: bool = False) -> int:
        """Move rows outside an interval to quarantine, and return how many there are.

        Rows with a time ten years away go to quarantine whatever their number, unless another unit explains the time.

        Args:
            rows: the rows; those outside are taken from them.
            asked: the interval.
            always: whether to do so where it isn't known which column windows filter; else such rows are only counted.

        Raises:
            ProviderRequestError: one row in a hundred or more lies outside, as with a wrong zone, unit or column.
        """
        outside, absurd = self._outside(rows, asked)
        count = int(outside.sum())
        if not (self._stream.reject_outside_window or always):
            return count
        self._refuse(rows, asked, outside, absurd)
        if count:
            columns = self._stream.window_columns
            rows.reject(outside, lambda row: f"{_times(row, columns)}: outside the window {asked}")
        return count

    def check(self, rows: WindowRows, asked: Interval, among: int) -> None:
        """Refuse a piece of a window under the rule of `remove`, where it is known which column windows filter.

        Args:
            rows: the rows; they stay as they are.
            asked: the piece.
            among: rows of the window, of which those of the piece are some.

        Raises:
            ProviderRequestError: rows outside the piece are one in a hundred or more of the window's.
        """
        if self._stream.reject_outside_window and not self._stream.has_outside_rows:
            self._refuse(rows, asked, *self._outside(rows, asked), among)

    def _refuse(self, rows: WindowRows, asked: Interval, outside: Mask, absurd: Mask, among: int = 0) -> None:
        count = int((outside & ~absurd).sum()) + len(self._times.outside(rows.rejected, asked))
        count += sum(self._in_other_unit(row, asked) for row in rows.rejected)
        if count * _SLIP >= max(rows.distinct, among, 1):
            raise self._refusal(rows, asked, outside, count)

    def _outside(self, rows: WindowRows, asked: Interval) -> tuple[Mask, Mask]:
        """Return which rows lie outside an interval, and which of them have a time ten years away."""
        outside = np.ones(rows.table.num_rows, bool)
        absurd = outside.copy()
        for name in self._stream.window_columns:
            column = rows.table[name]
            instants, (start, end) = arrays.integers(column), ends(asked, column.type)
            outside &= (instants < start) | (instants > end)
            if outside.any():
                absurd &= self._absurd(name, column, asked)
        return outside, absurd

    def _absurd(self, name: str, column: pa.ChunkedArray, asked: Interval) -> Mask:
        """Return which times are ten years away from an interval, in any unit."""
        instants, (start, end) = arrays.integers(column), ends(asked, column.type)
        years = duration(ABSURD, column.type)
        absurd: Mask = (instants < start - years) | (instants > end + years)
        if isinstance(self._stream.field(name).kind, Epoch):
            for unit in _OTHER_UNITS:
                absurd &= (instants * unit < start) | (instants * unit > end)
        return absurd

    def _in_other_unit(self, row: RejectedRow, asked: Interval) -> bool:
        """Return whether a rejected row's time, an epoch, lies in the interval once it is read in another unit."""
        column = str(self._stream.time_column)
        kind = self._stream.field(column).kind
        if not isinstance(kind, Epoch) or not row.reason.startswith(f"{column}:"):
            return False
        try:
            seconds = float(kind.seconds(read_document(row.raw).get(column), self._source.utc_offset))
        except (NotJson, OddValue):
            return False
        return any(asked.start.timestamp() <= seconds * unit <= asked.end.timestamp() for unit in _OTHER_UNITS)

    def _refusal(self, rows: WindowRows, asked: Interval, outside: Mask, count: int) -> ProviderRequestError:
        columns = self._stream.window_columns
        shown = rows.table[columns[0]].filter(arrays.mask(outside))
        example = f", one at {as_text(shown[0].as_py())}" if len(shown) else ""
        offset = offset_text(self._source.utc_offset)
        return ProviderRequestError(
            f"{self._source.label}, stream {self._stream.name}, window {asked}: {count} of {rows.distinct} rows have "
            f"{' and '.join(columns)} outside the window{example}. Nothing of it was stored. Either the times are in another "
            f"zone or unit than assumed (UTC offset {offset}): set utc_offset in the connection's extra, where it has one, "
            "e.g. -04:00 or +08:00. Or the provider filters another column: set filter_column, where the extra has it, or ask "
            "the provider."
        )


def offset_text(offset: timedelta) -> str:
    """Format an offset from UTC in ISO 8601: ``-04:00``."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _times(row: Mapping[str, object], columns: Iterable[str]) -> str:
    return ", ".join(f"{name} {as_text(row[name])}" for name in columns)
