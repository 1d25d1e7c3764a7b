"""Refuse a report whose rows are of other days than those requested: the provider's days begin at another hour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from airflow_betproviders.declare.fields.base import quoted
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import WindowChanged
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.answers.window_rows import WindowRows

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?", re.ASCII | re.DOTALL)
_SECOND = timedelta(seconds=1)


class ReportDays:
    """Compare the day that each row of a report names with the days of its window.

    | the row names | it |
    |---|---|
    | a day of the window | is kept |
    | the day that begins at the window's end, and has no figure but 0 | is left out: the next window has it |
    | this day, and has figures, but not in the same window a second earlier | is left out: windows include their end |
    | another day | fails the task |
    | no day that can be read | goes to quarantine |

    Windows that include their end give the bets in the second of midnight to two days. In a wrong zone, the window a second
    earlier has figures of the day after its end, too, unless all of them are of the last second.
    """

    def __init__(self, source: Source, stream: Stream) -> None:
        """Bind the account, for messages, and the stream. Without a `Stream.day_column`, nothing is compared."""
        self._source = source
        self._stream = stream

    def earlier_window(self, rows: WindowRows) -> Interval | None:
        """Return the window to request as well, a second earlier, if rows have figures of the day after the end; else None."""
        window = rows.window
        if window is None:
            return None
        after_end = [row for day, row in self._days(rows) if day == _day_after(window)]
        if not any(map(self._has_figures, after_end)):
            return None
        return Interval(window.start - _SECOND, window.end - _SECOND)

    def check(self, rows: WindowRows, earlier: WindowRows | None = None) -> None:
        """Take away the rows of the day after the window's end, and reject those that name no day.

        Args:
            rows: the rows of a window.
            earlier: the rows of `earlier_window`; None if it was not requested.

        Raises:
            ProviderRequestError: rows have figures of another day. The message names the day and the cure.
            WindowChanged: the two windows have different figures of one day.
        """
        window, column = rows.window, self._stream.day_column
        if window is None or column is None:
            return
        unreadable = np.array([_day(value) is None for value in rows.table[column].to_pylist()], bool)
        rows.reject(unreadable, lambda row: f"{column}: expected a day such as 2026-11-20, got {quoted(row[column])}")
        kept = np.ones(rows.table.num_rows, bool)
        for number, (day, row) in enumerate(self._days(rows)):
            if _holds(window, day):
                continue
            if day != _day_after(window) or (earlier is None and self._has_figures(row)):
                raise self._refusal(window, day)
            kept[number] = False
        rows.filter(kept)
        if earlier is not None:
            self._compare(rows, window, earlier)

    def _compare(self, rows: WindowRows, window: Interval, earlier: WindowRows) -> None:
        """Check that a window a second earlier has the same figures for the same days, and none for the day after."""
        rows_by_day = dict(self._days(earlier))
        if self._has_figures(rows_by_day.get(_day_after(window), {})):
            raise self._refusal(window, _day_after(window))
        for day, row in self._days(rows):
            if self._figures(rows_by_day.get(day, {})) != self._figures(row):
                raise WindowChanged(f"the figures of {day} differ in a window that begins and ends a second earlier")

    def _days(self, rows: WindowRows) -> Iterator[tuple[date, dict[str, Any]]]:
        """Yield each row that names a day that can be read, after the day."""
        if column := self._stream.day_column:
            for row in rows.table.to_pylist():
                if day := _day(row[column]):
                    yield day, row

    def _figures(self, row: dict[str, Any]) -> list[Any]:
        return [row.get(field.name) for field in self._stream.fields if field.name != self._stream.day_column]

    def _has_figures(self, row: dict[str, Any]) -> bool:
        return any(self._figures(row))

    def _refusal(self, window: Interval, day: date) -> ProviderRequestError:
        return ProviderRequestError(
            f"{self._source.label}, stream {self._stream.name}, window {window}: the answer has figures of {day}, which is not a "
            "day of the window. Nothing of it was stored. The provider's days begin at another hour than midnight UTC, or it "
            "answered another request; ask the provider."
        )


def _holds(window: Interval, day: date) -> bool:
    """Return whether a part of the day lies in the window."""
    return window.start.date() <= day <= window.end.date() and day != _day_after(window)


def _day_after(window: Interval) -> date:
    """Return the day that begins at the window's end; `date.max` if none does."""
    return window.end.date() if window.end.timestamp() % 86_400 == 0 else date.max


def _day(value: Any) -> date | None:
    match = _DAY.fullmatch(str(value).strip())
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
