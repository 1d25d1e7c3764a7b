"""Find the times of rejected rows. A row without a stake still has its time, so it belongs to a window like any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from airflow_betproviders.declare.fields import OddValue
from airflow_betproviders.declare.fields.json_text import NotJson, read_document
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.quarantine import RejectedRow

# A time so far away is not explained by a wrong zone or column: the value itself is wrong.
ABSURD = timedelta(days=3653)


class RejectedTimes:
    """Read the times of rejected rows of one stream of one account."""

    def __init__(self, stream: Stream, utc_offset: timedelta) -> None:
        """Bind the stream, and the fixed offset of the account's local times."""
        self._stream = stream
        self._utc_offset = utc_offset

    def __call__(self, row: RejectedRow) -> datetime | None:
        """Return a row's time in the stream's time column, UTC; None where it has none that can be read."""
        return self._read(row, self._stream.time_column)

    def outside(self, rows: Sequence[RejectedRow], window: Interval) -> list[RejectedRow]:
        """Return the rows whose times all lie outside a window, by the columns that windows filter. Its ends count as inside.

        A row with a time that can't be read, or is absurd, is not among them.
        """
        outside = []
        for row in rows:
            times = [self._read(row, name) for name in self._stream.window_columns]
            if times and all(time is not None and _near(time, window) for time in times):
                outside.append(row)
        return outside

    def inside(self, rows: Sequence[RejectedRow], window: Interval) -> list[RejectedRow]:
        """Return the rows whose time lies in a window, its end not included, or can't be read."""
        times = zip(rows, map(self, rows), strict=True)
        return [row for row, time in times if time is None or window.start <= time < window.end]

    def _read(self, row: RejectedRow, column: str | None) -> datetime | None:
        if column is None:
            return None
        try:
            cell = self._stream.field(column).kind.cell(read_document(row.raw).get(column), self._utc_offset)
            return None if cell is None else datetime.fromisoformat(json.loads(cell)).replace(tzinfo=timezone.utc)
        except (NotJson, OddValue, ValueError, TypeError):
            return None


def _near(time: datetime, window: Interval) -> bool:
    """Return whether a time lies outside a window, and less than ten years away."""
    outside = not window.start <= time <= window.end
    return outside and abs(time - window.start) < ABSURD
