"""Follow one window on its way: what it is asked for, which answers came, and which are to come."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Pagination, Params
from airflow_betproviders.extraction.answers.keys import Hashes
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.split_window import SplitWindow
from airflow_betproviders.extraction.fetch.source import AnswerPermit

# Seconds to wait for the answers of a window that is to be read again, to remember what they show.
_LONGEST_WAIT = 5.0


@dataclass
class PendingAnswer:
    """An answer to come.

    Attributes:
        page: what it is decoded to.
        permit: lets it into memory; until it is granted, no more than the beginning of a large one is received.
    """

    page: Future[Page]
    permit: AnswerPermit


@dataclass(eq=False)
class WindowRead:
    """A window on its way.

    Attributes:
        window: what is asked; None for a snapshot.
        slot: the number of the slot that it belongs to.
        number: how many times the window was begun.
        changes: how many times it changed while it was read.
        halved: how many times the window was halved because it kept changing.
        planned: whether to ask for it as it is, however many rows it likely holds.
        part_of: the split window that it is a part of.
        compare: the keys of the read before, where this one has to bring the same.
        shown: rows that answers of earlier reads showed; None before, or where they can't be compared.
        counted: the greatest total that answers of earlier reads had.
        lacked: whether the read before lacked some of them or had older versions, though it was complete.
        retries_left: how many times it is asked for again after a time-out, where neither smaller pages nor windows can be.
        paging: how it is asked for, once it is.
        to_ask: parameters of calls that are still to be made, the first one's apart.
        asked: answers to come, in order.
        answers: answers that came, in order; the first one may be looked at before its turn.
        taken: how many of them have had their turn.
        parts: what to ask for in its place, where that is more than one window.
        problem: what the first answer shows to be wrong.
    """

    window: Interval | None
    slot: int
    number: int = 1
    changes: int = 0
    halved: int = 0
    planned: bool = False
    part_of: SplitWindow | None = None
    compare: Hashes | None = None
    shown: RowVersions | None = None
    counted: int = 0
    lacked: bool = False
    retries_left: int = 2
    paging: Pagination | None = None
    to_ask: deque[Params] = field(default_factory=deque)
    asked: deque[PendingAnswer] = field(default_factory=deque)
    answers: list[PageAnswer] = field(default_factory=list)
    taken: int = 0
    parts: tuple[Interval | None, ...] = ()
    problem: Exception | None = None

    def next_read(self, **changes: Any) -> WindowRead:
        """Return the next read of the window, with other values for some attributes."""
        kept = ("number", "changes", "halved", "part_of", "compare", "shown", "counted", "lacked", "retries_left")
        return WindowRead(self.window, self.slot, **{**{name: getattr(self, name) for name in kept}, **changes})

    @property
    def may_ask(self) -> bool:
        """Return whether the next request is known."""
        return self.paging is None or bool(self.to_ask)

    def next_params(self, paging: Pagination) -> Params:
        """Return the parameters of the next call; the first one is made with the pagination in use by then."""
        if self.paging is None:
            self.paging = paging
            return paging.first(self.window)
        return self.to_ask.popleft()

    def add(self, answer: PageAnswer) -> None:
        """Add the next answer, and see what is to be asked after it."""
        assert self.paging is not None  # noqa: S101 - it was asked for
        self.answers.append(answer)
        self.to_ask += self.paging.following(self.window, self.answers)

    def arriving(self) -> list[Page]:
        """Return the answers that came before their turn, and wait a while for those on their way. No further call is made."""
        running = [answer for answer in self.asked if not answer.page.cancel()]
        for answer in running:
            answer.permit.grant()
        done = wait([answer.page for answer in running], timeout=_LONGEST_WAIT).done
        return [page.result() for page in done if page.exception() is None]

    def drop(self) -> None:
        """Give up what was asked for."""
        for answer in self.asked:
            answer.page.cancel()
            answer.permit.revoke()
