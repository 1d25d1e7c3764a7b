"""Reading windows whole.

A window counts as read when the provider's total equals the distinct keys read, and stayed the same from the first page
to the last; where there is no total, when an answer is not full.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.extraction import keys, windows
from airflow_betproviders.extraction.decode import Page
from airflow_betproviders.extraction.interval import Interval
from airflow_betproviders.extraction.paging import Cursor, Limited, Pages, Whole
from airflow_betproviders.extraction.rows import BadRow
from airflow_betproviders.extraction.stream import Source, Stream

log = logging.getLogger(__name__)

READS = 5
# After so many reads of a window that kept changing, it is read in parts.
_PATIENT_READS = 2
# Calls that wait for an answer or to be used while a window is worked on.
AHEAD = 2
# So many rows of a window are held in memory at once.
MOST_ROWS = 50_000
# A window is planned for so much more than the windows before it held, so that it seldom has to be split after all.
_HEADROOM = 1.15

Call = Callable[[Interval | None, Mapping[str, Any]], Page]
Ask = Callable[[], Page]


@dataclass
class WindowRows:
    """The rows of one window, each key once.

    Attributes:
        window: what was asked; None for a snapshot.
        table: its good rows.
        hashes: of their keys, where the stream has one.
        bad: its rows that do not fit.
        total: the provider's count, where it gives one.
        duplicates: rows that came more than once.
        slow_pages: answers that went the row-by-row way.
    """

    window: Interval | None
    table: pa.Table
    hashes: keys.Hashes | None = None
    bad: list[BadRow] = field(default_factory=list)
    total: int | None = None
    duplicates: int = 0
    slow_pages: int = 0

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that the mask leaves out."""
        self.table = self.table.filter(pa.array(mask))
        if self.hashes is not None:
            self.hashes = self.hashes[mask]


class _Moved(Exception):
    """The window changed while its pages were read."""


