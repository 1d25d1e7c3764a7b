"""Make the calls of a window: one at a time for the queue, or all at once for a window beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    LinkParams,
    Pagination,
    Params,
    Position,
    SmallerPages,
    Unprovable,
    WindowChanged,
)
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.answers.page_answer import PageAnswer
from airflow_betproviders.extraction.answers.row_versions import NO_ROWS, RowVersions
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.filtered_rows import FilteredRows
from airflow_betproviders.extraction.fetch.planner import MAX_READS, MOST_ROWS, Planner
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source


class Call(Protocol):
    """Make one call to the provider."""

    def __call__(self, window: Interval | None, params: Mapping[str, Any], permit: AnswerPermit, /) -> Page:
        """Return the decoded answer.

        Args:
            window: the requested window; None for a snapshot.
            params: the parameters of the request, paging included.
            permit: lets the answer into memory.

        Raises:
            BetProviderError: the call failed, or its answer cannot be decoded.
        """


class WindowCalls:
    """Make the calls of one stream's windows."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        filters: Mapping[str, Any],
        call: Call,
        planner: Planner,
        assemble: WindowAssembler,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            call: makes one call.
            planner: chooses the sizes of pages and windows.
            assemble: assembles a window from its answers.
        """
        self._source = source
        self._stream = stream
        self._filters = filters
        self._call = call
        self._planner = planner
        self._assemble = assemble
        self._filtered_rows = FilteredRows(source, stream, filters)

    def ask(self, window: Interval | None, paging: Params, permit: AnswerPermit) -> Page:
        """Make one call; an answer that may be empty by mistake is requested twice.

        Args:
            window: what to request; None for a snapshot.
            paging: the parameters of its pagination.
            permit: lets the answer into memory.

        Raises:
            IncompleteWindow: a link to the next page leads out of the window or its filters.
        """
        asked = self._source.params(self._stream, window, self._filters)
        params: Params = {
            **asked,
            **{
                name: self._source.cursor(self._stream, value.ms) if isinstance(value, Position) else value
                for name, value in paging.items()
            },
        }
        if isinstance(paging, LinkParams):
            params = self._of_link(window, paging, asked)
        page = self._call(window, params, permit)
        if page.doubtful:
            page = self._call(window, params, permit)
        self._filtered_rows.check(window, page)
        return page

    def _of_link(self, window: Interval | None, link: LinkParams, asked: Params) -> Params:
        """Return the parameters of a link's call; what was requested keeps its type."""
        for name, value in asked.items():
            if name in link and not _alike(link[name], value):
                raise self._assemble.incomplete(
                    window,
                    f"the link to the next page has {name}={link[name]!r} where {value!r} was requested, so its rows may be those "
                    "of another window; ask the provider",
                )
        params = LinkParams({**link, **asked})
        params.host = link.host
        return params

    def ask_all(self, window: Interval, answers: list[PageAnswer], *, unsplit: bool = True) -> None:
        """Request all pages of a window, one by one.

        Args:
            window: what to request.
            answers: gets the answers, in order; also where one of the calls fails.
            unsplit: whether to refuse a window that has to be split to be read.

        Raises:
            Unprovable: the first answer is full, or counts more rows than are held in memory at once.
            WindowChanged, SmallerPages: what an answer shows to be wrong.
        """
        paging = self._planner.paging
        to_ask = deque([paging.first(window)])
        while to_ask:
            answers.append(PageAnswer(self.ask(window, to_ask.popleft(), AnswerPermit()), self._stream, answers))
            if len(answers) == 1:
                self._check_size(paging.rows_of_window(answers[0]) or 0, answers[0], unsplit=unsplit)
            to_ask += paging.following(window, answers)

    def ask_beyond(self, window: Interval | None, paging: Pagination, answers: list[PageAnswer], counted: int) -> None:
        """Request the rows after the last where an earlier answer had a greater total: there must be none.

        Args:
            window: what was asked; None for a snapshot.
            paging: how it was requested.
            answers: its answers; gets the one more.
            counted: the greatest total that answers of earlier reads had.

        Raises:
            WindowChanged: more rows come after the last.
        """
        total = answers[0].total
        if total is None or total >= counted or not answers[-1].rows:
            return
        if (beyond := paging.beyond(answers)) is None:
            return
        answers.append(PageAnswer(self.ask(window, beyond, AnswerPermit()), self._stream, answers))
        if answers[-1].new:
            raise WindowChanged(f"the provider counts {total} rows, but more come after them")

    def ask_earlier(
        self, window: Interval | None, answers: Sequence[PageAnswer], paging: Pagination
    ) -> list[PageAnswer]:
        """Request the window a second earlier where a report shows the day after its end; return the answer, if there is one."""
        earlier = self._assemble.earlier_window(window, answers, paging)
        if earlier is None:
            return []
        with suppress(ProviderRequestError):  # a provider may refuse a window that does not begin at midnight
            return [PageAnswer(self.ask(earlier, paging.first(earlier), AnswerPermit()), self._stream)]
        return []

    def versions_in(self, window: Interval) -> RowVersions:
        """Return the rows that answers for a window show, complete or not; none where the provider refuses so late a window."""
        answers: list[PageAnswer] = []
        with suppress(Unprovable, WindowChanged, SmallerPages, ProviderRequestError):
            self.ask_all(window, answers)
        return RowVersions.joined(answer.versions_in(window) for answer in answers)

    def read(self, window: Interval) -> WindowRows:
        """Return the rows of a short window, complete. Rows that an answer showed have to come again.

        Raises:
            IncompleteWindow: they are more than a window can be read with, or keep changing.
        """
        reason, shown = "", NO_ROWS
        for _ in range(MAX_READS):
            answers: list[PageAnswer] = []
            try:
                self.ask_all(window, answers)
                rows = self._assemble(window, answers, self._planner.paging)
            except WindowChanged as changed:
                reason = str(changed)
            except (Unprovable, SmallerPages) as problem:
                raise self._assemble.incomplete(window, str(problem)) from None
            else:
                versions = rows.versions(self._stream)
                assert versions is not None  # noqa: S101 - only windows of rows with a key are read so
                gone = len(shown.lacking_in(versions))
                if not gone:
                    return rows
                reason = f"{gone} rows that an earlier answer showed did not come again, or came older"
            shown = RowVersions.joined([shown, *(answer.versions_in(window) for answer in answers)]).newest
        raise self._assemble.incomplete(window, f"{reason}, in each of {MAX_READS} reads")

    def _check_size(self, rows: int, first: PageAnswer, *, unsplit: bool) -> None:
        if unsplit and self._planner.is_full(rows, first.bytes):
            raise Unprovable(self._planner.paging.full_reason(first.rows))
        if rows > max(MOST_ROWS, first.rows):
            raise Unprovable(f"the provider counts {rows} rows, too many to be read at once")


def _alike(given: Any, asked: Any) -> bool:
    """Return whether a link repeats what was asked, as text; some providers leave the plus of a zone unescaped."""
    return [*map(_text, _values(given))] == [*map(_text, _values(asked))]


def _values(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return str(value).replace("+", " ").removesuffix("Z").removesuffix(" 00:00").lower()
