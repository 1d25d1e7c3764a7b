"""Base class of the pagination kinds: the calls of a window, and the proof that it is complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
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

# An answer with fewer rows is not suspected to be cut off at a number of rows.
FEW_ROWS = 10
# Nor one with fewer bytes at a number of bytes: no server limits its answers to fewer.
FEW_BYTES = 16 * 1024


class WindowChanged(Exception):
    """The answers of a window contradict each other. Reading it again may help."""


class ShortPage(WindowChanged):
    """A page between the first and the last is not full: a row is gone, or the provider cuts pages off by their bytes.

    Attributes:
        likely_size: rows that a page may be expected to have where its bytes are limited.
    """

    def __init__(self, number: int, rows: int, expected: int) -> None:
        """Name the page by its number from 1."""
        super().__init__(f"page {number} has {rows} rows of {expected}")
        self.likely_size = max(FEW_ROWS, rows * 3 // 4)


class DisorderedRows(WindowChanged):
    """The rows of cut-off answers are out of order by more time than the next calls went back, so some may be missing.

    Attributes:
        disorder_ms: the most milliseconds by which a row's time lies before that of a row above it.
    """

    def __init__(self, disorder_ms: int) -> None:
        """Name the milliseconds."""
        super().__init__(f"the answers are cut off, and their rows are out of order by up to {disorder_ms} ms")
        self.disorder_ms = disorder_ms


class Unprovable(Exception):
    """Nothing can show that the rows of a window are complete. Reading it again doesn't help."""


class SmallerPages(Exception):
    """The provider gives smaller pages than were requested.

    Attributes:
        rows: rows of a page, as far as the answer shows.
    """

    def __init__(self, rows: int) -> None:
        """Name the page size."""
        super().__init__(f"the provider gives pages of {rows} rows")
        self.rows = rows


@dataclass(frozen=True)
class Position:
    """An instant in milliseconds since 1970, as a parameter's value. It is written as the stream's times are."""

    ms: int


