"""Hold the state of one read of a window: what earlier reads require of it, its calls, and its answers."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Pagination, Params
from airflow_betproviders.extraction.answers.keys import Hashes
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.split_window import SplitWindow
from airflow_betproviders.extraction.fetch.source import AnswerPermit

# Seconds to wait for the answers of a window that is to be read again, to remember the rows that they show.
_LONGEST_WAIT = 5.0


@dataclass
class PendingAnswer:
    """An answer that was requested and is not used yet.

    Attributes:
        page: the decoded answer, once it came.
        permit: lets it into memory; until it is granted, no more than the beginning of a large answer is received.
    """

    page: Future[Page]
    permit: AnswerPermit


@dataclass(eq=False)
class EarlierReads:
    """Describe the earlier reads of a window: how many there were, and what the next one has to bring.

    Attributes:
        count: number of earlier reads.
        changes: number of reads in which the window changed.
        halvings: number of times the window was halved because it kept changing.
        keys: the sorted keys of the read before, if this read has to bring exactly the same; else None.
        shown: rows that answers have shown and this read has to bring; None if there are none, or if rows have no key.
        total: the greatest total that an answer had.
        lacked_rows: whether the read before was complete by its own answers, but lacked rows of ``shown`` or had older versions.
        retries_left: number of times the window is requested again after a time-out, if no smaller request is possible.
    """

    count: int = 0
    changes: int = 0
    halvings: int = 0
    keys: Hashes | None = None
    shown: RowVersions | None = None
    total: int = 0
    lacked_rows: bool = False
    retries_left: int = 2


@dataclass(eq=False)
class WindowRead:
    """Follow one read of a window, from its first request to its last answer.

    Attributes:
        window: the window; None for a snapshot.
        slot: the number of the slot that it belongs to.
        planned: whether to request it unsplit, even if it likely has too many rows.
        part_of: the split window that it is a part of.
        earlier: what earlier reads of the window require of this one.
        paging: the pagination of its calls; None before the first.
        next_calls: parameters of the calls that are still to be made, except the first.
        pending: answers that were requested and are not used yet, in order.
        answers: answers that came, in order. The first may come here before its turn.
        delivered: number of answers that `Prefetcher.next_answer` has returned.
        parts: the windows to read in its place, if there is more than one.
        problem: the error to raise in its turn, if an answer cannot be used.
    """

    window: Interval | None
    slot: int
    planned: bool = False
    part_of: SplitWindow | None = None
    earlier: EarlierReads = field(default_factory=EarlierReads)
    paging: Pagination | None = None
    next_calls: deque[Params] = field(default_factory=deque)
    pending: deque[PendingAnswer] = field(default_factory=deque)
    answers: list[PageAnswer] = field(default_factory=list)
    delivered: int = 0
    parts: tuple[Interval | None, ...] = ()
    problem: Exception | None = None

    def next_read(self, *, planned: bool = False, **earlier: Any) -> WindowRead:
        """Return the next read of the window; ``earlier`` replaces attributes of its `EarlierReads`."""
        return WindowRead(self.window, self.slot, planned, self.part_of, replace(self.earlier, **earlier))

    @property
    def has_next_call(self) -> bool:
        """Return whether the parameters of a further call are known."""
        return self.paging is None or bool(self.next_calls)

    def next_params(self, paging: Pagination) -> Params:
        """Return the parameters of the next call; the first call uses the pagination that the planner has by then."""
        if self.paging is None:
            self.paging = paging
            return paging.first(self.window)
        return self.next_calls.popleft()

    def add(self, answer: PageAnswer) -> None:
        """Add the next answer, and the calls that it makes necessary."""
        assert self.paging is not None  # noqa: S101 - the window was requested
        self.answers.append(answer)
        self.next_calls += self.paging.following(self.window, self.answers)

    def collect_pending(self) -> list[Page]:
        """Return the answers that came before their turn. Wait a few seconds for those on their way; make no further call."""
        running = [answer for answer in self.pending if not answer.page.cancel()]
        for answer in running:
            answer.permit.grant()
        done = wait([answer.page for answer in running], timeout=_LONGEST_WAIT).done
        return [page.result() for page in done if page.exception() is None]

    def cancel(self) -> None:
        """Give up the answers that were requested."""
        for answer in self.pending:
            answer.page.cancel()
            answer.permit.revoke()
