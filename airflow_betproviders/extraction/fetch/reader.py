"""Read windows completely, each row once, and note the proof of each.

The pagination kind of a stream (`airflow_betproviders.declare.pagination`) names the calls of a window and checks its
answers. A window that changes while it is read is read again; one with too many rows is read in parts.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    SECOND_READ,
    SmallerPages,
    Unprovable,
    WindowChanged,
)
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow, ProviderOverloaded
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.fetch.completeness.answer_sizes import AnswerSizes
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.moved_rows import MovedRows
from airflow_betproviders.extraction.fetch.completeness.shown_rows import ShownRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.planner import MOST_ROWS, Planner
from airflow_betproviders.extraction.fetch.prefetch import Prefetcher
from airflow_betproviders.extraction.fetch.slot_windows import SlotWindows
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.fetch.window_calls import Call, WindowCalls
from airflow_betproviders.extraction.fetch.window_read import WindowRead
from airflow_betproviders.extraction.fetch.window_retries import WindowRetries

_INSTANT = timedelta(microseconds=1)


class WindowReader:
    """Read the windows of one stream.

    Attributes:
        rereads: number of reads that were repeated because the window changed meanwhile.
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
        self._source = source
        self._stream = stream
        self._assemble = WindowAssembler(source, stream)
        self._planner = Planner(stream.windows, stream.paging)
        self._planner.start_from(asked_for_less or {}, grow=grow)
        self._calls = WindowCalls(source, stream, filters, call, self._planner, self._assemble)
        if source.limits(stream).quota:
            pool = None  # an answer that is asked for ahead may be thrown away, and its call counts all the same
        self._prefetch = Prefetcher(self._calls, stream, self._planner, spaced=bool(source.min_interval), pool=pool)
        self.sizes = AnswerSizes(stream, *proven)
        self._moved = MovedRows(source, stream, self._calls.versions_in)
        self.rereads = 0
        self._slot: Interval | None = None
        self._shown_rows = ShownRows(stream)
        self._retries = WindowRetries(stream, self._planner, self._prefetch, self._shown_rows, self._assemble)

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
        """Yield the rows of each window of a slot; see `SlotWindows.rows`."""
        self._slot = slot
        self._shown_rows.begin(number, slot)
        while read := self._prefetch.next_window(number):
            rows = self._read(read)
            if rows is not None:
                yield rows
        self._prove_sizes()

    def incomplete(self, window: Interval | None, reason: str) -> IncompleteWindow:
        """Return the error of a window or slot that could not be proven complete."""
        return self._assemble.incomplete(window, reason)

    def restart(self, number: int, windows: Sequence[Interval | None]) -> None:
        """Request all windows of a slot again."""
        self.rereads += 1
        self.sizes.forget_slot()
        for read in self._prefetch.waiting(number):
            self._retries.note_shown(read)
        shown = {window: self._shown_rows.in_window(window) for window in windows}
        self._prefetch.restart(number, windows, shown)

    @property
    def asked_for_less(self) -> dict[str, float]:
        """Return the page size and window that were requested instead of the declared ones, because the provider gave less."""
        declared, rows = self._stream.paging.rows_asked, self._planner.paging.rows_asked
        longest = self._planner.longest
        return {
            **({"rows": float(rows)} if rows is not None and rows != declared else {}),
            **({"seconds": longest.total_seconds()} if longest else {}),
        }

    def read_edge(self, instant: datetime) -> WindowRows:
        """Return the rows of a window of two steps around a slot's start.

        Raises:
            IncompleteWindow: the window has too many rows, or keeps changing.
            SlotChanged: the window brings rows after the start that the slot's windows did not bring.
        """
        rule = self._stream.windows
        assert rule is not None  # noqa: S101 - only a stream with windows has edges
        window = Interval(instant - rule.step, instant + rule.step)
        rows = self._calls.read(window)
        if lacking := self._shown_rows.add_after_start(instant, rows):
            raise SlotChanged(f"{window} brings {lacking} rows of the slot that did not come with it, or came older")
        return rows

    def read_window(self, window: Interval) -> WindowRows:
        """Return the rows of a short window inside a slot.

        Raises:
            IncompleteWindow: the window has too many rows, or keeps changing.
            SlotChanged: the window brings rows that the slot's windows did not bring.
        """
        rows = self._calls.read(window)
        if lacking := self._shown_rows.add_after_start(window.start - _INSTANT, rows):
            raise SlotChanged(f"{window} brings {lacking} rows of the slot that did not come with it, or came older")
        return rows

    def _read(self, read: WindowRead) -> WindowRows | None:
        """Read the first waiting window. None if it has to be read again, or in parts; these are queued in its place."""
        try:
            rows = self._proven_rows(read)
        except SmallerPages as smaller:
            self._planner.paging = self._planner.paging.limited_to(smaller.rows)
            self._retries.read_again(read, str(smaller))
            return None
        except ProviderOverloaded as error:
            self._retries.ask_for_less(read, error)
            return None
        except WindowChanged as changed:
            self.rereads += 1
            self._planner.note_change(changed, read.earlier.count + 1)
            self._retries.read_again(read, str(changed))
            return None
        except Unprovable as reason:
            raise self._assemble.incomplete(read.window, str(reason)) from None
        if rows is not None:
            self._note_complete(read, rows)
        return rows

    def _proven_rows(self, read: WindowRead) -> WindowRows | None:
        """Return the rows of a window and what proves them complete. None if parts or a second read of it are queued instead.

        Raises:
            SmallerPages, ProviderOverloaded, WindowChanged: the window has to be requested again, as each of them says.
            Unprovable: nothing can show that its rows are complete.
        """
        while answer := self._prefetch.next_answer(read):
            self._note_growth(read, answer)
            if len(read.parts) > 1:
                self.sizes.note_answer(read.answers[0].page)
                self._retries.split(read)
                return None
        paging = read.paging or self._stream.paging
        self._calls.ask_beyond(read.window, paging, read.answers, read.earlier.total)
        earlier_answers = self._calls.ask_earlier(read.window, read.answers, paging)
        rows = self._assemble(read.window, [*read.answers, *earlier_answers], paging)
        read.earlier.shown = self._shown_rows.required_rows(read.window, read.answers, read.earlier.shown)
        twice = rows.proof == SECOND_READ or self._is_empty_slot(read, rows)
        if (twice and not self._seen_twice(read, rows)) or self._lacks_shown(read, rows):
            return None
        self._shown_rows.refuse_repetition()
        if self._source.retries:  # else a user waits for a sample, which needs no proof
            self.sizes.check(rows, read.answers)
        return rows

    def _note_complete(self, read: WindowRead, rows: WindowRows) -> None:
        """Take a complete window from the queue, and add it to the window that it is a part of."""
        self._prefetch.remove(read)
        self._shown_rows.add(read.window, rows.versions(self._stream))
        if rows.total is None:
            self._planner.note_density(read.window, rows.distinct)
        if read.part_of:
            read.part_of.complete_part(rows, self._moved)

    def _note_growth(self, read: WindowRead, latest: PageAnswer) -> None:
        """Split a window without a total that has more rows than may be read without a split."""
        if latest.total is not None or read.delivered == 1 or read.window is None:
            return
        rows = sum(answer.rows for answer in read.answers[: read.delivered])
        if rows <= MOST_ROWS:
            return
        width, since = read.window.width, read.window.start.timestamp() * 1000
        if latest.latest_ms is not None and latest.latest_ms > since:
            rows = round(rows * max(1.0, width.total_seconds() * 1000 / (latest.latest_ms - since)))
            self._planner.note_density(read.window, rows)
            read.parts = self._planner.parts(read.window, rows)
        else:
            read.parts = self._planner.halves(read.window)

    def _lacks_shown(self, read: WindowRead, rows: WindowRows) -> bool:
        """Return whether rows that earlier answers showed are missing or older. If so, the window is queued to be read again.

        A row that changes may move to a later window. If a second read lacks rows too, they are searched for in later windows;
        if found, the window is complete. An older copy of the provider's data lacks them there too. The answers of a cursor show
        later windows themselves.
        """
        versions = rows.versions(self._stream) if read.earlier.shown is not None else None
        if read.earlier.shown is None or versions is None:
            return False
        gone = read.earlier.shown.lacking_in(versions)
        if self._stream.has_outside_rows and self._stream.rows_move:
            gone = gone.lacking_in(RowVersions.joined(answer.versions for answer in read.answers))
        if not len(gone) or (read.earlier.lacked_rows and self._moved.explain(gone, read.earlier.shown, read.window)):
            return False
        self.rereads += 1
        reason = f"{len(gone)} rows that an earlier answer showed did not come again, or came older"
        self._retries.read_again(read, reason, lacked_rows=True, keys=read.earlier.keys, changes=read.earlier.changes)
        return True

    def _is_empty_slot(self, read: WindowRead, rows: WindowRows) -> bool:
        """Return whether the slot's only window has no rows, and no total says so."""
        return not rows.distinct and rows.total is None and read.window == self._slot and self._source.retries

    def _seen_twice(self, read: WindowRead, rows: WindowRows) -> bool:
        """Return whether the previous read returned the same keys. If not, the window is queued to be read once more."""
        if not rows.distinct and read.answers[0].page.doubtful:
            return True  # asked twice already
        sorted_keys = np.sort(rows.hashes) if rows.hashes is not None else np.array([rows.distinct], np.uint64)
        if read.earlier.keys is not None and np.array_equal(read.earlier.keys, sorted_keys):
            rows.proof = SECOND_READ
            return True
        reason = "the answer has no total, so a second read has to bring the same rows"
        self._retries.read_again(read, reason, keys=sorted_keys)
        return False

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

    def _read_piece(self, window: Interval) -> WindowRows:
        answers: list[PageAnswer] = []
        try:
            self._calls.ask_all(window, answers, unsplit=False)
        finally:
            for answer in answers:
                self.sizes.note_answer(answer.page)
            older = self._shown_rows.add_piece(window, answers)
        if older:
            raise SlotChanged(f"{window} brings newer versions of {older} rows than the slot has")
        return WindowRows.from_pages(self._stream, window, [answer.page for answer in answers])


def _recorded(
    slots: Iterable[Sequence[Interval | None]], listed: list[Sequence[Interval | None]]
) -> Iterator[Sequence[Interval | None]]:
    """Yield the windows of each slot, and add them to a list as they are taken."""
    for windows in slots:
        listed.append(windows)
        yield windows
