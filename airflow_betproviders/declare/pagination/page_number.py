"""Declare pages by number, or by the number of rows before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_betproviders.declare.pagination.base import (
    EMPTY_PAGE,
    FEW_ROWS,
    SECOND_READ,
    TOTAL,
    Answer,
    Pagination,
    Params,
    ShortPage,
    SmallerPages,
    Unprovable,
    WindowChanged,
    agreed_total,
    is_largest_answer,
    is_likely_cap,
    total_so_far,
)

if TYPE_CHECKING:
    from airflow_betproviders.declare.interval import Interval

# A total of at most so many pages, all full, may be a server's limit: the page after them must be empty.
_FEW_PAGES = 4


@dataclass(frozen=True, kw_only=True)
class PageNumber(Pagination):
    """Pages by number.

    | answers | pages are read |
    |---|---|
    | have a total | as many as it says; if it may be a server's limit, one page more, which must bring nothing new |
    | have a total on some pages only | as many as the first page says, else until one is empty; the window is read twice |
    | have none, or each counts only its own rows | until one is empty; the window is read twice if ``totals`` promises one |

    Without a total, a page that is not full may have been cut off, at a number of rows or of bytes. If a page follows it, the
    window is read in smaller pages. If none follows and it is the largest, one more call requests the rows after it, with a
    smaller page size. It must bring none.

    Attributes:
        param: name of the page parameter.
        size_param: name of the page size parameter.
        page_size: the largest page the provider gives, so that calls are fewest.
        start: the first page's number.
        text: whether both values are sent as strings.
        total_cap: the greatest total that the provider ever gives; a window with that total is split (GM-Ag: 10,000). None
            where there is none.
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
        total = total_so_far(answers)
        if total is None or first.total is None:
            return self._until_empty(answers)
        pages = -(-total // self.page_size)
        if len(answers) == 1:
            if first.rows < min(total, self.page_size) and (rows := self._smaller(first)):
                raise SmallerPages(rows)
            if pages > 1:
                return [self.params(index) for index in range(1, pages)]
        elif len(answers) < pages and latest.rows < self.page_size:
            raise ShortPage(len(answers), latest.rows, self.page_size)
        suspicious = len(answers) >= pages and self._suspicious(first, total)
        return self._after_counted(answers, pages) if suspicious else ()

    def proof(self, answers: Sequence[Answer], distinct: int) -> str:
        """See `Pagination`."""
        total = agreed_total(answers)
        beyond = len(answers) > 1 and not answers[-1].rows
        if total is None:
            if all(answer.rows for answer in answers):
                raise Unprovable("the answer has no total, so nothing shows that it is complete")
            return SECOND_READ if self.totals else EMPTY_PAGE
        if distinct == total:
            everywhere = all(answer.total is not None for answer in answers if answer.rows)
            return TOTAL if everywhere else SECOND_READ
        if beyond and distinct > total:
            return SECOND_READ
        raise WindowChanged(f"the provider counts {total} rows, {distinct} distinct ones came")

    def beyond(self, answers: Sequence[Answer]) -> Params:
        """See `Pagination`."""
        return self._after(answers)

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

    def _after_counted(self, answers: Sequence[Answer], pages: int) -> Sequence[Params]:
        """Return the parameters of a page after those that the total counts. It must be empty, or bring the last one again.

        If there is one page, and it comes again, the provider may ignore the page number. Then a page that is one row smaller is
        requested: if the provider doesn't ignore the number, the second of these pages has one row.

        Raises:
            WindowChanged: the provider ignores the page number.
        """
        after, rows = answers[pages:], answers[0].rows
        if len(after) > 1 and not after[-2].new:  # the latest is the smaller page
            if after[-1].new or after[-1].rows != 1:
                raise WindowChanged(f"page 2 brings the rows of page 1 again, even if a page has {rows - 1} rows")
            return ()
        if not after or after[-1].new:
            return (self._after(answers),)
        numbered = not after[-1].rows or any(answer.new for answer in answers[1:])
        return () if numbered else (replace(self, page_size=rows - 1).params(1),)

    def _until_empty(self, answers: Sequence[Answer]) -> Sequence[Params]:
        first_empty = next((place for place, answer in enumerate(answers) if not answer.rows), None)
        if self._skips_rows:
            pages = answers[:first_empty]
            if lacking := [page.rows for page in pages[:-1] if page.rows < self.page_size]:
                raise SmallerPages(lacking[0] if len({*lacking}) == 1 else max(1, min(lacking) * 3 // 4))
            if first_empty is not None and first_empty < len(answers) - 1:  # the latest is for rows after the last page
                if answers[-1].new:
                    raise SmallerPages(max(1, pages[-1].rows * 3 // 4))
                return ()
            if first_empty and pages[-1].rows < self.page_size and is_largest_answer(pages[-1], pages[:-1]):
                return (self._following_rows(pages),)
        if first_empty is not None:
            return ()
        if len(answers) > 1 and not answers[-1].new:
            raise WindowChanged(
                f"the answer has no total, and page {len(answers)} brought the rows of an earlier page again"
            )
        return (self._after(answers),)

    @property
    def _skips_rows(self) -> bool:
        """Return whether the page after one that was cut off leaves out the lost rows."""
        return True

    def _after(self, answers: Sequence[Answer]) -> Params:
        return self.params(len(answers))

    def _following_rows(self, pages: Sequence[Answer]) -> Params:
        """Return the parameters of a smaller page that begins no later than the row after the last page."""
        size = max(1, pages[-1].rows)
        rows = (len(pages) - 1) * self.page_size + size
        return replace(self, page_size=size).params(rows // size)

    def _suspicious(self, first: Answer, total: int) -> bool:
        """Return whether a total may count the first page only, or be a server's limit: the page after the last must be empty."""
        if total < FEW_ROWS or first.rows < FEW_ROWS:
            return False
        alone = total <= self.page_size and total == first.rows
        few_full_pages = total % self.page_size == 0 and total <= _FEW_PAGES * self.page_size
        return (alone and is_likely_cap(total)) or few_full_pages

    @staticmethod
    def _smaller(first: Answer) -> int | None:
        """Return the rows of a first page that is not full, if the provider seems to give no larger ones; else None."""
        return first.rows if first.rows == first.page_size or first.rows >= FEW_ROWS else None


@dataclass(frozen=True, kw_only=True)
class Offset(PageNumber):
    """Pages by the number of rows before them; otherwise as `PageNumber`.

    Where no total is given, each page begins after the rows that came, so a page that was cut off loses none.
    """

    start: int = 0

    def params(self, index: int) -> dict[str, str | int]:
        """Return the parameters of page ``index`` (from 0)."""
        return self._at(self.start + index * self.page_size)

    @property
    def _skips_rows(self) -> bool:
        return False

    def _after(self, answers: Sequence[Answer]) -> Params:
        return self._at(self.start + sum(answer.rows for answer in answers))
