"""Pagination kinds: how a provider hands out the rows of one window, and what proves that all of them came.

A kind is a class; a package adds one of its own by subclassing `Pagination`. The engine makes the calls that `first` and
`following` name, in order, and gives out the rows only after `proof` has named what shows that they are complete.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from airflow_betproviders.declare.interval import Interval

Params: TypeAlias = Mapping[str, Any]

# What proves that the rows of a window are complete. The receipt counts the windows by these names. ``one answer`` is no
# proof: the provider's word, where a window can't be split (a summary, a snapshot, a single step).
TOTAL = "total"
SHORT_ANSWER = "short answer"
EMPTY_PAGE = "empty page"
LAST_PAGE = "last page"
NOTHING_NEW = "nothing new"
END_REACHED = "end reached"
SECOND_READ = "second read"
REACHES = "reaches the end"
ONE_ANSWER = "one answer"

# Below so many rows nothing is suspected to be cut off.
FEW_ROWS = 10
# A total of so few full pages is not believed without a look at the page after them.
_FEW_PAGES = 4
# Answers in a row that bring nothing new before a provider that names ever further pages is no longer followed.
_FRUITLESS = 20


class WindowChanged(Exception):
    """The answers of a window contradict each other. Reading it again may help."""


class Unprovable(Exception):
    """Nothing can show that the rows of a window are complete. Reading it again doesn't help."""


class SmallerPages(Exception):
    """The provider gives smaller pages than were asked for.

    Attributes:
        rows: rows of a page, as far as the answer shows.
    """

    def __init__(self, rows: int) -> None:
        """Name the page size."""
        super().__init__(f"the provider gives pages of {rows} rows")
        self.rows = rows


@dataclass(frozen=True)
class Position:
    """An instant in milliseconds since 1970, as a parameter's value; it travels as the stream's times do."""

    ms: int


