"""Prefetch: make calls before their answers are needed, within bounds on connections and memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Params, SmallerPages, Unprovable, WindowChanged
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.split_window import SplitWindow
from airflow_betproviders.extraction.fetch.planner import Planner
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.extraction.fetch.window_read import PendingAnswer, WindowRead

Ask = Callable[[Interval | None, Params, AnswerPermit], Page]

# Answers with so many rows are received at once.
_ROWS_RECEIVED = 45_000
# Calls that may have been in vain when a window turns out not to be complete.
_CALLS_ASKED = 32


class Prefetcher:
    """Holds the windows that are to be read, in order, and asks for them ahead."""

    def __init__(
        self, ask: Ask, stream: Stream, planner: Planner, *, spaced: bool, pool: Executor | None = None
    ) -> None:
        """Bind the way to make a call; ``spaced`` calls follow each other, a ``pool`` makes several at once."""
        self._ask = ask
        self._stream = stream
        self._planner = planner
        self._spaced = spaced
        self._pool = pool or _DirectExecutor()
        self._ahead = pool is not None
        self._receiver = ThreadPoolExecutor(1, thread_name_prefix="betproviders-large")
        self._queue: list[WindowRead] = []
        self._slots: Iterator[tuple[int, Sequence[Interval | None]]] = iter(())
        self._unopened: deque[WindowRead] = deque()
        self._page_rows = _ROWS_RECEIVED

    def start(self, slots: Iterable[Sequence[Interval | None]]) -> None:
        """Take the windows of all slots, in order."""
        self._slots = iter(enumerate(slots))

    def close(self) -> None:
        """Give up what was asked for."""
        while self._queue:
            self._queue.pop().drop()
        self._receiver.shutdown(wait=False)

    def first(self, slot: int) -> WindowRead | None:
        """Return the next window of a slot; None when none is left."""
        read = self._window_at(0)
        return read if read is not None and read.slot == slot else None

    def next_answer(self, read: WindowRead) -> PageAnswer | None:
        """Return the next answer of the window that is read, others asked for ahead; None when none is left.

        Raises:
            WindowChanged, Unprovable, SmallerPages: what the answer shows to be wrong.
        """
        if not read.asked:
            if not read.may_ask:
                return None
            self._submit(read)
        self._ask_ahead()
        page = read.asked.popleft().page.result()
        if len(read.answers) == read.taken:
            self._examine(read, page)
        if read.problem:
            raise read.problem
        read.taken += 1
        return read.answers[read.taken - 1]

    def remove(self, read: WindowRead) -> None:
        """Remove a window that was read."""
        self._queue.remove(read)

    def replace(self, read: WindowRead, others: Sequence[WindowRead]) -> None:
        """Put others in the place of a window."""
        read.drop()
        place = self._queue.index(read)
        self._queue[place : place + 1] = others

    def begun(self, slot: int) -> list[WindowRead]:
        """Return the windows of a slot that wait to be read."""
        return [read for read in self._queue if read.slot == slot]

    def restart(
        self, slot: int, windows: Sequence[Interval | None], shown: Mapping[Interval | None, RowVersions | None]
    ) -> None:
        """Put all windows of the slot that is read in the queue again, each to be requested unsplit first.

        Args:
            slot: its number.
            windows: its windows.
            shown: by window, rows that have to come.
        """
        for read in self.begun(slot):
            read.drop()
            self._queue.remove(read)
        self._unopened = deque(read for read in self._unopened if read.slot != slot)
        self._queue[:0] = [WindowRead(window, slot, planned=True, shown=shown.get(window)) for window in windows]

    def _window_at(self, place: int) -> WindowRead | None:
        """Return the window at that place in the queue, split where it likely holds too many rows; None where there is none.

        Further ones are taken up once it is known how dense their rows are.
        """
        if place == len(self._queue):
            if place and self._planner.density is None:
                return None
            if not self._unopened:
                for slot, windows in islice(self._slots, 1):
                    self._unopened.extend(WindowRead(window, slot) for window in windows)
            if not self._unopened:
                return None
            self._queue.append(self._unopened.popleft())
        read = self._queue[place]
        if not read.planned and read.paging is None:
            read.planned = True
            parts = self._planner.plan(read.window)
            if len(parts) > 1:
                split = read.part_of
                if read.shown is not None:
                    split = SplitWindow(self._stream, read.window, None, 0, len(parts), split, read.shown)
                elif split:
                    split.split_part(len(parts))
                self.replace(read, [WindowRead(part, read.slot, part_of=split) for part in parts])
        return self._queue[place]

    def _ask_ahead(self) -> None:
        """Ask for the rest of the windows whose first answer is there, then for the first of further windows."""
        for waiting in self._queue:
            if waiting.asked and not waiting.answers:
                first = waiting.asked[0].page
                if first.done() and not first.cancelled() and not first.exception():
                    self._examine(waiting, first.result())
        more = self._most_asked - sum(len(read.asked) for read in self._queue)
        place = 0
        while more > 0 and (read := self._window_at(place)):
            if read.may_ask and not read.problem:
                # The first of the window after it goes before: when its other pages are to be asked, they are known.
                if read.answers and not self._spaced and (after := self._window_at(place + 1)) and not after.paging:
                    self._submit(after)
                    more -= 1
                self._submit(read)
                more -= 1
            elif read.answers or self._planner.fits_a_page(read.window):
                place += 1
            else:
                break
        answers = (answer for read in self._queue for answer in read.asked)
        for answer in islice(answers, self._most_received):
            answer.permit.grant()

    @property
    def _most_asked(self) -> int:
        """Return how many answers are awaited at once: enough to keep connections busy even where few are received at once."""
        if not self._ahead:
            return 1
        if self._spaced:  # one that waits for its turn is enough
            return min(2, self._most_received)
        return min(_CALLS_ASKED, self._most_received) if self._most_received > 1 else CONNECTIONS

    @property
    def _most_received(self) -> int:
        """Return how many answers are received and decoded at once."""
        return max(1, _ROWS_RECEIVED // self._page_rows)

    def _submit(self, read: WindowRead) -> None:
        permit = AnswerPermit(self._receiver if self._ahead and self._most_received == 1 else None)
        params = read.next_params(self._planner.paging)
        read.asked.append(PendingAnswer(self._pool.submit(self._ask, read.window, params, permit), permit))

    def _examine(self, read: WindowRead, page: Page) -> None:
        """Note the calls that an answer makes necessary. A first answer also shows the row density, and whether to split its window."""
        answer = PageAnswer(page, self._stream, read.answers)
        try:
            if not read.answers:
                self._page_rows = max(1, page.table.num_rows)
                assert read.paging is not None  # noqa: S101 - it was asked for
                rows = read.paging.rows_of_window(answer)
                self._planner.note_answer(page.rows, page.bytes)
                self._planner.note_density(read.window, rows, page.bytes)
                read.parts = self._planner.parts(read.window, rows or 0, page.bytes, read.changes, read.halved)
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
