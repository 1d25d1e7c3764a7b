"""Find the rows that left a window while it was read: a row that changes moves to the time of its change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.row_versions import RowVersions

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

_MINUTE = timedelta(minutes=1)
# The provider's clock may differ from ours by so much.
_SKEW = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class ReadVersions(Protocol):
    """Read the keys and versions of a window's rows by calls of its own."""

    def __call__(self, window: Interval, /) -> RowVersions:
        """Return the rows that the provider's answers for the window show, complete or not."""


class MovedRows:
    """Find out whether missing rows have moved to a later window, or an older copy of the provider's data lacks them."""

    def __init__(self, source: Source, stream: Stream, read_versions: ReadVersions) -> None:
        """Begin a run.

        Args:
            source: the account.
            stream: the stream.
            read_versions: reads later windows.
        """
        self._source = source
        self._stream = stream
        self._read_versions = read_versions
        self._since = source.now() - stream.lag - _SKEW

    def explain(self, gone: RowVersions, shown: RowVersions, window: Interval | None) -> bool:
        """Return whether later windows have the rows that a window no longer shows, or shows in older versions only.

        Windows of the time since the run began are read for them, the newest first. A snapshot has no later windows: up to
        half of its rows may be gone.

        Args:
            gone: the missing rows.
            shown: all rows that the window has shown.
            window: the window; None for a snapshot.
        """
        if not len(gone):
            return True
        if window is None:
            return 2 * len(gone) <= len(shown)
        if not self._stream.rows_move or not self._stream.time_column:
            return False
        for later in self._after(window):
            gone = gone.lacking_in(self._read_versions(later))
            if not len(gone):
                return True
        return False

    def _after(self, window: Interval) -> Iterator[Interval]:
        """Yield later windows, from now back to the start of the run or the window's end, over ever longer intervals."""
        rule = self._stream.windows
        if rule is None or rule.sliding:
            return
        now = self._source.now()
        end, first = now - (now - _EPOCH) % rule.step, max(window.end, self._since)
        width = -(-_MINUTE // rule.step) * rule.step
        while end > first:
            start = max(end - width, first - (first - _EPOCH) % rule.step)
            yield from reversed(windows.split_slot(Interval(start, end), rule))
            end, width = start, 2 * width