class Answer(Protocol):
    """What one answer shows of its window, as far as pagination is concerned.

    Attributes:
        rows: rows on it, those included that don't fit the schema.
        total: the provider's count of rows in the window; None where the answer has none.
        page_size: the page size that the answer says it used; None where it doesn't say.
        token: the token or link of the next page; None where there is none.
        new: rows that no earlier answer of the window had.
        last: the greatest value of the stream's time column, milliseconds since 1970; None without rows.
    """

    @property
    def rows(self) -> int: ...  # noqa: D102 - documented above
    @property
    def total(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def page_size(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def token(self) -> str | None: ...  # noqa: D102 - documented above
    @property
    def new(self) -> int: ...  # noqa: D102 - documented above
    @property
    def last(self) -> int | None: ...  # noqa: D102 - documented above


class Pagination(ABC):
    """How a provider hands out the rows of one window. Subclasses are frozen dataclasses."""

    @property
    def rows_a_page(self) -> int | None:
        """Rows of a full page, where a window's first answer tells how many pages follow; else None."""
        return None

    @property
    def rows_asked(self) -> int | None:
        """The most rows that a call asks for, where it says so and ``limited_to`` makes it fewer; else None."""
        return self.rows_a_page

    @property
    def most_rows(self) -> int | None:
        """The most rows that a window may have to be read without splitting it; None where that is not limited."""
        return None

    @property
    def keeps_to_window(self) -> bool:
        """Whether answers hold rows of the window only; otherwise the engine drops the others."""
        return True

    @property
    def may_be_cut_off(self) -> bool:
        """Whether an answer could lack rows without a sign of it, so that its size has to be proven."""
        return False

    @abstractmethod
    def first(self, window: Interval | None) -> Params:
        """Return the parameters of a window's first call; the window is None for a snapshot."""

    def following(self, window: Interval | None, answers: Sequence[Answer]) -> Sequence[Params]:  # noqa: ARG002 - one answer has none
        """Return the parameters of the calls that the latest of a window's answers shows to be needed.

        Raises:
            WindowChanged, Unprovable, SmallerPages: the window has to be read again, can't be read, or in smaller pages.
        """
        return ()

    @abstractmethod
    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """Name what proves that all answers together, with so many distinct rows, are the whole window.

        `SECOND_READ` asks the engine to read the window once more and to compare the keys.

        Raises:
            WindowChanged, Unprovable: they are not, or nothing shows it.
        """

    def rows_of_window(self, first: Answer) -> int | None:
        """Return how many rows the first answer says the window has, or likely has."""
        return first.rows if first.total is None else first.total

    def is_full(self, rows: int) -> bool:  # noqa: ARG002 - for kinds with a limit
        """Whether a window that tells so many rows may have more, so that it has to be split."""
        return False

    def full_reason(self, rows: int) -> str:
        """Say why so many rows are not believed, for a window that can't be split."""
        return f"the answer is full ({rows} rows)"

    def limited_to(self, rows: int) -> Pagination:  # noqa: ARG002 - for kinds with a page size
        """Return the same with pages of at most so many rows."""
        return self


@dataclass(frozen=True, kw_only=True)
class PageNumber(Pagination):
    """Pages by number, as many as a total says.

    Without a total in the answers, pages are read until one is empty; where the declaration promises a total, twice.

    Attributes:
        param: name of the page parameter.
        size_param: name of the page size parameter.
        page_size: the largest page the provider gives, so that calls are fewest.
        start: the first page's number.
        text: both values travel as strings.
        total_cap: the greatest total that the provider ever says: a window with that total is split (GM-Ag: 10,000).
        totals: whether the document promises a total.
    """

    param: str
    size_param: str
    page_size: int
    start: int = 1
    text: bool = False
    total_cap: int | None = None
    totals: bool = True

    @property
    def rows_a_page(self) -> int | None:
        """See `Pagination`."""
        return self.page_size

    @property
    def most_rows(self) -> int | None:
        """See `Pagination`."""
        return None if self.total_cap is None else self.total_cap - 1

    def params(self, index: int) -> dict[str, str | int]:
        """Return the parameters of page ``index`` (from 0)."""
        return self._at(self.start + index)

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return self.params(0)

    def following(self, window: Interval | None, answers: Sequence[Answer]) -> Sequence[Params]:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        first, latest = answers[0], answers[-1]
        if latest.total is None and first.total is not None:
            raise Unprovable(f"the answer has no total, the first page counted {first.total} rows")
        if latest.total != first.total:
            raise WindowChanged(f"the total went from {first.total} to {latest.total} between pages")
        if first.total is None:
            return self._until_empty(answers)
        pages = -(-first.total // self.page_size)
        if len(answers) == 1:
            if first.rows < min(first.total, self.page_size) and (rows := self._smaller(first)):
                raise SmallerPages(rows)
            if pages > 1:
                return [self.params(index) for index in range(1, pages)]
        elif len(answers) < pages and latest.rows < self.page_size:
            raise WindowChanged(f"page {len(answers)} of {pages} has {latest.rows} rows of {self.page_size}")
        return self._until_empty(answers) if len(answers) >= pages and self._suspicious(answers) else ()

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        total = answers[0].total
        beyond = len(answers) > 1 and not answers[-1].rows
        if total is None:
            if answers[-1].rows:
                raise Unprovable("the answer has no total, so nothing shows that it is complete")
            return SECOND_READ if self.totals else EMPTY_PAGE
        if distinct == total:
            return TOTAL
        if beyond and distinct > total:
            return SECOND_READ
        raise WindowChanged(f"the provider counts {total} rows, {distinct} distinct ones came")

    def is_full(self, rows: int) -> bool:
        """See `Pagination`."""
        return rows == self.total_cap

    def full_reason(self, rows: int) -> str:
        """See `Pagination`."""
        return f"the provider counts exactly {rows} rows, the most it ever answers"

    def limited_to(self, rows: int) -> PageNumber:
        """See `Pagination`."""
        return replace(self, page_size=min(rows, self.page_size))

    def _at(self, number: int) -> dict[str, str | int]:
        values = {self.param: number, self.size_param: self.page_size}
        return {name: str(value) for name, value in values.items()} if self.text else {**values}

    def _until_empty(self, answers: Sequence[Answer]) -> Sequence[Params]:
        if not answers[-1].rows:
            return ()
        if len(answers) > 1 and not answers[-1].new:
            raise WindowChanged(
                f"the answer has no total, and page {len(answers)} brought the rows of an earlier page again"
            )
        return (self._after(answers),)

    def _after(self, answers: Sequence[Answer]) -> Params:
        return self.params(len(answers))

    def _suspicious(self, answers: Sequence[Answer]) -> bool:
        """Whether a total may be the count of the rows on the page, or where a server stops: one more page has to be empty."""
        first = answers[0]
        if first.total is None or first.total < FEW_ROWS or first.rows < FEW_ROWS:
            return False
        alone = first.total <= self.page_size and first.total == first.rows
        few_full_pages = first.total % self.page_size == 0 and first.total <= _FEW_PAGES * self.page_size
        return (alone and like_a_cap(first.total)) or few_full_pages

    @staticmethod
    def _smaller(first: Answer) -> int | None:
        """Return the size of a first page that lacks rows, where it seems to be the most that a page has."""
        return first.rows if first.rows == first.page_size or first.rows >= FEW_ROWS else None


@dataclass(frozen=True, kw_only=True)
class Offset(PageNumber):
    """Pages by the number of rows before them; otherwise as `PageNumber`."""

    start: int = 0

    def params(self, index: int) -> dict[str, str | int]:
        """Return the parameters of page ``index`` (from 0)."""
        return self._at(self.start + index * self.page_size)

    def _after(self, answers: Sequence[Answer]) -> Params:
        return self._at(self.start + sum(answer.rows for answer in answers))


@dataclass(frozen=True, kw_only=True)
class PageToken(Pagination):
    """Pages by an opaque token that each answer names for the next (envelope marker `NextPage`).

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
        if latest.total != answers[0].total:
            raise WindowChanged(f"the total went from {answers[0].total} to {latest.total} between pages")
        if not latest.token:
            return ()
        if any(answer.token == latest.token for answer in answers[:-1]):
            raise WindowChanged(f"page {len(answers)} names a next page that an earlier one named already")
        if len(answers) > _FRUITLESS and not any(answer.new for answer in answers[-_FRUITLESS:]):
            raise Unprovable(f"the last {_FRUITLESS} pages brought nothing new, and each names a further one")
        return ({**self.first(window), **self._next(latest.token)},)

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        total = answers[0].total
        if total is None:
            return LAST_PAGE
        if distinct != total:
            raise WindowChanged(f"the provider counts {total} rows, {distinct} distinct ones came")
        return TOTAL

    def limited_to(self, rows: int) -> PageToken:
        """See `Pagination`."""
        return replace(self, page_size=min(rows, self.page_size))

    def _next(self, token: str) -> Params:
        return {self.param: token}


@dataclass(frozen=True, kw_only=True)
class NextLink(PageToken):
    """Pages by a link that each answer names for the next (envelope marker `NextPage`).

    The link's query gives the parameters; host and path stay those of the stream, so that each call is signed as usual.
    """

    param: str = ""

    def _next(self, token: str) -> Params:
        return dict(parse_qsl(urlsplit(token).query, keep_blank_values=True))


@dataclass(frozen=True, kw_only=True)
class LimitedAnswer(Pagination):
    """One answer of at most ``limit`` rows, silently cut there: a full answer is halved until it is not.

    Attributes:
        param: name of the parameter that carries the limit.
        limit: the largest limit that the provider takes.
    """

    param: str
    limit: int

    @property
    def rows_asked(self) -> int | None:
        """See `Pagination`."""
        return self.limit

    @property
    def most_rows(self) -> int | None:
        """See `Pagination`."""
        return self.limit - 1

    @property
    def may_be_cut_off(self) -> bool:
        """See `Pagination`."""
        return True

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return {self.param: self.limit}

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        return _by_total(answers[0], distinct) or SHORT_ANSWER

    def rows_of_window(self, first: Answer) -> int | None:
        """See `Pagination`."""
        return first.rows

    def is_full(self, rows: int) -> bool:
        """See `Pagination`."""
        return rows >= self.limit

    def full_reason(self, rows: int) -> str:
        """See `Pagination`."""
        return f"the answer is full ({rows} rows), there are no further pages, and the window cannot be halved"

    def limited_to(self, rows: int) -> LimitedAnswer:
        """See `Pagination`."""
        return replace(self, limit=min(rows, self.limit))


@dataclass(frozen=True)
class SingleAnswer(Pagination):
    """One answer with everything."""

    @property
    def may_be_cut_off(self) -> bool:
        """See `Pagination`."""
        return True

    def first(self, window: Interval | None) -> Params:  # noqa: ARG002 - the same for every window
        """See `Pagination`."""
        return {}

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        return _by_total(answers[0], distinct) or SHORT_ANSWER


@dataclass(frozen=True, kw_only=True)
class TimestampCursor(Pagination):
    """Rows from an instant on, in its order: the next call starts at the greatest instant so far.

    Each call begins a millisecond earlier, whether the provider counts the instant itself in or not. The cursor is
    followed until it reaches the window's end or a call brings nothing new.

    Attributes:
        param: name of the parameter that carries the instant.
        limit: rows in a full answer, as documented.
        size_param: name of the parameter that carries the limit; None where there is none.
    """

    param: str
    limit: int
    size_param: str | None = None

    @property
    def rows_asked(self) -> int | None:
        """See `Pagination`."""
        return self.limit if self.size_param else None

    @property
    def keeps_to_window(self) -> bool:
        """See `Pagination`."""
        return False

    def first(self, window: Interval | None) -> Params:
        """See `Pagination`."""
        assert window is not None  # noqa: S101 - a cursor starts at a window's start
        return self._from(_ms(window) - 1)

    def following(self, window: Interval | None, answers: Sequence[Answer]) -> Sequence[Params]:
        """See `Pagination`."""
        assert window is not None  # noqa: S101 - a cursor starts at a window's start
        latest = answers[-1]
        if latest.last is None or latest.last >= round(window.end.timestamp() * 1000):
            return ()
        before = max((answer.last for answer in answers[:-1] if answer.last is not None), default=_ms(window))
        if latest.last <= before:
            if latest.rows >= self.limit or (latest.rows == max(a.rows for a in answers) and like_a_cap(latest.rows)):
                raise Unprovable(f"more than {latest.rows} rows share {self._shared}")
            return ()
        return (self._from(latest.last - 1),) if latest.new else ()

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:  # noqa: ARG002 - followed to the end
        """See `Pagination`."""
        return END_REACHED if answers[-1].new else NOTHING_NEW

    def limited_to(self, rows: int) -> TimestampCursor:
        """See `Pagination`."""
        return replace(self, limit=min(rows, self.limit)) if self.size_param else self

    def rows_of_window(self, first: Answer) -> int | None:  # noqa: ARG002 - an answer says nothing of the window
        """See `Pagination`."""
        return None

    @property
    def _shared(self) -> str:
        return "one millisecond"

    def _from(self, ms: int) -> Params:
        size = {self.size_param: self.limit} if self.size_param else {}
        return {self.param: Position(ms), **size}


@dataclass(frozen=True, kw_only=True)
class RowVersionCursor(TimestampCursor):
    """Rows from a version on: each row's time of its last change, in milliseconds, which several rows may share."""

    size_param: str | None = "count"

    @property
    def _shared(self) -> str:
        return "one row version"


def like_a_cap(rows: int) -> bool:
    """Whether a number of rows is one at which a server's programmer would cut an answer off."""
    return rows >= FEW_ROWS and (rows % 50 == 0 or rows & (rows - 1) == 0)


def _by_total(answer: Answer, distinct: int) -> str | None:
    if answer.total is None:
        return None
    if distinct != answer.total:
        raise WindowChanged(f"the provider counts {answer.total} rows, {distinct} distinct ones came")
    return TOTAL


def _ms(window: Interval) -> int:
    return round(window.start.timestamp() * 1000)
