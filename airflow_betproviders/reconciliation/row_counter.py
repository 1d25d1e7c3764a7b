"""Count a window's rows at the provider without reading them: request its total with the smallest page."""

from __future__ import annotations

from collections.abc import Callable

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.source import Source


class RowCounter:
    """Counts rows of one stream of one account, whose answers have a total (`PageNumber`)."""

    def __init__(self, source: Source, stream: Stream, *, check_time: Callable[[Interval], None] | None = None) -> None:
        """Bind the account and the stream; ``check_time`` raises when the provider no longer keeps a window."""
        assert isinstance(stream.paging, PageNumber)  # noqa: S101 - others give no total
        assert stream.windows is not None  # noqa: S101 - a snapshot has no windows to count
        self._source = source
        self._stream = stream
        self._rule = stream.windows
        self._total_cap = stream.paging.total_cap
        self._page = stream.paging.limited_to(1).first(None)
        self._check_time = check_time
        self._caller: Caller[Page] = Caller(
            source, stream, Decoder(stream, source.utc_offset, hide_secrets=source.hide_secrets)
        )

    @property
    def calls(self) -> int:
        """Return the number of calls made so far."""
        return self._caller.calls

    def __call__(self, interval: Interval) -> int:
        """Request how many rows the provider has in an interval now.

        Raises:
            IncompleteWindow: an answer has no total, or one that may be a cap in a window that cannot be split.
        """
        return sum(self._count(window) for window in windows.split_slot(interval, self._rule))

    def _count(self, window: Interval) -> int:
        if self._check_time is not None:
            self._check_time(window)
        total = self._caller(window, {**self._source.params(self._stream, window, {}), **self._page}).total
        if total is not None and (self._total_cap is None or total < self._total_cap):
            return total
        halves = windows.split(window, 2, self._rule)
        if total is not None and len(halves) > 1:
            return sum(self._count(half) for half in halves)
        raise IncompleteWindow(
            f"{self._source.label}, stream {self._stream.name}, window {window}: "
            + ("the answer has no total" if total is None else f"the provider counts {total} rows, the most it answers")
            + ", so the window cannot be counted."
        )
