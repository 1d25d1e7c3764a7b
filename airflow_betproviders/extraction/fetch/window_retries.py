"""Queue an incomplete window again: as it is, in parts, or with smaller requests."""

from __future__ import annotations

import logging
from typing import Any

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderOverloaded
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.shown_rows import ShownRows
from airflow_betproviders.extraction.fetch.completeness.split_window import SplitWindow
from airflow_betproviders.extraction.fetch.planner import MAX_READS, READS_BEFORE_HALVING, Planner
from airflow_betproviders.extraction.fetch.prefetch import Prefetcher
from airflow_betproviders.extraction.fetch.window_read import EarlierReads, WindowRead

log = logging.getLogger(__name__)


class WindowRetries:
    """Replace windows in the queue. Rows that their answers showed are remembered: the next read has to bring them."""

    def __init__(
        self,
        stream: Stream,
        planner: Planner,
        prefetch: Prefetcher,
        shown_rows: ShownRows,
        assemble: WindowAssembler,
    ) -> None:
        """Bind the stream.

        Args:
            stream: the stream.
            planner: chooses the sizes of pages and windows.
            prefetch: the queue of windows.
            shown_rows: remembers the rows that answers showed.
            assemble: makes the error of a window that never came complete.
        """
        self._stream = stream
        self._planner = planner
        self._prefetch = prefetch
        self._shown_rows = shown_rows
        self._assemble = assemble

    def read_again(self, read: WindowRead, reason: str, *, level: int = logging.WARNING, **changes: Any) -> None:
        """Read a window again.

        Args:
            read: the window as it was read.
            reason: why it is read again, for the log.
            level: of the line in the log.
            changes: attributes of the next read's `EarlierReads` that replace the usual ones.

        Raises:
            IncompleteWindow: it was read as often as a window may be.
        """
        if read.earlier.count + 1 == MAX_READS:
            raise self._assemble.incomplete(read.window, f"{reason}, in each of {MAX_READS} reads")
        log.log(level, "stream %s, window %s: %s; reading it again", self._stream.name, read.window, reason)
        earlier = {
            "count": read.earlier.count + 1,
            "changes": read.earlier.changes + 1,
            "keys": None,
            "shown": self.note_shown(read),
            "total": max([read.earlier.total, *(answer.total or 0 for answer in read.answers)]),
            "lacked_rows": False,
        }
        again = read.next_read(planned=True, **{**earlier, **changes})
        self._prefetch.replace(read, [again])

    def split(self, read: WindowRead) -> None:
        """Read a window in parts. They have to bring the rows and the total of its own first answer."""
        first = read.answers[0]
        keeps_changing = read.earlier.changes >= READS_BEFORE_HALVING
        halvings = read.earlier.halvings + keeps_changing
        parts = [WindowRead(part, read.slot, earlier=EarlierReads(halvings=halvings)) for part in read.parts]
        split = read.part_of
        if self._stream.paging.keeps_to_window:
            shown = self._shown_rows.add_answers(read.window, read.answers)
            rejected = len(first.page.rejected) if shown is not None else first.rows
            # The total of a window that keeps changing may be a few rows too high.
            counted = (first.total or 0) * 9 // 10 if keeps_changing else first.total or 0
            counted = max(counted, rejected + (0 if shown is None else len(shown)))
            split = SplitWindow(self._stream, read.window, shown, counted, len(parts), read.part_of, read.earlier.shown)
        elif split:
            split.split_part(len(parts))
        for part in parts:
            part.part_of = split
        self._prefetch.replace(read, parts)

    def ask_for_less(self, read: WindowRead, error: ProviderOverloaded) -> None:
        """Request a window in smaller pages or windows; where neither is possible, request it as it is, a few times.

        Raises:
            ProviderOverloaded: neither can help.
        """
        if self._planner.ask_for_less(read.window, read.paging):
            log.warning("%s; requesting fewer rows at once from now on", error)
            again = read.next_read(shown=self.note_shown(read))
        elif error.transient and read.earlier.retries_left:
            log.warning("%s; no smaller request is possible, so it is requested again", error)
            again = read.next_read(shown=self.note_shown(read), retries_left=read.earlier.retries_left - 1)
        else:
            raise error
        self._prefetch.replace(read, [again])

    def note_shown(self, read: WindowRead) -> RowVersions | None:
        """Remember and return the rows that the answers of a window show, including answers still on their way."""
        ahead = [PageAnswer(page, self._stream) for page in read.collect_pending()]
        return self._shown_rows.add_answers(read.window, [*read.answers, *ahead], read.earlier.shown)