class Answer(Protocol):
    """The parts of an answer that pagination needs.

    Attributes:
        rows: its rows, including those that don't fit the schema.
        bytes: its bytes, decompressed.
        total: the provider's count of rows in the window; None where the answer has none.
        page_size: the page size that the answer says it used; None where it doesn't say.
        token: the token or link of the next page; None where there is none.
        new: rows that no earlier answer of the window had.
        late_rows: those of the new rows that are older than the newest row of an earlier answer.
        latest_ms: the greatest value of the stream's time column, milliseconds since 1970; None without rows.
        median_ms: the median of these values, milliseconds since 1970; None without rows.
        in_order: whether rows come in the order of the time column, a few apart.
        disorder_ms: milliseconds that a row's time lies before that of a row above it, at most; 0 where all come in order.
        tail_ms: milliseconds from a few rows before the last to the last, in the order of time; at most a minute.
        shuffled: whether many rows come in an order that has nothing to do with time.
        newest_first: whether they come in the opposite order.
    """

    @property
    def rows(self) -> int: ...  # noqa: D102 - documented above
    @property
    def bytes(self) -> int: ...  # noqa: D102 - documented above
    @property
    def total(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def page_size(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def token(self) -> str | None: ...  # noqa: D102 - documented above
    @property
    def new(self) -> int: ...  # noqa: D102 - documented above
    @property
    def latest_ms(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def late_rows(self) -> int: ...  # noqa: D102 - documented above
    @property
    def median_ms(self) -> int | None: ...  # noqa: D102 - documented above
    @property
    def newest_first(self) -> bool: ...  # noqa: D102 - documented above
    @property
    def shuffled(self) -> bool: ...  # noqa: D102 - documented above
    @property
    def in_order(self) -> bool: ...  # noqa: D102 - documented above
    @property
    def disorder_ms(self) -> int: ...  # noqa: D102 - documented above
    @property
    def tail_ms(self) -> int: ...  # noqa: D102 - documented above


class Pagination(ABC):
    """Declare how a provider returns the rows of one window. Subclasses are frozen dataclasses."""

    @property
    def rows_a_page(self) -> int | None:
        """Return the rows of a full page, where a window's first answer says how many pages follow; else None."""
        return None

    @property
    def rows_asked(self) -> int | None:
        """Return the most rows that a call requests, where `limited_to` can make them fewer; else None."""
        return self.rows_a_page

    @property
    def most_rows(self) -> int | None:
        """Return the most rows that a window may have to be read without splitting it; None where that is not limited."""
        return None

    @property
    def keeps_to_window(self) -> bool:
        """Return whether answers hold rows of the window only; otherwise the engine drops the others."""
        return True

    @property
    def may_be_cut_off(self) -> bool:
        """Return whether an answer could lack rows without a sign of it, so that its size has to be proven."""
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

    def beyond(self, answers: Sequence[Answer]) -> Params | None:  # noqa: ARG002 - for kinds with pages that are counted
        """Return the parameters of a call for the rows after those of the answers; None where there is no such call."""
        return None

    @abstractmethod
    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """Name what proves that all answers together, with so many distinct rows, are the complete window.

        `SECOND_READ` asks the engine to read the window once more and to compare the keys.

        Raises:
            WindowChanged, Unprovable: they are not, or nothing shows it.
        """

    def rows_of_window(self, first: Answer) -> int | None:
        """Return how many rows the first answer says the window has, or likely has."""
        return first.rows if first.total is None else first.total

    def is_full(self, rows: int) -> bool:  # noqa: ARG002 - for kinds with a limit
        """Return whether a window with this total may have more rows, so that it has to be split."""
        return False

    def full_reason(self, rows: int) -> str:
        """Say why a window with so many rows is not proven complete, if it cannot be split."""
        return f"the answer is full ({rows} rows)"

    def expecting_disorder(self, disorder_ms: int) -> Pagination:  # noqa: ARG002 - for kinds that go by the order of rows
        """Return the same pagination for rows that are out of order by up to so many milliseconds."""
        return self

    def limited_to(self, rows: int) -> Pagination:  # noqa: ARG002 - for kinds with a page size
        """Return the same pagination with pages of at most so many rows."""
        return self


def is_largest_answer(latest: Answer, others: Sequence[Answer]) -> bool:
    """Return whether an answer is as large as the window's others, so that it may have been cut off at some size.

    An answer is not the largest if another has more rows, and more bytes than this one would have with two more rows.
    A small answer never counts as the largest.
    """
    if latest.rows < FEW_ROWS and latest.bytes < FEW_BYTES:
        return False
    with_more = latest.bytes + 2 * latest.bytes // max(1, latest.rows)
    return not any(other.rows > latest.rows and other.bytes > with_more for other in others)


def is_likely_cap(rows: int) -> bool:
    """Return whether a number of rows is one at which servers cut answers off: a multiple of 50, or a power of two."""
    return rows >= FEW_ROWS and (rows % 50 == 0 or rows & (rows - 1) == 0)


def agreed_total(answers: Sequence[Answer]) -> int | None:
    """Return the total that the answers agree on; None where none has one, or each counts only its own rows.

    Raises:
        WindowChanged: two answers differ.
    """
    totals = {answer.total for answer in answers if answer.total is not None}
    if len(totals) < 2:
        return next(iter(totals), None)
    if all(answer.total in {None, answer.rows} for answer in answers):
        return None
    raise WindowChanged(f"the total went from {answers[0].total} to {answers[-1].total} between pages")


def total_so_far(answers: Sequence[Answer]) -> int | None:
    """Return `agreed_total` of answers of which all but the latest agree, without comparing all of them after each page.

    Raises:
        WindowChanged: the latest has another total than the others.
    """
    first, latest = answers[0], answers[-1]
    counts_window = first.total not in {None, first.rows}
    return first.total if counts_window and latest.total == first.total else agreed_total(answers)


def proof_by_total(answer: Answer, distinct: int) -> str | None:
    """Return `TOTAL` where the answer's total is the number of distinct rows; None where it has no total.

    Raises:
        WindowChanged: the two differ.
    """
    if answer.total is None:
        return None
    if distinct != answer.total:
        raise WindowChanged(f"the provider counts {answer.total} rows, {distinct} distinct ones came")
    return TOTAL
