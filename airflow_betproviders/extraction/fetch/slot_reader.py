"""Read slots one after the other: their windows from the queue, then the calls that only a complete slot can request.

A slot that contradicts itself is read again, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable, WindowChanged
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.outside_rows import OutsideRows
from airflow_betproviders.extraction.fetch.completeness.shown_rows import ShownRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.planner import MAX_READS, Planner
from airflow_betproviders.extraction.fetch.prefetch import Prefetcher
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.fetch.truncation.answer_sizes import AnswerSizes
from airflow_betproviders.extraction.fetch.window_calls import Call, WindowCalls
from airflow_betproviders.extraction.fetch.window_reader import WindowReader

_INSTANT = timedelta(microseconds=1)


class SlotReader:
    """Read the slots of one stream.

    Attributes:
        sizes: the sizes of answers; finds and proves answers without a total that look cut off.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        filters: Mapping[str, Any],
        call: Call,
        pool: Executor | None = None,
        proven: tuple[int, int] = (0, 0),
        asked_for_less: Mapping[str, float] | None = None,
        *,
        grow: bool = False,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            call: makes one call.
            pool: threads that prefetch; without it, calls are made one by one.
            proven: rows and bytes of the greatest answers that earlier runs proved not to be cut off.
            asked_for_less: the page size and window that the provider answered an earlier run, see `Planner.start_from`.
            grow: whether to request a little more than that, in case the provider gives more again.
        """
        self._stream = stream
        self._assemble = WindowAssembler(source, stream)
        self._planner = Planner(stream.windows, stream.paging)
        self._planner.start_from(asked_for_less or {}, grow=grow)
        self._calls = WindowCalls(source, stream, filters, call, self._planner, self._assemble)
        if source.limits(stream).quota:
            pool = None  # an answer that is requested ahead may be thrown away, and its call counts all the same
        self._prefetch = Prefetcher(self._calls, stream, self._planner, spaced=bool(source.min_interval), pool=pool)
        self._shown_rows = ShownRows(stream)
        self._outside_rows = OutsideRows(source, stream)
        self.sizes = AnswerSizes(stream, *proven)
        self._windows = WindowReader(
            source,
            stream,
            self._planner,
            self._prefetch,
            self._calls,
            self._assemble,
            self._shown_rows,
            self.sizes,
        )

    @property
    def rereads(self) -> int:
        """Return the number of reads that were repeated because a window or a slot changed meanwhile."""
        return self._windows.rereads

    @property
    def asked_for_less(self) -> dict[str, float]:
        """Return the page size and window that were requested instead of the declared ones, because the provider gave less."""
        return self._planner.asked_for_less

    def read(self, slots: Iterable[Sequence[Interval | None]]) -> Generator[SlotWindows, None, None]:
        """Yield the slots, to be read one after the other. The windows of later slots are prefetched."""
        listed: list[Sequence[Interval | None]] = []
        self._prefetch.start(_recorded(slots, listed))
        try:
            number = 0
            while number < len(listed) or self._prefetch.next_window(number):
                yield SlotWindows(self, number, listed[number])
                number += 1
        finally:
            self._prefetch.close()

    def read_slot(self, number: int, slot: Interval | None) -> Generator[WindowRows, None, None]:
        """Yield the rows of each window of a slot, then prove its answers; see `SlotWindows.rows`."""
        yield from self._windows.read_slot(number, slot)
        self._prove_sizes()

    def restart(self, number: int, windows: Sequence[Interval | None]) -> None:
        """Request all windows of a slot again."""
        self.sizes.forget_slot()
        self._windows.restart(number, windows)

    def incomplete(self, window: Interval | None, reason: str) -> IncompleteWindow:
        """Return the error of a window or slot that could not be proven complete."""
        return self._assemble.incomplete(window, reason)

    def read_edge(self, instant: datetime) -> WindowRows:
        """Return the rows of a window of two steps around a slot's start.

        Raises:
            IncompleteWindow: the window has too many rows, or keeps changing.
            SlotChanged: the window brings rows after the start that the slot's windows did not bring.
        """
        rule = self._stream.windows
        assert rule is not None  # noqa: S101 - only a stream with windows has edges
        return self._read_short(Interval(instant - rule.step, instant + rule.step), instant)

    def read_window(self, window: Interval) -> WindowRows:
        """Return the rows of a short window inside a slot.

        Raises:
            IncompleteWindow: the window has too many rows, or keeps changing.
            SlotChanged: the window brings rows that the slot's windows did not bring.
        """
        return self._read_short(window, window.start - _INSTANT)

    def _read_short(self, window: Interval, start: datetime) -> WindowRows:
        """Read a window by calls of its own. The slot has to have its rows after ``start``."""
        rows = self._calls.read(window)
        if lacking := self._shown_rows.add_after_start(start, rows):
            raise SlotChanged(f"{window} brings {lacking} rows of the slot that did not come with it, or came older")
        return rows

    def _prove_sizes(self) -> None:
        """Prove that the slot's answers that look cut off were not.

        Raises:
            SlotChanged: one was, or pieces of the windows bring rows that the slot lacks.
            IncompleteWindow: nothing can prove one.
        """
        try:
            cap = self.sizes.probe_slot(self._read_piece)
        except Unprovable as reason:
            raise self._assemble.incomplete(None, str(reason)) from None
        except WindowChanged as changed:
            raise SlotChanged(str(changed)) from None
        if cap:
            self._planner.cap = cap
            raise SlotChanged(f"the provider seems to cut answers off at {cap}: {cap.reason}")
        if lacking := self._shown_rows.lacking:
            raise SlotChanged(f"pieces of windows bring {lacking} rows of the slot that did not come with it")

    def _read_piece(self, window: Interval, among: int) -> WindowRows:
        answers: list[PageAnswer] = []
        try:
            self._calls.ask_all(window, answers, unsplit=False)
        finally:
            for answer in answers:
                self.sizes.note_answer(answer.page)
            older = self._shown_rows.add_piece(window, answers)
        if older:
            raise SlotChanged(f"{window} brings newer versions of {older} rows than the slot has")
        rows = WindowRows.from_pages(self._stream, window, [answer.page for answer in answers])
        self._outside_rows.check(rows, window, among)
        return rows


class SlotWindows:
    """Read the windows of one slot, in order. Slots are read one after the other.

    Attributes:
        windows: the windows; None for a snapshot.
    """

    def __init__(self, reader: SlotReader, number: int, windows: Sequence[Interval | None]) -> None:
        """Name the slot's windows."""
        self.windows = tuple(windows)
        self._reader = reader
        self._number = number
        self._attempts = 0

    @property
    def _slot(self) -> Interval | None:
        first, last = self.windows[0], self.windows[-1]
        return Interval(first.start, last.end) if first and last else None

    def rows(self) -> Generator[WindowRows, None, None]:
        """Yield the rows of each window, or of its parts where it has to be split.

        Raises:
            SlotChanged: everything that was yielded is to be discarded; call `begin_again`, then this.
            IncompleteWindow: a window was not proven complete after bounded attempts; the message names the counts.
        """
        self._attempts += 1
        yield from self._reader.read_slot(self._number, self._slot)

    def begin_again(self, changed: SlotChanged) -> None:
        """Request all windows again.

        Raises:
            IncompleteWindow: the slot contradicted itself in each of its reads.
        """
        if self._attempts == MAX_READS:
            raise self._reader.incomplete(self._slot, f"{changed}, in each of {MAX_READS} reads") from None
        self._reader.restart(self._number, self.windows)


def _recorded(
    slots: Iterable[Sequence[Interval | None]], listed: list[Sequence[Interval | None]]
) -> Iterator[Sequence[Interval | None]]:
    """Yield the windows of each slot, and add them to a list as they are taken."""
    for windows in slots:
        listed.append(windows)
        yield windows
