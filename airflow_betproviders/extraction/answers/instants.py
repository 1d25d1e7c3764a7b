"""Compare columns of instants with windows, as integers in the column's unit."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays

if TYPE_CHECKING:
    import pyarrow as pa

UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def duration(length: timedelta, instant: pa.TimestampType) -> int:
    """Return a length of time as an integer in the unit of a column of instants."""
    return length // UNITS[instant.unit]


def ends(window: Interval, instant: pa.TimestampType) -> tuple[int, int]:
    """Return a window's start and end as integers in the unit of a column of instants."""
    return units(window.start, instant), units(window.end, instant)


def units(at: datetime, instant: pa.TimestampType) -> int:
    """Return an instant as an integer in the unit of a column of instants."""
    return (at - _EPOCH) // UNITS[instant.unit]


def inside(table: pa.Table, stream: Stream, window: Interval) -> npt.NDArray[np.bool_]:
    """Return which rows lie in a window, its ends included, by at least one of the columns that windows filter."""
    is_inside = np.zeros(table.num_rows, bool)
    for name in stream.window_columns:
        column = table[name]
        instants, (start, end) = arrays.integers(column), ends(window, column.type)
        is_inside |= (instants >= start) & (instants <= end)
    return is_inside


def as_text(value: object) -> str:
    """Return a value of a row as text; an instant in UTC, as ISO 8601."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return str(value)
