"""Reading windows whole.

A window counts as read when the provider's total equals the distinct keys read, and stayed the same from the first page
to the last; where there is no total, when an answer is not full.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import LimitedAnswer, PageNumber, SingleAnswer, TimestampCursor
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.decode import arrays, keys
from airflow_betproviders.extraction.decode.coerce import OddCounts
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.calls import CONNECTIONS
from airflow_betproviders.extraction.fetch.planner import Planner
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source
from airflow_betproviders.lake.quarantine import RejectedRow

log = logging.getLogger(__name__)

READS = 5
# After so many reads of a window that kept changing, it is read in parts.
_PATIENT_READS = 2
# Answers with so many rows are received at once.
_ROWS_RECEIVED = 45_000
# Calls that may have been in vain when a window turns out not to be whole.
_CALLS_ASKED = 32

Call = Callable[[Interval | None, Mapping[str, Any], AnswerPermit | None], Page]
Ask = Callable[[AnswerPermit | None], Page]


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
        counts: values that were not as declared.
        slow_pages: answers that went the row-by-row way.
        calls: the numbers of the calls that brought it.
    """

    window: Interval | None
    table: pa.Table
    hashes: keys.Hashes | None = None
    bad: list[RejectedRow] = field(default_factory=list)
    total: int | None = None
    duplicates: int = 0
    counts: OddCounts = field(default_factory=OddCounts)
    slow_pages: int = 0
    calls: tuple[int, ...] = ()

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that the mask leaves out."""
        self.table = self.table.filter(arrays.mask(mask))
        if self.hashes is not None:
            self.hashes = self.hashes[mask]

    def take(self) -> tuple[pa.Table, keys.Hashes | None]:
        """Hand the rows over, so that nothing else keeps them in memory."""
        taken = self.table, self.hashes
        self.table, self.hashes = self.table.slice(0, 0), None
        return taken


@dataclass
class _Answer:
    """An answer to come.

    Attributes:
        page: what it is decoded to.
        permit: lets it into memory; until it is granted, no more than the beginning of a large one is received.
    """

    page: Future[Page]
    permit: AnswerPermit


@dataclass
class _Reading:
    """A window on its way.

    Attributes:
        window: what is asked; None for a snapshot.
        to_ask: calls that are still to be made.
        asked: answers to come, in order.
        number: how many times the window was begun.
        begun: whether the first answer was looked at.
    """

    window: Interval | None
    to_ask: deque[Ask]
    asked: deque[_Answer] = field(default_factory=deque)
    number: int = 1
    begun: bool = False


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
        self._ahead = pool is not None
        self._alone = ThreadPoolExecutor(1, thread_name_prefix="betproviders-large")
        self._waiting: deque[_Reading] = deque()
        self._to_open: Iterator[Interval | None] = iter(())
        self.rereads = 0
        self._planner = Planner(stream)
        self._page_rows = _ROWS_RECEIVED

    def read(self, given: Iterable[Interval | None]) -> Generator[WindowRows, None, None]:
        """Read windows (None for a snapshot) whole and in order, in parts where they must be split.

        Raises:
            IncompleteWindow: after bounded attempts; the message names the counts.
        """
        self._to_open = iter(given)
        try:
            while first := self._at(0):
                rows = self._read(first)
                self._waiting.remove(first)
                if rows is not None:
                    yield rows
        finally:
            while self._waiting:
                self._drop(self._waiting.popleft())
            self._alone.shutdown(wait=False)

    def again(self, window: Interval | None, pages: list[Page]) -> WindowRows:
        """A window from the answers that made it up when it was read, under the same checks.

        Raises:
            IncompleteWindow: as they are decoded today, they no longer come to the provider's total.
        """
        match self._stream.paging:
            case PageNumber():
                try:
                    return self._counted(window, pages, self._total(pages[0], window))
                except _Moved as moved:
                    raise self._incomplete(window, str(moved)) from None
            case TimestampCursor() if window is not None:
                return self._inside(window, pages)
            case _:
                return self._whole(window, pages)

    def _at(self, place: int) -> _Reading | None:
        """The window at that place in the queue, cut where it likely holds too many rows; None where there is none.

        Further ones are taken up once it is known how dense their rows are.
        """
        if place == len(self._waiting):
            if place and self._planner.density is None:
                return None
            self._waiting.extend(map(self._reading, islice(self._to_open, 1)))
            if place == len(self._waiting):
                return None
        reading = self._waiting[place]
        if reading.number == 1 and not reading.asked and not reading.begun:
            parts = self._planner.plan(reading.window)
            if len(parts) > 1:
                self._read_instead(reading, map(self._reading, parts))
                self._waiting.remove(reading)
        return self._waiting[place]

    def _reading(self, window: Interval | None, number: int = 1) -> _Reading:
        return _Reading(window, deque([partial(self._ask, window, self._opening(window))]), number=number)

    @staticmethod
    def _drop(reading: _Reading) -> None:
        for answer in reading.asked:
            answer.page.cancel()
            answer.permit.revoke()

    def _opening(self, window: Interval | None) -> dict[str, Any]:
        match self._stream.paging:
            case PageNumber() as paging:
                return paging.params(0)
            case LimitedAnswer(param=param, limit=limit):
                return {param: limit}
            case TimestampCursor(param=param) if window is not None:
                return {param: self._source.cursor(self._stream, _ms(window.start) - 1)}
            case _:
                return {}

    def _next(self, reading: _Reading) -> Page:
        """The next answer of the window that is read, others asked for ahead."""
        if not reading.asked:
            self._submit(reading)
        self._ask_ahead()
        answer = reading.asked.popleft().page.result()
        self._begin(reading, answer)
        return answer

    def _ask_ahead(self) -> None:
        """Ask for the rest of the windows whose first answer is there, then for the first of further windows."""
        for waiting in self._waiting:
            if waiting.asked and (first := waiting.asked[0].page).done() and not first.exception():
                self._begin(waiting, first.result())
        spaced = bool(self._source.min_interval)
        more = self._most_asked - sum(len(reading.asked) for reading in self._waiting)
        place = 0
        while more > 0 and (reading := self._at(place)):
            if reading.to_ask:
                # The first of the window after it goes before: when its other pages are to be asked, they are known.
                if reading.begun and not spaced and (after := self._at(place + 1)) and not after.asked:
                    self._submit(after)
                    more -= 1
                self._submit(reading)
                more -= 1
            elif reading.begun or self._planner.fits_a_page(reading.window):
                place += 1
            else:
                break
        answers = (answer for reading in self._waiting for answer in reading.asked)
        for answer in islice(answers, self._most_received):
            answer.permit.grant()

    @property
    def _most_asked(self) -> int:
        """How many answers are waited for at once: so many that connections are not idle, even where few are received at once."""
        if not self._ahead:
            return 1
        if self._source.min_interval:  # one that waits for its turn is enough
            return min(2, self._most_received)
        return min(_CALLS_ASKED, self._most_received) if self._most_received > 1 else CONNECTIONS

    @property
    def _most_received(self) -> int:
        """How many answers are received and decoded at once."""
        return max(1, _ROWS_RECEIVED // self._page_rows)

    def _submit(self, reading: _Reading) -> None:
        permit = AnswerPermit(self._alone if self._ahead and self._most_received == 1 else None)
        reading.asked.append(_Answer(self._pool.submit(reading.to_ask.popleft(), permit), permit))

    def _begin(self, reading: _Reading, first: Page) -> None:
        """See by the first answer of a window what is still to be asked, and how dense the rows are."""
        if reading.begun:
            return
        reading.begun = True
        self._page_rows = max(1, first.table.num_rows)
        paging, window = self._stream.paging, reading.window
        self._planner.learn(
            window, first.total if isinstance(paging, PageNumber) else first.table.num_rows + len(first.bad)
        )
        if isinstance(paging, PageNumber) and len(self._parts(reading, first.total or 0, paging)) == 1:
            pages = range(1, -(-(first.total or 0) // paging.page_size))
            reading.to_ask += [partial(self._ask, window, paging.params(index)) for index in pages]

    def _read(self, reading: _Reading) -> WindowRows | None:
        """Read the first of the waiting windows; None where it has to be read anew, or in parts, which then wait."""
        match self._stream.paging:
            case PageNumber() as paging:
                return self._paged(reading, paging)
            case LimitedAnswer() as paging:
                return self._limited(reading, paging)
            case TimestampCursor() as paging:
                return self._followed(reading, paging)
            case SingleAnswer():
                return self._whole(reading.window, [self._next(reading)])

    def _ask(self, window: Interval | None, paging: Mapping[str, Any], permit: AnswerPermit | None) -> Page:
        return self._call(window, {**self._source.params(self._stream, window, self._filters), **paging}, permit)

    def _read_instead(self, reading: _Reading, others: Iterable[_Reading]) -> None:
        """Put others in the place of a window, right after it."""
        self._drop(reading)
        for place, other in enumerate(others, self._waiting.index(reading) + 1):
            self._waiting.insert(place, other)

    def _paged(self, reading: _Reading, paging: PageNumber) -> WindowRows | None:
        first = self._next(reading)
        window, total = reading.window, self._total(first, reading.window)
        parts = self._parts(reading, total, paging)
        if len(parts) > 1:
            self._read_instead(reading, map(self._reading, parts))
            return None
        if paging.total_cap is not None and total == paging.total_cap:
            raise self._incomplete(window, f"the provider counts exactly {total} rows, the most it ever answers")
        try:
            return self._pages(reading, first, total)
        except _Moved as moved:
            if reading.number == READS:
                raise self._incomplete(window, f"{moved}, in each of {READS} reads") from None
            self.rereads += 1
            log.warning("stream %s, window %s: %s; reading it again", self._stream.name, window, moved)
            self._read_instead(reading, [self._reading(window, reading.number + 1)])
            return None

    def _parts(self, reading: _Reading, total: int, paging: PageNumber) -> tuple[Interval | None, ...]:
        """Whether to ask in smaller windows: for a total that may be a cap, too many rows, or a restless window."""
        window = reading.window
        restless = reading.number > _PATIENT_READS and total > paging.page_size
        if window and self._stream.windows and restless:
            return windows.split(window, 2, self._stream.windows)
        return self._planner.parts(window, total)

    def _pages(self, reading: _Reading, first: Page, total: int) -> WindowRows:
        pages = [first]
        while reading.asked or reading.to_ask:
            page = self._next(reading)
            if self._total(page, reading.window) != total:
                raise _Moved(f"the total went from {total} to {page.total} between pages")
            pages.append(page)
        return self._counted(reading.window, pages, total)

    def _counted(self, window: Interval | None, pages: list[Page], total: int) -> WindowRows:
        rows = self._whole(window, pages)
        rows.total = total
        distinct = rows.table.num_rows + len(rows.bad)
        if distinct != total:
            raise _Moved(f"the provider counts {total} rows, {distinct} distinct ones came")
        return rows

    def _limited(self, reading: _Reading, paging: LimitedAnswer) -> WindowRows | None:
        page, window = self._next(reading), reading.window
        if page.table.num_rows + len(page.bad) < paging.limit:
            return self._whole(window, [page])
        halves = windows.split(window, 2, self._stream.windows) if window and self._stream.windows else ()
        if len(halves) < 2:
            raise self._incomplete(
                window,
                f"the answer is full ({paging.limit} rows), there are no further pages, and the window cannot be halved",
            )
        self._read_instead(reading, map(self._reading, halves))
        return None

    def _followed(self, reading: _Reading, paging: TimestampCursor) -> WindowRows:
        """Follow the cursor from a millisecond before the start, whether the provider counts the start in or not."""
        window, page = reading.window, self._next(reading)
        assert window is not None  # noqa: S101 - a cursor stream has windows
        clock = str(self._stream.time_column)
        position, end = _ms(window.start) - 1, _ms(window.end)
        pages = [page]
        while page.table.num_rows + len(page.bad) >= paging.limit and page.table.num_rows:
            last = pc.max(page.table[clock].cast(pa.int64())).as_py()
            if last >= end:
                break
            if last - 1 <= position:
                raise self._incomplete(window, f"more than {paging.limit} rows share one millisecond")
            position = last - 1
            cursor = {paging.param: self._source.cursor(self._stream, position)}
            reading.to_ask.append(partial(self._ask, window, cursor))
            page = self._next(reading)
            pages.append(page)
        return self._inside(window, pages)

    def _inside(self, window: Interval, pages: list[Page]) -> WindowRows:
        rows = self._whole(window, pages)
        instants = arrays.integers(rows.table[str(self._stream.time_column)])
        rows.keep((instants >= _ms(window.start)) & (instants < _ms(window.end)))
        return rows

    def _whole(self, window: Interval | None, pages: list[Page]) -> WindowRows:
        table = pa.concat_tables([page.table for page in pages])
        bad = list({row.raw: row for page in pages for row in page.bad}.values())
        calls = tuple(page.call for page in pages)
        rows = WindowRows(window, table, bad=bad, slow_pages=sum(not page.quick for page in pages), calls=calls)
        for page in pages:
            rows.counts.add(page.counts)
        if self._stream.key:
            rows.hashes = keys.hashes(table, self._stream.key)
            repeated = keys.shared(np.sort(rows.hashes))
            if len(repeated):
                suspects = np.flatnonzero(np.isin(rows.hashes, repeated))
                dropped = keys.losers(table.take(arrays.rows(suspects)), self._stream.key, self._stream.version_columns)
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
