"""Declare pages by a token or a link, which each answer gives for the next page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from airflow_betproviders.declare.pagination.base import (
    LAST_PAGE,
    SECOND_READ,
    SHORT_ANSWER,
    TOTAL,
    Answer,
    Pagination,
    Params,
    Unprovable,
    WindowChanged,
    agreed_total,
    largest,
)

if TYPE_CHECKING:
    from airflow_betproviders.declare.interval import Interval

# After so many pages in a row without a new row, the window fails: the provider may name further pages forever.
_MOST_EMPTY_PAGES = 20


@dataclass(frozen=True, kw_only=True)
class PageToken(Pagination):
    """Pages by an opaque token, which each answer gives for the next page (envelope marker `NextPage`).

    Attributes:
        param: name of the token's parameter; the first call has none.
        size_param: name of the page size parameter; None where there is none.
        page_size: the largest page the provider gives.
    """

    param: str
    size_param: str | None = None
    page_size: int = 1000

    @property
    def rows_asked(self) -> int | None:
        """See `Pagination`."""
        return self.page_size if self.size_param else None

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return {self.size_param: self.page_size} if self.size_param else {}

    def following(self, window: Interval | None, answers: Sequence[Answer]) -> Sequence[Params]:
        """See `Pagination`."""
        latest = answers[-1]
        agreed_total(answers)
        if not latest.token:
            return ()
        if any(answer.token == latest.token for answer in answers[:-1]):
            raise WindowChanged(f"page {len(answers)} names a next page that an earlier one named already")
        if len(answers) > _MOST_EMPTY_PAGES and not any(answer.new for answer in answers[-_MOST_EMPTY_PAGES:]):
            raise Unprovable(f"the last {_MOST_EMPTY_PAGES} pages brought nothing new, and each names a further one")
        return ({**self.first(window), **self._next(latest.token)},)

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        total = agreed_total(answers)
        if total is None:
            return self._proof_by_last(answers[-1], answers[:-1])
        if distinct != total:
            raise WindowChanged(f"the provider counts {total} rows, {distinct} distinct ones came")
        return TOTAL

    @staticmethod
    def _proof_by_last(latest: Answer, others: Sequence[Answer]) -> str:
        """Name what proves pages without a total, by the page that names no further one.

        | last page | proof |
        |---|---|
        | has fewer rows than another | it is the last |
        | has as many as any, and is not small | its size has to be proven: the provider may have left out the next page's token |
        | is empty, after others that are not | a second read: an empty answer may come by mistake |
        """
        if largest(latest, others):
            return SHORT_ANSWER
        return LAST_PAGE if latest.rows or not any(other.rows for other in others) else SECOND_READ

    def limited_to(self, rows: int) -> PageToken:
        """See `Pagination`."""
        return replace(self, page_size=min(rows, self.page_size))

    def _next(self, token: str) -> Params:
        return {self.param: token}


@dataclass(frozen=True, kw_only=True)
class NextLink(PageToken):
    """Pages by a link, which each answer gives for the next page (envelope marker `NextPage`).

    The link's query gives the parameters; host and path stay those of the stream, so that each call is signed as usual.
    """

    param: str = ""

    def _next(self, token: str) -> Params:
        with suppress(ValueError):
            if params := dict(parse_qsl(urlsplit(token).query, keep_blank_values=True)):
                return params
        raise WindowChanged("the link to the next page is malformed, or has no parameters")
