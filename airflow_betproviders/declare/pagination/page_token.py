"""Declare pages by a token or a link, which each answer gives for the next page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

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
    is_largest_answer,
    total_so_far,
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
        total_so_far(answers)
        if not latest.token:
            return ()
        if any(answer.token == latest.token for answer in answers[:-1]):
            raise WindowChanged(f"page {len(answers)} names a next page that an earlier one named already")
        if len(answers) > _MOST_EMPTY_PAGES and not any(answer.new for answer in answers[-_MOST_EMPTY_PAGES:]):
            raise Unprovable(f"the last {_MOST_EMPTY_PAGES} pages brought nothing new, and each names a further one")
        return (self._next(latest.token, self.first(window)),)

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
        if is_largest_answer(latest, others):
            return SHORT_ANSWER
        return LAST_PAGE if latest.rows or not any(other.rows for other in others) else SECOND_READ

    def limited_to(self, rows: int) -> PageToken:
        """See `Pagination`."""
        return replace(self, page_size=min(rows, self.page_size))

    def _next(self, token: str, first: Params) -> Params:
        """Return the parameters of the call that a token names, given those of the first call."""
        return {**first, self.param: token}


class LinkParams(dict[str, Any]):
    """The parameters of a link to the next page.

    Attributes:
        host: the host that the link names, in lower case; empty where it may name it, or names none.
    """

    host = ""


@dataclass(frozen=True, kw_only=True)
class NextLink(PageToken):
    """Pages by a link, which each answer gives for the next page (envelope marker `NextPage`).

    The link's query gives the parameters; host and path stay those of the stream, so that each call is signed as usual.
    The task fails if a link names another host, another account, or other values of what the first call requested.

    Attributes:
        hosts: further hosts that links may name, such as the vendor's own behind a gateway. No call goes there.
    """

    param: str = ""
    hosts: tuple[str, ...] = ()

    def _next(self, token: str, first: Params) -> LinkParams:
        with suppress(ValueError):
            link = urlsplit(token)
            if given := parse_qs(link.query, keep_blank_values=True):
                params = LinkParams(first)
                params |= {name: values if len(values) > 1 else values[0] for name, values in given.items()}
                params.host = "" if link.hostname in self.hosts else link.hostname or ""
                return params
        raise WindowChanged("the link to the next page is malformed, or has no parameters")