class Reader:
    """Reads the windows of one stream.

    Attributes:
        rereads: reads that were begun again because the window changed under them.
    """

    def __init__(
        self, source: Source, stream: Stream, filters: Mapping[str, Any], call: Call, pool: Executor | None = None
    ) -> None:
        """Bind the account, the stream, its filters, and the way to make a call; a pool asks ahead in its threads."""
        self._source = source
        self._stream = stream
        self._filters = filters
        self._call = call
        self._pool = pool or _Here()
        self._depth = AHEAD if pool else 0
        self.rereads = 0
        self._density = 0.0

    def read(self, given: Iterable[Interval | None]) -> Iterator[WindowRows]:
        """Read windows (None for a snapshot) whole and in order, in parts where they must be split.

        Raises:
            IncompleteWindow: after bounded attempts; the message names the counts.
        """
        parts: deque[Interval | None] = deque()
        for first in self._ahead(self._firsts(given, parts)):
            for rows in self._read(parts.popleft(), first):
                yield rows
                if rows.window is not None:
                    self._density = (rows.table.num_rows + len(rows.bad)) / rows.window.width.total_seconds()

    def _firsts(self, given: Iterable[Interval | None], parts: deque[Interval | None]) -> Iterator[Ask]:
        """The first call of each window; notes in ``parts`` which window it is of."""
        for window in given:
            for part in self._planned(window):
                parts.append(part)
                yield partial(self._ask, part, **self._opening(part))

    def _opening(self, window: Interval | None) -> dict[str, Any]:
        match self._stream.paging:
            case Pages() as paging:
                return paging.params(0)
            case Limited(param=param, limit=limit):
                return {param: limit}
            case Cursor(param=param) if window is not None:
                return {param: self._source.cursor(self._stream, _ms(window.start) - 1)}
            case _:
                return {}

    def _ahead(self, asks: Iterable[Ask]) -> Iterator[Page]:
        """The answers in order, a few of them asked for ahead."""
        pending: deque[Future[Page]] = deque()
        try:
            for ask in asks:
                pending.append(self._pool.submit(ask))
                if len(pending) > self._depth:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _planned(self, window: Interval | None) -> tuple[Interval | None, ...]:
        """A window that, by the one before it, holds too many rows is cut at once, without asking for them in vain."""
        if window is None or self._stream.windows is None:
            return (window,)
        expected = self._density * window.width.total_seconds() * _HEADROOM
        return windows.split(window, max(1, math.ceil(expected / self._most)), self._stream.windows)

    @property
    def _most(self) -> int:
        """The most rows of a window that are read in one go."""
        match self._stream.paging:
            case Pages(believed_total=int(cap)):
                return min(MOST_ROWS, cap - 1)
            case Limited(limit=limit):
                return limit - 1
            case _:
                return MOST_ROWS

    def _read(self, window: Interval | None, first: Page) -> Iterator[WindowRows]:
        match self._stream.paging:
            case Pages() as paging:
                yield from self._paged(window, first, paging)
            case Limited() as paging:
                yield from self._limited(window, first, paging)
            case Cursor() as paging:
                yield self._followed(window, first, paging)
            case Whole():
                yield self._whole(window, [first])

    def _ask(self, window: Interval | None, **paging: Any) -> Page:
        return self._call(window, {**self._source.params(self._stream, window, self._filters), **paging})

    def _reopen(self, window: Interval | None) -> Page:
        return self._ask(window, **self._opening(window))

    def _paged(self, window: Interval | None, first: Page, paging: Pages) -> Iterator[WindowRows]:
        for read in range(1, READS + 1):
            total = self._total(first, window)
            parts = self._parts(window, total, paging, restless=read > _PATIENT_READS)
            if len(parts) > 1:
                for part in parts:
                    yield from self._paged(part, self._reopen(part), paging)
                return
            if paging.believed_total is not None and total == paging.believed_total:
                raise self._incomplete(window, f"the provider counts exactly {total} rows, the most it ever answers")
            try:
                yield self._pages(window, first, total, paging)
            except _Moved as moved:
                if read == READS:
                    change = str(moved)
                    break
                self.rereads += 1
                log.warning("stream %s, window %s: %s; reading it again", self._stream.name, window, moved)
                first = self._reopen(window)
            else:
                return
        raise self._incomplete(window, f"{change}, in each of {READS} reads")

    def _parts(
        self, window: Interval | None, total: int, paging: Pages, *, restless: bool
    ) -> tuple[Interval | None, ...]:
        """Whether to ask in smaller windows: for a total that may be a cap, too many rows, or a restless window."""
        if window is None or self._stream.windows is None:
            return (window,)
        parts = math.ceil(total / self._most)
        if restless and total > paging.page_size:
            parts = max(parts, 2)
        return windows.split(window, parts, self._stream.windows)

    def _pages(self, window: Interval | None, first: Page, total: int, paging: Pages) -> WindowRows:
        pages = [first]
        rest = (partial(self._ask, window, **paging.params(index)) for index in range(1, -(-total // paging.page_size)))
        for page in self._ahead(rest):
            if self._total(page, window) != total:
                raise _Moved(f"the total went from {total} to {page.total} between pages")
            pages.append(page)
        rows = self._whole(window, pages)
        rows.total = total
        distinct = rows.table.num_rows + len(rows.bad)
        if distinct != total:
            raise _Moved(f"the provider counts {total} rows, {distinct} distinct ones came")
        return rows

    def _limited(self, window: Interval | None, page: Page, paging: Limited) -> Iterator[WindowRows]:
        if page.table.num_rows + len(page.bad) < paging.limit:
            yield self._whole(window, [page])
            return
        halves = windows.split(window, 2, self._stream.windows) if window and self._stream.windows else ()
        if len(halves) < 2:
            raise self._incomplete(
                window,
                f"the answer is full ({paging.limit} rows), there are no further pages, and the window cannot be halved",
            )
        for half in halves:
            yield from self._limited(half, self._reopen(half), paging)

    def _followed(self, window: Interval | None, page: Page, paging: Cursor) -> WindowRows:
        """Follow the cursor from a millisecond before the start, whether the provider counts the start in or not."""
        assert window is not None  # noqa: S101 - a cursor stream has windows
        clock = str(self._stream.clock)
        position, end = _ms(window.start) - 1, _ms(window.end)
        pages = [page]
        while page.table.num_rows + len(page.bad) >= paging.limit and page.table.num_rows:
            last = pc.max(page.table[clock].cast(pa.int64())).as_py()
            if last >= end:
                break
            if last - 1 <= position:
                raise self._incomplete(window, f"more than {paging.limit} rows share one millisecond")
            position = last - 1
            page = self._ask(window, **{paging.param: self._source.cursor(self._stream, position)})
            pages.append(page)
        rows = self._whole(window, pages)
        instants = rows.table[clock].cast(pa.int64()).to_numpy()
        rows.keep((instants >= _ms(window.start)) & (instants < end))
        return rows

    def _whole(self, window: Interval | None, pages: list[Page]) -> WindowRows:
        table = pa.concat_tables([page.table for page in pages])
        bad = list({row.raw: row for page in pages for row in page.bad}.values())
        rows = WindowRows(window, table, bad=bad, slow_pages=sum(not page.quick for page in pages))
        if self._stream.key:
            rows.hashes = keys.hashes(table, self._stream.key)
            suspects = np.flatnonzero(np.isin(rows.hashes, keys.shared(np.sort(rows.hashes))))
            if len(suspects):
                dropped = keys.losers(table.take(pa.array(suspects)), self._stream.key, self._stream.version)
                once = np.ones(table.num_rows, bool)
                once[suspects[dropped]] = False
                rows.keep(once)
                rows.duplicates = len(dropped)
        return rows

    def _total(self, page: Page, window: Interval | None) -> int:
        if page.total is None:
            raise self._incomplete(window, "the answer has no total, so nothing shows that it is whole")
        return page.total

    def _incomplete(self, window: Interval | None, reason: str) -> Exception:
        from airflow_betproviders.exceptions import IncompleteWindow

        return IncompleteWindow(
            f"{self._source.label}, stream {self._stream.name}, window {window or 'now'}: {reason}. Nothing was stored for it."
        )


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


class _Here(Executor):
    """Makes a call when it is asked for, in the thread that asks."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function and give its outcome."""
        outcome: Future[Any] = Future()
        try:
            outcome.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed on, as any executor does
            outcome.set_exception(error)
        return outcome
