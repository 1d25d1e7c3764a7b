"""Read the windows of one slot completely, each row once, and note the proof of each.

The pagination kind of a stream (`airflow_betproviders.declare.pagination`) names the calls of a window and checks its
answers. A window that changes while it is read is read again; one with too many rows is read in parts.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    SECOND_READ,
    SmallerPages,
    Unprovable,
    WindowChanged,
)
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderOverloaded
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.moved_rows import MovedRows
from airflow_betproviders.extraction.fetch.completeness.shown_rows import ShownRows
from airflow_betproviders.extraction.fetch.planner import Planner
from airflow_betproviders.extraction.fetch.prefetch import Prefetcher
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.fetch.truncation.answer_sizes import AnswerSizes
from airflow_betproviders.extraction.fetch.window_calls import WindowCalls
from airflow_betproviders.extraction.fetch.window_read import WindowRead
from airflow_betproviders.extraction.fetch.window_retries import WindowRetries

# After so many empty windows in a row that a second read confirmed, only one that follows rows is read twice.
_CONFIRMED_EMPTY = 100


class WindowReader:
    """Read the windows of one slot, in the order of the queue.

    Attributes:
        rereads: number of reads that were repeated because a window or the slot changed meanwhile.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        planner: Planner,
        prefetch: Prefetcher,
        calls: WindowCalls,
        assemble: WindowAssembler,
        shown_rows: ShownRows,
        sizes: AnswerSizes,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            planner: chooses the sizes of pages and windows.
            prefetch: the queue of windows.
            calls: makes the calls that no window of the queue has planned.
            assemble: assembles a window from its answers.
            shown_rows: remembers the rows that the answers of the slot showed.
            sizes: keeps the answers without a total that look cut off, to be proven at the end of the slot.
        """
        self._source = source
        self._stream = stream
        self._planner = planner
        self._prefetch = prefetch
        self._calls = calls
        self._assemble = assemble
        self._shown_rows = shown_rows
        self._sizes = sizes
        self._moved = MovedRows(source, stream, calls.versions_in)
        self._retries = WindowRetries(stream, planner, prefetch, shown_rows, assemble)
        self._confirmed_empty = 0
        self._follows_rows = False
        self.rereads = 0

    def read_slot(self, number: int, slot: Interval | None) -> Generator[WindowRows, None, None]:
        """Yield the rows of each window of a slot, or of its parts where it has to be split.

        Raises:
            SlotChanged: the parts of a window contradict the answer for the complete one.
            IncompleteWindow: a window was not proven complete after bounded attempts.
        """
        self._shown_rows.begin(number, slot)
        while read := self._prefetch.next_window(number):
            rows = self._read(read)
            if rows is not None:
                yield rows

    def restart(self, number: int, windows: Sequence[Interval | None]) -> None:
        """Queue all windows of a slot again. They have to bring the rows that their answers showed."""
        self.rereads += 1
        for read in self._prefetch.waiting(number):
            self._retries.note_shown(read)
        shown = {window: self._shown_rows.in_window(window) for window in windows}
        self._prefetch.restart(number, windows, shown)

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
                self._sizes.note_answer(read.answers[0].page)
                self._retries.split(read)
                return None
        paging = read.paging or self._stream.paging
        self._calls.ask_beyond(read.window, paging, read.answers, read.earlier.total)
        earlier_answers = self._calls.ask_earlier(read.window, read.answers, paging)
        rows = self._assemble(read.window, [*read.answers, *earlier_answers], paging)
        read.earlier.shown = self._shown_rows.required_rows(read.window, read.answers, read.earlier.shown)
        twice = rows.proof == SECOND_READ or self._may_lack_all(rows)
        if (twice and not self._seen_twice(read, rows)) or self._lacks_shown(read, rows):
            return None
        self._shown_rows.refuse_repetition()
        if self._source.retries:  # else a user waits for a sample, which needs no proof
            self._sizes.check(rows, read.answers)
        return rows

    def _note_complete(self, read: WindowRead, rows: WindowRows) -> None:
        """Take a complete window from the queue, and add it to the window that it is a part of."""
        self._prefetch.remove(read)
        if rows.total is None:
            self._follows_rows = rows.distinct > 0
            if read.earlier.keys is not None:
                self._confirmed_empty = 0 if rows.distinct else self._confirmed_empty + 1
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
        if rows <= self._planner.most_in_memory:
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

    def _may_lack_all(self, rows: WindowRows) -> bool:
        """Return whether a window has no rows, no total says so, and empty windows are not confirmed often enough."""
        if rows.distinct or rows.total is not None or not self._source.retries:
            return False
        return self._follows_rows or self._confirmed_empty < _CONFIRMED_EMPTY

    def _seen_twice(self, read: WindowRead, rows: WindowRows) -> bool:
        """Return whether the previous read returned the same keys. If not, the window is queued to be read once more."""
        if not rows.distinct and read.answers[0].page.doubtful:
            return True  # asked twice already
        sorted_keys = np.sort(rows.hashes) if rows.hashes is not None else np.array([rows.distinct], np.uint64)
        if read.earlier.keys is not None and np.array_equal(read.earlier.keys, sorted_keys):
            rows.proof = SECOND_READ
            return True
        reason = "the answer has no total, so a second read has to bring the same rows"
        self._retries.read_again(read, reason, level=logging.INFO, keys=sorted_keys)
        return False
