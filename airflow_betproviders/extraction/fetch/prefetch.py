"""Prefetch: make calls before their answers are needed, within bounds on connections and memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import SmallerPages, Unprovable, WindowChanged
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.split_window import SplitWindow
from airflow_betproviders.extraction.fetch.planner import Planner
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.extraction.fetch.window_calls import WindowCalls
from airflow_betproviders.extraction.fetch.window_read import EarlierReads, PendingAnswer, WindowRead

# Answers that are received and decoded at once have about so many rows, or bytes, together, so that memory is bounded.
_MAX_ROWS_RECEIVED = 45_000
_MAX_BYTES_RECEIVED = 32 * 1024 * 1024
# Answers that are awaited at once. They are in vain if a window turns out not to be complete.
_MAX_PENDING = 32


class Prefetcher:
    """Keep a queue of the windows to read, in order, and request them ahead."""

    def __init__(
        self, calls: WindowCalls, stream: Stream, planner: Planner, *, spaced: bool, pool: Executor | None
    ) -> None:
        """Bind the stream.

        Args:
            calls: makes the calls.
            stream: the stream.
            planner: chooses the sizes of pages and windows.
            spaced: whether calls have to be some time apart, so that they are made one after the other.
            pool: threads that make several calls at once; None to make each call when its answer is needed.
        """
        self._calls = calls
        self._stream = stream
        self._planner = planner
        self._spaced = spaced
        self._pool = pool or _DirectExecutor()
        self._ahead = pool is not None
        self._receiver = ThreadPoolExecutor(1, thread_name_prefix="betproviders-large")
        self._queue: list[WindowRead] = []
        self._slots: Iterator[tuple[int, Sequence[Interval | None]]] = iter(())
        self._upcoming: deque[WindowRead] = deque()
        self._page_rows, self._page_bytes = _MAX_ROWS_RECEIVED, 0

    def start(self, slots: Iterable[Sequence[Interval | None]]) -> None:
        """Take the windows of all slots, in order."""
        self._slots = iter(enumerate(slots))

    def close(self) -> None:
        """Give up the windows that were requested."""
        while self._queue:
            self._queue.pop().cancel()
        self._receiver.shutdown(wait=False)

    def next_window(self, slot: int) -> WindowRead | None:
        """Return the next window of a slot; None when none is left."""
        read = self._window_at(0)
        return read if read is not None and read.slot == slot else None

    def next_answer(self, read: WindowRead) -> PageAnswer | None:
        """Return the next answer of the first window, and request others ahead; None when none is left.

        Raises:
            WindowChanged, Unprovable, SmallerPages: the answer contradicts others, proves nothing, or has too few rows a page.
        """
        if not read.pending:
            if not read.has_next_call:
                return None
            self._submit(read)
        self._request_ahead()
        page = read.pending.popleft().page.result()
        if len(read.answers) == read.delivered:
            self._examine(read, page)
        if read.problem:
            raise read.problem
        read.delivered += 1
        return read.answers[read.delivered - 1]

    def remove(self, read: WindowRead) -> None:
        """Remove a window that was read."""
        self._queue.remove(read)

    def replace(self, read: WindowRead, others: Sequence[WindowRead]) -> None:
        """Replace a window of the queue by others."""
        read.cancel()
        place = self._queue.index(read)
        self._queue[place : place + 1] = others

    def waiting(self, slot: int) -> list[WindowRead]:
        """Return the windows of a slot that wait to be read."""
        return [read for read in self._queue if read.slot == slot]

    def restart(
        self, slot: int, windows: Sequence[Interval | None], shown: Mapping[Interval | None, RowVersions | None]
    ) -> None:
        """Queue all windows of the current slot again, each to be requested unsplit first.

        Args:
            slot: the number of the slot.
            windows: its windows.
            shown: the rows that each window has to bring; None for a window without such rows.
        """
        for read in self.waiting(slot):
            read.cancel()
            self._queue.remove(read)
        self._upcoming = deque(read for read in self._upcoming if read.slot != slot)
        self._queue[:0] = [
            WindowRead(window, slot, planned=True, earlier=EarlierReads(shown=shown.get(window))) for window in windows
        ]

    def _window_at(self, place: int) -> WindowRead | None:
        """Return the window at a place in the queue, split if it likely has too many rows; None if there is none.

        A window after the first joins the queue only once the row density is known.
        """
        if place == len(self._queue):
            if place and self._planner.density is None:
                return None
            if not self._upcoming:
                for slot, windows in islice(self._slots, 1):
                    self._upcoming.extend(WindowRead(window, slot) for window in windows)
            if not self._upcoming:
                return None
            self._queue.append(self._upcoming.popleft())
        read = self._queue[place]
        if not read.planned and read.paging is None:
            self._plan(read)
        return self._queue[place]

    def _plan(self, read: WindowRead) -> None:
        """Replace a window that likely has too many rows by its parts."""
        read.planned = True
        parts = self._planner.plan(read.window)
        if len(parts) == 1:
            return
        split = read.part_of
        if read.earlier.shown is not None:
            split = SplitWindow(self._stream, read.window, None, 0, len(parts), split, read.earlier.shown)
        elif split:
            split.split_part(len(parts))
        self.replace(read, [WindowRead(part, read.slot, part_of=split) for part in parts])

    def _request_ahead(self) -> None:
        """Request the further pages of windows whose first answer came, then the first pages of later windows."""
        for waiting in self._queue:
            if waiting.pending and not waiting.answers:
                first = waiting.pending[0].page
                if first.done() and not first.cancelled() and not first.exception():
                    self._examine(waiting, first.result())
        more = self._max_pending - sum(len(read.pending) for read in self._queue)
        place = 0
        while more > 0 and (read := self._window_at(place)):
            if read.has_next_call and not read.problem:
                # The next window's first page goes before: its answer names its further pages by the time they are due.
                if read.answers and not self._spaced and (after := self._window_at(place + 1)) and not after.paging:
                    self._submit(after)
                    more -= 1
                self._submit(read)
                more -= 1
            elif read.answers or self._planner.fits_a_page(read.window):
                place += 1
            else:
                break
        answers = (answer for read in self._queue for answer in read.pending)
        for answer in islice(answers, self._max_received):
            answer.permit.grant()

    @property
    def _max_pending(self) -> int:
        """Return how many answers are awaited at once: enough that no connection is idle even if few are received at once."""
        if not self._ahead:
            return 1
        if self._spaced:  # one more that waits for its turn is enough
            return min(2, self._max_received)
        return min(_MAX_PENDING, self._max_received) if self._max_received > 1 else CONNECTIONS

    @property
    def _max_received(self) -> int:
        """Return how many answers are received and decoded at once."""
        return max(1, min(_MAX_ROWS_RECEIVED // self._page_rows, _MAX_BYTES_RECEIVED // max(1, self._page_bytes)))

    def _submit(self, read: WindowRead) -> None:
        permit = AnswerPermit(self._receiver if self._ahead and self._max_received == 1 else None)
        params = read.next_params(self._planner.paging)
        read.pending.append(PendingAnswer(self._pool.submit(self._calls.ask, read.window, params, permit), permit))

    def _examine(self, read: WindowRead, page: Page) -> None:
        """Add an answer and the calls that it makes necessary. A first answer also shows the row density, and if its window is split."""
        answer = PageAnswer(page, self._stream, read.answers)
        try:
            if not read.answers:
                self._page_rows, self._page_bytes = max(1, page.table.num_rows), page.bytes
                assert read.paging is not None  # noqa: S101 - the window was requested
                rows = read.paging.rows_of_window(answer)
                self._planner.note_answer(page.rows, page.bytes)
                self._planner.note_density(read.window, rows, page.bytes)
                read.parts = self._planner.parts(
                    read.window, rows or 0, page.bytes, read.earlier.changes, read.earlier.halvings
                )
                if len(read.parts) > 1:
                    read.answers.append(answer)
                    return
            read.add(answer)
        except (WindowChanged, Unprovable, SmallerPages) as problem:
            read.problem = problem


class _DirectExecutor(Executor):
    """Run each call at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call the function and return its outcome."""
        outcome: Future[Any] = Future()
        try:
            outcome.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed on, as any executor does
            outcome.set_exception(error)
        return outcome
